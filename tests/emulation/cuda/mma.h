// CUDA's matrix fragments, on the CPU: a warp holds a matrix together, each lane every 32nd number of it.
// Which lane has which is CUDA's secret, so what a kernel may do with single numbers is the same here and
// there. Products see operands as tensor cores do: of TF32 the upper 19 bits, whatever else there is.
#pragma once
#include <type_traits>

#include "block.h"
#include "cuda_bf16.h"

namespace nvcuda::wmma {

struct matrix_a {};
struct matrix_b {};
struct accumulator {};
struct row_major {};
struct col_major {};
namespace precision {
struct tf32 {};
}  // namespace precision
enum layout_t { mem_row_major, mem_col_major };

// Ten bits of mantissa, to the nearest, away from zero halfway.
inline float __float_to_tf32(float x) {
  if (x != x) return x;
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x1000) & 0xffffe000u;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

template <class T>
using StorageOf = std::conditional_t<std::is_same_v<T, precision::tf32>, float, T>;

template <class Use, int m, int n, int k, class T, class Layout = void>
struct fragment {
  static constexpr int rows = std::is_same_v<Use, matrix_b> ? k : m;
  static constexpr int columns = std::is_same_v<Use, matrix_a> ? k : n;
  static constexpr bool by_columns = std::is_same_v<Layout, col_major>;
  static constexpr int num_elements = rows * columns / static_cast<int>(cuda_emulation::kWarp);
  StorageOf<T> x[num_elements];

  // Of this lane's numbers, in which row and column number i is.
  static int row(int i) { return place(i) / columns; }
  static int column(int i) { return place(i) % columns; }
  static int place(int i) {
    return i * static_cast<int>(cuda_emulation::kWarp) +
           static_cast<int>(cuda_emulation::Block::current().lane());
  }
};

template <class Use, int m, int n, int k, class T, class Layout>
void fill_fragment(fragment<Use, m, n, k, T, Layout>& to, StorageOf<T> value) {
  for (StorageOf<T>& each : to.x) each = value;
}

// What CUDA demands of a matrix in memory: it begins at 32 bytes, and its rows are multiples of 16 apart.
template <class T>
void check_alignment(uintptr_t begin, unsigned ld) {
  if (begin % 32 != 0 || ld * sizeof(T) % 16 != 0)
    throw cuda_emulation::Fault(
        "a matrix of tensor cores begins at no multiple of 32 bytes, or its rows do at "
        "none of 16");
}
template <class T>
void check_alignment(const T* from, unsigned ld) {
  check_alignment<T>(reinterpret_cast<uintptr_t>(from), ld);
}
template <class T, int kSize>
void check_alignment(const cuda_emulation::SharedPart<T, kSize>& from, unsigned ld) {
  check_alignment<T>(static_cast<uintptr_t>(from.at) * sizeof(T), ld);
}

// `from` is a pointer, or an array in shared memory, which begins at 32 bytes, from some number on.
template <class Use, int m, int n, int k, class T, class Layout, class From>
void load_matrix_sync(fragment<Use, m, n, k, T, Layout>& to, From from, unsigned ld) {
  using F = fragment<Use, m, n, k, T, Layout>;
  check_alignment(from, ld);
  for (int i = 0; i < F::num_elements; ++i) {
    const int row = F::row(i), column = F::column(i);
    to.x[i] = from[F::by_columns ? column * static_cast<int>(ld) + row : row * static_cast<int>(ld) + column];
  }
  __syncwarp();
}
template <int m, int n, int k, class T, class To>
void store_matrix_sync(To to, const fragment<accumulator, m, n, k, T>& from, unsigned ld, layout_t layout) {
  using F = fragment<accumulator, m, n, k, T>;
  check_alignment(to, ld);
  for (int i = 0; i < F::num_elements; ++i) {
    const int row = F::row(i), column = F::column(i);
    to[layout == mem_col_major ? column * static_cast<int>(ld) + row : row * static_cast<int>(ld) + column] =
        from.x[i];
  }
  __syncwarp();
}

inline float operand(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits &= 0xffffe000u;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
inline float operand(__nv_bfloat16 x) {
  return __bfloat162float(x);
}

template <int m, int n, int k, class T, class A, class B>
void mma_sync(fragment<accumulator, m, n, k, float>& d, const fragment<matrix_a, m, n, k, T, A>& a,
              const fragment<matrix_b, m, n, k, T, B>& b, const fragment<accumulator, m, n, k, float>& c) {
  auto& block = cuda_emulation::Block::current();
  struct Operands {
    const StorageOf<T>*a, *b;
  } own{a.x, b.x}, all[cuda_emulation::kWarp];
  block.exchange(&own, [&](const auto& of) {
    for (unsigned lane = 0; lane < cuda_emulation::kWarp; ++lane) all[lane] = *of(lane);
  });
  constexpr int kWarp = static_cast<int>(cuda_emulation::kWarp);
  using F = fragment<accumulator, m, n, k, float>;
  for (int i = 0; i < F::num_elements; ++i) {
    float sum = c.x[i];
    for (int j = 0; j < k; ++j) {
      const int in_a = F::row(i) * k + j, in_b = j * n + F::column(i);
      sum += operand(all[in_a % kWarp].a[in_a / kWarp]) * operand(all[in_b % kWarp].b[in_b / kWarp]);
    }
    d.x[i] = sum;
  }
  __syncwarp();
}

}  // namespace nvcuda::wmma
