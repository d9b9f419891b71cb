// Products and convolutions of the GPU target against sums in float64: every direction, both formats, groups,
// strides, dilation, batches, sizes around each tile, sums in parts, memory that begins where no four do.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "cuda/kernels/product.cuh"
#include "cuda/runtime.h"

using namespace cnnfast;
using namespace cnnfast::cuda;

namespace {

std::vector<float> numbers(int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> made(static_cast<size_t>(count));
  for (float& each : made) each = normal(generator);
  return made;
}

// A sum in float64, and that of its terms' sizes, by which its error is judged.
struct Sum {
  double value = 0, size = 0;
  void add(double a, double b) { value += a * b, size += std::abs(a * b); }
};
// Operands rounded to 2^-11 or 2^-9 of themselves, or sums of float32.
double allowed(const Sum& sum, Arithmetic arithmetic) {
  const double rounding = arithmetic == Arithmetic::float32 ? 0x1p-19
                          : arithmetic == Arithmetic::tf32  ? 0x1p-9
                                                            : 0x1p-7;
  return sum.size * rounding + 1e-30;
}
void check(const std::vector<float>& got, const std::vector<Sum>& expected, Arithmetic arithmetic) {
  int wrong = 0;
  for (size_t i = 0; i < got.size(); ++i)
    wrong += !(std::abs(got[i] - expected[i].value) <= allowed(expected[i], arithmetic));
  CHECK(wrong == 0);
}

std::vector<float> scratch_of(int64_t floats) {
  return std::vector<float>(static_cast<size_t>(floats), std::nanf(""));
}

// Numbers that begin `by` floats behind a multiple of 16 bytes.
class Shifted {
 public:
  Shifted(const std::vector<float>& numbers, int by) : all_(static_cast<size_t>(by)), by_(by) {
    all_.insert(all_.end(), numbers.begin(), numbers.end());
  }
  const float* data() const { return all_.data() + by_; }

 private:
  std::vector<float> all_;  // which malloc aligns to 16 bytes
  int by_;
};

struct Sizes {
  int m, n, k;
};
// Around the small tile, the slim one, fours; sums in parts, the last one short, of one or two tiles.
constexpr Sizes kSizes[] = {{1, 1, 1},     {63, 65, 15},   {64, 64, 16}, {68, 60, 20},  {5, 130, 40},
                            {127, 31, 17}, {128, 32, 16},  {132, 36, 4}, {129, 33, 33}, {7, 10, 1030},
                            {4, 64, 1028}, {100, 68, 512}, {3, 5, 511}};
constexpr Arithmetic kAll[] = {Arithmetic::float32, Arithmetic::tf32, Arithmetic::bf16};

// What tiles are told of a matrix, of rows or, `turned`, of terms side by side.
struct Plain {
  using Row = const float*;
  using Term = int;
  const float* data;
  int64_t row_step, term_step;
  bool near;
  Row row(int64_t, int64_t i) const { return data + i * row_step; }
  Term term(int64_t k) const { return static_cast<Term>(k); }
  void advance(Term& at, int by) const { at += by; }
  const float* at(Row row, Term k) const { return row + k * term_step; }
};
struct ToPlain {
  float* to;
  int64_t columns;
  bool near;
  int64_t row(int64_t, int64_t i) const { return i * columns; }
  void give(int64_t row, int, int64_t column, float sum) const { to[row + column] = sum; }
};

// Every way to come, by a tile of this shape, at sizes around it.
template <class Tile>
void check_tile(Arithmetic arithmetic) {
  const Stream stream;
  for (const int more : {-4, -1, 0, 1, 4}) {
    const int m = Tile::kRows + more, n = Tile::kColumns + more, k = 36 + more;
    const auto a = numbers(m * k, 1), b = numbers(k * n, 2);
    std::vector<Sum> expected(static_cast<size_t>(m * n));
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j)
        for (int l = 0; l < k; ++l)
          expected[static_cast<size_t>(i * n + j)].add(a[static_cast<size_t>(i * k + l)],
                                                       b[static_cast<size_t>(l * n + j)]);
    std::vector<float> a_turned(a.size()), b_turned(b.size());
    for (int l = 0; l < k; ++l) {
      for (int i = 0; i < m; ++i)
        a_turned[static_cast<size_t>(l * m + i)] = a[static_cast<size_t>(i * k + l)];
      for (int j = 0; j < n; ++j)
        b_turned[static_cast<size_t>(j * k + l)] = b[static_cast<size_t>(l * n + j)];
    }
    const auto run = [&](auto a_way, auto b_way, bool a_near, bool b_near) {
      constexpr Access kOfA = decltype(a_way)::value, kOfB = decltype(b_way)::value;
      if (kOfA != Access::singly && more % 4 != 0) return;
      std::vector<float> got(expected.size(), std::nanf(""));
      const Plain of_a = a_near ? Plain{a_turned.data(), 1, m, true} : Plain{a.data(), k, 1, false};
      const Plain of_b = b_near ? Plain{b.data(), 1, n, true} : Plain{b_turned.data(), k, 1, false};
      product_of_tiles<Tile, kOfA, kOfB>(stream.get(), arithmetic, of_a, of_b, ToPlain{got.data(), n, a_near},
                                         {m, n, k, 1}, 1, nullptr);
      stream.wait();
      CAPTURE(more);
      CAPTURE(a_near);
      CAPTURE(b_near);
      check(got, expected, arithmetic);
    };
    constexpr std::integral_constant<Access, Access::by_rows> by_rows;
    constexpr std::integral_constant<Access, Access::by_terms> by_terms;
    constexpr std::integral_constant<Access, Access::singly> singly;
    run(by_terms, by_rows, false, true);
    run(by_terms, by_terms, false, false);
    run(by_rows, by_rows, true, true);
    for (const bool a_near : {false, true})
      for (const bool b_near : {false, true}) run(singly, singly, a_near, b_near);
  }
}

