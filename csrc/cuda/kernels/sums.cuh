// A tile of a product: its shape, how the two matrices lie in shared memory, and the sums of a block's
// threads, in registers, in float32 or on tensor cores.
//
// What the shapes are for, in bytes that come out of shared memory (128 a clock and multiprocessor) for each
// multiply-add. No card was at hand: these are estimates, not measurements.
//   float32   64 or 128 multiply-adds a clock (A100, H100). 8 x 8 sums a thread take 64 bytes for 64: 1 each,
//             what an H100 gives and half of what an A100 does; 8 x 4 take 1.5, 4 x 4 would 2.
//   TF32      512 a clock (A100). 64 x 32 sums a warp take 384 bytes for 2048: 0.19 each, less than the 0.25
//             that there are; 32 x 32 take 0.25. An H100 has twice as much arithmetic, and waits for memory.
//   bfloat16  1024 a clock (A100): 0.125 that there are. Half of TF32's bytes, and as many again for the
//             rounding: 0.19, two thirds of its peak.
#pragma once
#include <cuda_bf16.h>
#include <mma.h>

#include "cuda/kernels/kernels.h"
#include "cuda/launch.h"

namespace cnnfast::cuda {

constexpr int kTerms = 16;  // of a step
constexpr int kAhead = 2;   // steps that are on their way while one is multiplied
constexpr int kGiven = 32;  // rows of a tile that are given at a time

// kBlocks at once have a multiprocessor's registers, 128 a thread.
template <int kRows_, int kColumns_, int kThreads_>
struct Tile {
  static constexpr int kRows = kRows_, kColumns = kColumns_, kThreads = kThreads_;
  static constexpr int kBlocks = 512 / kThreads;
  static constexpr int kGivenRow = kColumns + 8;  // in shared memory: fragments begin at 32 bytes
};
using LargeTile = Tile<128, 128, 256>;
using SmallTile = Tile<64, 64, 128>;
using SlimTile = Tile<128, 32, 128>;

template <class Tile>
int64_t count_of(int64_t m, int64_t n) {
  return (m + Tile::kRows - 1) / Tile::kRows * ((n + Tile::kColumns - 1) / Tile::kColumns);
}

constexpr int64_t kMultiprocessors = 108;  // an A100's; an H100 has 132

// run(a tile) of the shape for so many products of m x n: few columns leave more than half of the others
// empty; a large tile computes twice as much for a byte, as long as there is one for each multiprocessor:
// below, four small ones use more of them.
template <class Run>
void with_tile(int64_t m, int64_t n, int64_t cells, const Run& run) {
  if (n <= SlimTile::kColumns) return run(SlimTile{});
  if (n > SmallTile::kColumns && cells * count_of<LargeTile>(m, n) >= kMultiprocessors)
    return run(LargeTile{});
  run(SmallTile{});
}
inline int64_t tiles_of(int64_t m, int64_t n, int64_t cells) {
  int64_t tiles = 0;
  with_tile(m, n, cells, [&](auto tile) { tiles = cells * count_of<decltype(tile)>(m, n); });
  return tiles;
}

// Whether 16 bytes may be read from there on.
inline bool begins_at_16(const float* data) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0;
}

// How a matrix comes into shared memory: by copies of 16 bytes, which are four rows of a term or four terms
// of a row that lie side by side and begin at 16 bytes; or of single numbers.
enum class Access { by_rows, by_terms, singly };

// How the kTerms terms of kSize rows lie there: as they come. Rows are longer by 16 or 32 bytes, so that
// threads that read from neighbouring ones meet different banks; all begin at 16 bytes, and fragments at 32.
template <class T, Access kAccess, int kSize>
struct Lay {
  static constexpr bool kTermsInside = kAccess == Access::by_terms;
  static constexpr int kRow = kTermsInside ? kTerms + 16 / static_cast<int>(sizeof(T)) : kSize + 8;
  static constexpr int kNumbers = kRow * (kTermsInside ? kSize : kTerms);
  static __device__ int place(int row, int term) {
    return kTermsInside ? row * kRow + term : term * kRow + row;
  }
};

template <class Tile_, Access kOfA_, Access kOfB_>
struct TileSums {
  using Tile = Tile_;
  static constexpr Access kOfA = kOfA_, kOfB = kOfB_;
  using OfA = Lay<float, kOfA, Tile::kRows>;
  using OfB = Lay<float, kOfB, Tile::kColumns>;
  static constexpr int kStages = kAhead + 1;
  struct Rounded {};
  template <class Memory, class BringA, class BringB>
  __device__ void round(Memory&, const BringA&, const BringB&, int) {}
};

