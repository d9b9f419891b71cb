// Products and convolutions of the GPU target against sums in float64: every direction, both formats, groups,
// strides, dilation, sizes around a tile.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "cuda/kernels/kernels.h"
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

struct Sizes {
  int m, n, k;
};
constexpr Sizes kSizes[] = {{1, 1, 1}, {63, 65, 15}, {64, 64, 16}, {65, 63, 17}, {5, 130, 40}};
constexpr Arithmetic kAll[] = {Arithmetic::float32, Arithmetic::tf32, Arithmetic::bf16};

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
    {9, 3, 4, 1, {1, 12, 11}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},   // sums in parts
    {1, 5, 6, 1, {1, 70, 66}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},   // a row a thread
    {1, 3, 17, 1, {1, 66, 70}, {1, 5, 5}, {1, 1, 1}, {0, 2, 2}, {1, 1, 1}},  // and back, in two chunks of
                                                                             // terms
};

}  // namespace

TEST_CASE("products of all strides and of sizes around a tile") {
  const Stream stream;
  for (const Arithmetic arithmetic : kAll)
    for (const auto& [m, n, k] : kSizes)
      for (int turns = 0; turns < 4; ++turns) {
        const bool a_turned = turns & 1, b_turned = turns & 2;
        const auto a = numbers(m * k, 1), b = numbers(k * n, 2), bias = numbers(n, 3);
        std::vector<float> got(static_cast<size_t>(m * n));
        multiply(stream.get(),
                 {a.data(), b.data(), bias.data(), got.data(), a_turned ? 1 : k, a_turned ? m : 1,
                  b_turned ? 1 : n, b_turned ? k : 1, n, m, n, k, Activation::none, arithmetic});
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
        check(got, expected, arithmetic);
      }
}

TEST_CASE("convolutions in all directions") {
  const Stream stream;
  for (const Case& each : kCases)
    for (const bool channels_first : {false, true})
      for (const Arithmetic arithmetic : kAll) {
        const Convolution c = convolution_of(each, channels_first, arithmetic);
        if (c.out[1] > 60 && arithmetic != Arithmetic::float32) continue;  // a row a thread is float32's
        const int64_t kernel_size =
            int64_t{c.kernel[0]} * c.kernel[1] * c.kernel[2] * (c.ic / c.groups) * c.oc;
        const auto src = numbers(c.n * c.src.sample, 1), dst = numbers(c.n * c.dst.sample, 2);
        const auto kernel = numbers(kernel_size, 3), bias = numbers(c.oc, 4), back_bias = numbers(c.ic, 5);
        std::vector<float> out(dst.size()), back(src.size()), weights(kernel.size());
        std::vector<float> scratch(static_cast<size_t>(conv_weights_scratch(c)));
        conv_forward(stream.get(), c, src.data(), kernel.data(), {nullptr, bias.data()}, out.data());
        conv_backward(stream.get(), c, dst.data(), kernel.data(), {nullptr, back_bias.data()}, back.data());
        conv_weights(stream.get(), c, src.data(), dst.data(), scratch.data(), weights.data());
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
  multiply(stream.get(), {a, b, nullptr, got, 1, 1, 1, 1, 1, 2, 1, 1, Activation::relu});
  stream.wait();
  CHECK(got[0] == 3);
  CHECK(got[1] == 0);
}