// Every cell of the sum: body(n, group, source channel and output channel in it, place in src, dst, kernel).
template <class Body>
void for_terms(const Convolution& c, const Body& body) {
  const int ic = c.ic / c.groups, oc = c.oc / c.groups;
  const auto at = [](const Images& images, int n, int channel, const int(&cell)[3]) {
    return n * images.sample + channel * images.channel + cell[0] * images.slice + cell[1] * images.row +
           cell[2] * images.pixel;
  };
  const int taps = c.kernel[0] * c.kernel[1] * c.kernel[2], pixels = c.out[0] * c.out[1] * c.out[2];
  for (int n = 0; n < c.n; ++n)
    for (int pixel = 0; pixel < pixels; ++pixel)
      for (int tap = 0; tap < taps; ++tap) {
        const int o[3] = {pixel / c.out[2] / c.out[1], pixel / c.out[2] % c.out[1], pixel % c.out[2]};
        const int t[3] = {tap / c.kernel[2] / c.kernel[1], tap / c.kernel[2] % c.kernel[1],
                          tap % c.kernel[2]};
        int s[3];
        bool inside = true;
        for (int i = 0; i < 3; ++i) {
          s[i] = o[i] * c.stride[i] - c.padding[i] + t[i] * c.dilation[i];
          inside = inside && s[i] >= 0 && s[i] < c.in[i];
        }
        if (!inside) continue;
        for (int g = 0; g < c.groups; ++g)
          for (int i = 0; i < ic; ++i)
            for (int j = 0; j < oc; ++j)
              body(at(c.src, n, g * ic + i, s), at(c.dst, n, g * oc + j, o),
                   (tap * ic + i) * c.oc + g * oc + j, g * ic + i, g * oc + j);
      }
}

Images images_of(int channels, const int32_t (&size)[3], bool channels_first) {
  const int64_t row = size[2], slice = row * size[1], all = slice * size[0];
  if (channels_first) return {all * channels, all, slice, row, 1};
  return {all * channels, 1, slice * channels, row * channels, channels};
}

struct Case {
  int n, ic, oc, groups;
  int in[3], kernel[3], stride[3], padding[3], dilation[3];
};
Convolution convolution_of(const Case& of, bool channels_first, Arithmetic arithmetic) {
  Convolution c{};
  c.n = of.n, c.ic = of.ic, c.oc = of.oc, c.groups = of.groups, c.arithmetic = arithmetic;
  for (int i = 0; i < 3; ++i) {
    c.in[i] = of.in[i], c.kernel[i] = of.kernel[i], c.stride[i] = of.stride[i];
    c.padding[i] = of.padding[i], c.dilation[i] = of.dilation[i];
    c.out[i] = (of.in[i] + 2 * of.padding[i] - (of.kernel[i] - 1) * of.dilation[i] - 1) / of.stride[i] + 1;
  }
  c.src = images_of(c.ic, c.in, channels_first), c.dst = images_of(c.oc, c.out, channels_first);
  return c;
}