// ---- In float32 ----

// Which of a tile's rows (or columns) the threads at a place have, kOwn of them: so that neighbours read side
// by side, four of a term, or from neighbouring rows.
template <class Lay, int kSize, int kOwn>
struct Own {
  static __device__ int row(int place, int i) {
    if (Lay::kTermsInside) return place + i * (kSize / kOwn);
    return i / 4 * (kSize / kOwn * 4) + place * 4 + i % 4;
  }
  // Number i of each of kCount terms, all i, as they lie there: take(i, k, number).
  template <int kCount, class Numbers, class Take>
  static __device__ void read(Numbers& from, int stage, int place, int term, const Take& take) {
    constexpr int kOutside = Lay::kTermsInside ? kOwn : kCount, kInside = Lay::kTermsInside ? kCount : kOwn;
    constexpr int kNumbers = Lay::kTermsInside ? kCount : 4;  // of a read
#pragma unroll
    for (int outside = 0; outside < kOutside; ++outside)
#pragma unroll
      for (int inside = 0; inside < kInside; inside += kNumbers) {
        const int i = Lay::kTermsInside ? outside : inside, k = Lay::kTermsInside ? inside : outside;
        const auto vector = read_vector<kNumbers>(from, stage + Lay::place(row(place, i), term + k));
#pragma unroll
        for (int j = 0; j < kNumbers; ++j)
          Lay::kTermsInside ? take(i, k + j, vector.x[j]) : take(i + j, k, vector.x[j]);
      }
  }
};

// Sums in registers, kDown x kRight a thread.
template <class Tile, Access kOfA, Access kOfB>
class SumsInFloat32 : public TileSums<Tile, kOfA, kOfB> {
  using Base = TileSums<Tile, kOfA, kOfB>;

 public:
  template <class Memory>
  __device__ void add(Memory& memory, int step) {
    const int stage = step % Base::kStages;
#pragma unroll 1  // else reads move ahead of each other, and registers do not suffice
    for (int term = 0; term < kTerms; term += kAtOnce) {
      float x[kDown][kAtOnce];
      Rows::template read<kAtOnce>(memory.a, stage * Base::OfA::kNumbers, down(), term,
                                   [&](int i, int k, float number) { x[i][k] = number; });
      Columns::template read<kAtOnce>(memory.b, stage * Base::OfB::kNumbers, right(), term,
                                      [&](int j, int k, float y) {
#pragma unroll
                                        for (int i = 0; i < kDown; ++i) sums_[i][j] += x[i][k] * y;
                                      });
    }
  }
  // Those of rows [part, part + kGiven).
  template <class Numbers>
  __device__ void store(Numbers& to, int part) const {
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
      const int row = Rows::row(down(), i) - part;
#pragma unroll
      for (int j = 0; j < kRight; ++j)
        if (row >= 0 && row < kGiven) to[row * Tile::kGivenRow + Columns::row(right(), j)] = sums_[i][j];
    }
  }

 private:
  static constexpr int kDown = 8, kRight = Tile::kRows * Tile::kColumns / Tile::kThreads / kDown;
  static constexpr int kAcross = Tile::kColumns / kRight;  // threads
  // Terms at once: of neighbouring columns four, which lie in different banks; else as registers suffice.
  static constexpr int kAtOnce = Base::OfB::kTermsInside ? 4 : 2;
  using Rows = Own<typename Base::OfA, Tile::kRows, kDown>;
  using Columns = Own<typename Base::OfB, Tile::kColumns, kRight>;
  static __device__ int down() {
    return static_cast<int>(threadIdx.x) / kAcross;
  }
  static __device__ int right() {
    return static_cast<int>(threadIdx.x) % kAcross;
  }
  float sums_[kDown][kRight] = {};
};

// ---- On tensor cores ----

// Sums in fragments of 16 x 16 of products kDepth deep: kDown x kRight a warp.
template <class Tile, Access kOfA, Access kOfB, class T, int kDepth>
class SumsInFragments : public TileSums<Tile, kOfA, kOfB> {
 public:
  __device__ SumsInFragments() {
    for (auto& row : sums_)
      for (auto& each : row) nvcuda::wmma::fill_fragment(each, 0.0f);
  }
  template <class Numbers>
  __device__ void store(Numbers& to, int part) const {
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
      const int row = down() + 16 * i - part;
#pragma unroll
      for (int j = 0; j < kRight; ++j)
        if (row >= 0 && row < kGiven)
          nvcuda::wmma::store_matrix_sync(part_of(to, row * Tile::kGivenRow + right() + 16 * j), sums_[i][j],
                                          Tile::kGivenRow, nvcuda::wmma::mem_row_major);
    }
  }

 protected:
  // Of a stage of either matrix that lies as OfA and OfB say; each operand goes through `operand` first.
  template <class OfA, class OfB, class NumbersA, class NumbersB, class Operand>
  __device__ void add_stage(NumbersA& a, NumbersB& b, int stage, const Operand& operand) {
    using namespace nvcuda::wmma;
    using LayoutA = std::conditional_t<OfA::kTermsInside, row_major, col_major>;
    using LayoutB = std::conditional_t<OfB::kTermsInside, col_major, row_major>;
#pragma unroll 1
    for (int term = 0; term < kTerms; term += kDepth) {
      fragment<matrix_a, 16, 16, kDepth, T, LayoutA> x[kDown];
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
        load_matrix_sync(x[i], part_of(a, stage * OfA::kNumbers + OfA::place(down() + 16 * i, term)),
                         OfA::kRow);
        operand(x[i]);
      }
#pragma unroll
      for (int j = 0; j < kRight; ++j) {
        fragment<matrix_b, 16, 16, kDepth, T, LayoutB> y;
        load_matrix_sync(y, part_of(b, stage * OfB::kNumbers + OfB::place(right() + 16 * j, term)),
                         OfB::kRow);
        operand(y);
#pragma unroll
        for (int i = 0; i < kDown; ++i) mma_sync(sums_[i][j], x[i], y, sums_[i][j]);
      }
    }
  }

 private:
  static constexpr int kRight = 2, kAcross = Tile::kColumns / (16 * kRight);  // warps
  static constexpr int kDown = Tile::kRows / 16 / (Tile::kThreads / 32 / kAcross);
  static __device__ int down() {
    return static_cast<int>(threadIdx.x) / 32 / kAcross * (16 * kDown);
  }
  static __device__ int right() {
    return static_cast<int>(threadIdx.x) / 32 % kAcross * (16 * kRight);
  }

  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, kDepth, float> sums_[kDown][kRight];
};

template <class Tile, Access kOfA, Access kOfB>
class SumsInTf32 : public SumsInFragments<Tile, kOfA, kOfB, nvcuda::wmma::precision::tf32, 8> {
  using Base = TileSums<Tile, kOfA, kOfB>;

 public:
  template <class Memory>
  __device__ void add(Memory& memory, int step) {
    this->template add_stage<typename Base::OfA, typename Base::OfB>(
        memory.a, memory.b, step % Base::kStages, [](auto& each) {
          for (int i = 0; i < each.num_elements; ++i) each.x[i] = nvcuda::wmma::__float_to_tf32(each.x[i]);
        });
  }
};

// Each thread rounds what it brought before others see it; float32's stage is its own then, to be brought to
// anew, so that one stage less does.
template <class Tile, Access kOfA, Access kOfB>
class SumsInBf16 : public SumsInFragments<Tile, kOfA, kOfB, __nv_bfloat16, kTerms> {
  using RoundedA = Lay<__nv_bfloat16, kOfA, Tile::kRows>;
  using RoundedB = Lay<__nv_bfloat16, kOfB, Tile::kColumns>;
  using Base = TileSums<Tile, kOfA, kOfB>;

 public:
  static constexpr int kStages = kAhead;
  struct Rounded {  // one step is written while another is read
    SharedArray<__nv_bfloat16, 2 * RoundedA::kNumbers> a;
    SharedArray<__nv_bfloat16, 2 * RoundedB::kNumbers> b;
  };
  template <class Memory, class BringA, class BringB>
  __device__ void round(Memory& memory, const BringA& bring_a, const BringB& bring_b, int step) {
    const int stage = step % kStages;
    bring_a.round(memory.a, stage * Base::OfA::kNumbers, memory.rounded.a, step % 2 * RoundedA::kNumbers);
    bring_b.round(memory.b, stage * Base::OfB::kNumbers, memory.rounded.b, step % 2 * RoundedB::kNumbers);
  }
  template <class Memory>
  __device__ void add(Memory& memory, int step) {
    this->template add_stage<RoundedA, RoundedB>(memory.rounded.a, memory.rounded.b, step % 2, [](auto&) {});
  }
};

}  // namespace cnnfast::cuda