const Case kCases[] = {
    {2, 3, 5, 1, {1, 6, 7}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {1, 17, 65, 1, {1, 8, 8}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},
    {1, 16, 64, 1, {1, 8, 8}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {3, 4, 6, 1, {1, 9, 8}, {1, 3, 2}, {1, 2, 3}, {0, 1, 0}, {1, 1, 1}},
    {1, 5, 7, 1, {1, 11, 9}, {1, 3, 3}, {1, 1, 1}, {0, 2, 2}, {1, 2, 3}},
    {2, 16, 24, 2, {1, 5, 6}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {1, 1, 1}},
    {2, 6, 12, 6, {1, 7, 5}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {3, 33, 33, 33, {1, 9, 8}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {1, 1, 1}},
    {1, 8, 12, 4, {2, 7, 9}, {2, 5, 4}, {1, 1, 1}, {0, 2, 1}, {1, 2, 1}},
    {2, 3, 3, 3, {1, 1, 40}, {1, 1, 9}, {1, 1, 3}, {0, 0, 4}, {1, 1, 1}},
    {1, 3, 4, 1, {4, 5, 6}, {2, 3, 2}, {1, 2, 1}, {1, 1, 0}, {2, 1, 1}},
    {9, 3, 4, 1, {1, 12, 11}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},  // sums in parts
    {1, 5, 6, 1, {1, 70, 66}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {1, 3, 17, 1, {1, 66, 70}, {1, 5, 5}, {1, 1, 1}, {0, 2, 2}, {1, 1, 1}},
    {1, 64, 72, 2, {1, 9, 11}, {1, 3, 3}, {1, 2, 1}, {0, 1, 1}, {1, 1, 2}},    // groups by fours
    {2, 68, 36, 1, {1, 4, 5}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},     // in parts, forward, too
    {1, 20, 260, 1, {1, 76, 75}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},  // large tiles forward
    {1, 260, 20, 1, {1, 76, 75}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},  // and back
    {1, 132, 1412, 1, {1, 3, 3}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},  // and of weights
    {5, 16, 16, 1, {1, 15, 17}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},   // weights in parts
};

}  // namespace

TEST_CASE("each tile, by each way to come") {
  for (const Arithmetic arithmetic : kAll) {
    CAPTURE(static_cast<int>(arithmetic));
    check_tile<LargeTile>(arithmetic);
    check_tile<SmallTile>(arithmetic);
    check_tile<SlimTile>(arithmetic);
  }
}

TEST_CASE("tiles suit the sizes") {
  const auto threads = [](int64_t m, int64_t n, int64_t cells) {
    int found = 0;
    with_tile(m, n, cells,
              [&](auto tile) { found = decltype(tile)::kRows * 1000 + decltype(tile)::kColumns; });
    return found;
  };
  CHECK(threads(1 << 20, 32, 1) == 128032);
  CHECK(threads(1 << 20, 64, 1) == 64064);
  CHECK(threads(128 * 108, 65, 1) == 128128);
  CHECK(threads(128 * 107, 65, 1) == 64064);
  CHECK(threads(128, 128, 108) == 128128);
  CHECK(parts_of({64, 64, 511, 1}) == 1);
  CHECK(parts_of({64, 64, 1024, 1}) == 4);
  CHECK(parts_of({64, 64, 1 << 20, 1}) == 216);
  CHECK(parts_of({64, 64, 1 << 20, 216}) == 1);
  CHECK(product_scratch({64, 64, 1024, 2}) == 4 * 2 * 64 * 64);
}

TEST_CASE("products of all strides and of sizes around a tile") {
  const Stream stream;
  for (const Arithmetic arithmetic : kAll)
    for (const auto& [m, n, k] : kSizes)
      for (int turns = 0; turns < 8; ++turns) {
        const bool a_turned = turns & 1, b_turned = turns & 2;
        const int by = turns & 4 ? 1 : 0;
        const auto a = numbers(m * k, 1), b = numbers(k * n, 2), bias = numbers(n, 3);
        const Shifted at_a(a, by), at_b(b, by);
        std::vector<float> got(static_cast<size_t>(m * n));
        const Product product{at_a.data(),
                              at_b.data(),
                              bias.data(),
                              got.data(),
                              a_turned ? 1 : k,
                              a_turned ? m : 1,
                              b_turned ? 1 : n,
                              b_turned ? k : 1,
                              n,
                              m,
                              n,
                              k,
                              Activation::none,
                              arithmetic};
        auto scratch = scratch_of(multiply_scratch(product, {}, {}));
        multiply(stream.get(), product, {}, {}, scratch.data());
        stream.wait();
        std::vector<Sum> expected(got.size());
        for (int i = 0; i < m; ++i)
          for (int j = 0; j < n; ++j) {
            Sum& sum = expected[static_cast<size_t>(i * n + j)];
            sum.add(bias[static_cast<size_t>(j)], 1);
            for (int l = 0; l < k; ++l)
              sum.add(a[static_cast<size_t>(a_turned ? l * m + i : i * k + l)],
                      b[static_cast<size_t>(b_turned ? j * k + l : l * n + j)]);
          }
        CAPTURE(m);
        CAPTURE(turns);
        check(got, expected, arithmetic);
      }
}

TEST_CASE("many products, each the sum of several") {
  // [2][3] of [m][k] and [k][n] over 5, of which b's have no first axis, nor dst.
  const Stream stream;
  for (const Arithmetic arithmetic : kAll)
    for (const auto& [m, n, k] : {Sizes{3, 5, 7}, {64, 36, 8}, {65, 68, 4}, {2, 3, 1}, {4, 8, 260}}) {
      const int64_t of_a = m * k, of_b = k * n, of_dst = m * n;
      const ProductAxes kept{2, {2, 3}, {3 * 5 * of_a, 5 * of_a}, {0, 5 * of_b}, {3 * of_dst, of_dst}};
      const ProductAxes summed{1, {5}, {of_a}, {of_b}, {0}};
      const auto a = numbers(2 * 3 * 5 * of_a, 1), b = numbers(3 * 5 * of_b, 2);
      std::vector<float> got(static_cast<size_t>(6 * of_dst));
      const Product product{a.data(), b.data(), nullptr, got.data(),       k,         1, n, 1, n,
                            m,        n,        k,       Activation::none, arithmetic};
      auto scratch = scratch_of(multiply_scratch(product, kept, summed));
      multiply(stream.get(), product, kept, summed, scratch.data());
      stream.wait();
      std::vector<Sum> expected(got.size());
      for (int cell = 0; cell < 6; ++cell)
        for (int each = 0; each < 5; ++each)
          for (int i = 0; i < m; ++i)
            for (int j = 0; j < n; ++j)
              for (int l = 0; l < k; ++l)
                expected[static_cast<size_t>(cell * of_dst + i * n + j)].add(
                    a[static_cast<size_t>((cell * 5 + each) * of_a + i * k + l)],
                    b[static_cast<size_t>((cell % 3 * 5 + each) * of_b + l * n + j)]);
      CAPTURE(m);
      check(got, expected, arithmetic);
    }
}

TEST_CASE("convolutions in all directions") {
  const Stream stream;
  for (const Case& each : kCases)
    for (const bool channels_first : {false, true})
      for (const Arithmetic arithmetic : kAll) {
        const Convolution c = convolution_of(each, channels_first, arithmetic);
        // Large tiles take their time: one arithmetic for either format does.
        const bool is_large = std::max(c.ic, c.oc) > 128;
        if (is_large && arithmetic != (channels_first ? Arithmetic::float32 : Arithmetic::tf32)) continue;
        const int64_t kernel_size =
            int64_t{c.kernel[0]} * c.kernel[1] * c.kernel[2] * (c.ic / c.groups) * c.oc;
        const auto src = numbers(c.n * c.src.sample, 1), dst = numbers(c.n * c.dst.sample, 2);
        const auto kernel = numbers(kernel_size, 3), bias = numbers(c.oc, 4), back_bias = numbers(c.ic, 5);
        std::vector<float> out(dst.size()), back(src.size()), weights(kernel.size());
        auto forward_scratch = scratch_of(conv_forward_scratch(c)),
             backward_scratch = scratch_of(conv_backward_scratch(c)),
             weights_scratch = scratch_of(conv_weights_scratch(c));
        conv_forward(stream.get(), c, src.data(), kernel.data(), {nullptr, bias.data()},
                     forward_scratch.data(), out.data());
        conv_backward(stream.get(), c, dst.data(), kernel.data(), {nullptr, back_bias.data()},
                      backward_scratch.data(), back.data());
        conv_weights(stream.get(), c, src.data(), dst.data(), weights_scratch.data(), weights.data());
        stream.wait();
        std::vector<Sum> to_out(out.size()), to_back(back.size()), to_weights(weights.size());
        const auto add_bias = [](std::vector<Sum>& to, const Images& images, const std::vector<float>& of) {
          for (size_t i = 0; i < to.size(); ++i)
            to[i].add(of[i / static_cast<size_t>(images.channel) % of.size()], 1);
        };
        add_bias(to_out, c.dst, bias), add_bias(to_back, c.src, back_bias);
        for_terms(c, [&](int64_t s, int64_t d, int64_t w, int, int) {
          const auto in = static_cast<size_t>(s), at = static_cast<size_t>(d), by = static_cast<size_t>(w);
          to_out[at].add(src[in], kernel[by]);
          to_back[in].add(dst[at], kernel[by]);
          to_weights[by].add(src[in], dst[at]);
        });
        CAPTURE(each.ic);
        CAPTURE(each.oc);
        CAPTURE(channels_first);
        CAPTURE(static_cast<int>(arithmetic));
        check(out, to_out, arithmetic);
        check(back, to_back, arithmetic);
        check(weights, to_weights, arithmetic);
      }
}

TEST_CASE("an activation is applied to the finished sum") {
  const Stream stream;
  const float a[] = {1, -2}, b[] = {3};
  float got[2];
  multiply(stream.get(), {a, b, nullptr, got, 1, 1, 1, 1, 1, 2, 1, 1, Activation::relu}, {}, {}, nullptr);
  stream.wait();
  CHECK(got[0] == 3);
  CHECK(got[1] == 0);
}
