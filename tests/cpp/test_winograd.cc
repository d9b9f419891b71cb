// The Winograd kernels alone, on every instruction set: against the definition in float64, and for writes
// outside the outputs and the scratch.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "runtime/cpu.h"

using namespace cnnfast;

namespace {

constexpr float kCanary = 12345.0f;
constexpr int64_t kGuard = 64;

// Aligned floats between two guards.
class Guarded {
 public:
  explicit Guarded(int64_t n) : n_(n), all_(static_cast<float*>(std::aligned_alloc(64, bytes())), std::free) {
    for (int64_t i = 0; i < n + 2 * kGuard; ++i) all_.get()[i] = kCanary;
  }
  float* data() const { return all_.get() + kGuard; }
  bool intact() const {
    bool same = true;
    for (int64_t i = 0; i < kGuard; ++i)
      same = same && all_.get()[i] == kCanary && all_.get()[kGuard + n_ + i] == kCanary;
    return same;
  }

 private:
  size_t bytes() const { return static_cast<size_t>((n_ + 2 * kGuard + 15) / 16 * 16) * sizeof(float); }
  int64_t n_;
  std::unique_ptr<float, decltype(&std::free)> all_;
};

struct Case {
  WinogradForm form;
  int n, ic, oc, ih, iw, pad_top, pad_left, oh, ow;
  bool flipped, pool;
  int ic_blocks() const { return (ic + kLanes - 1) / kLanes; }
  int oc_blocks() const { return (oc + kLanes - 1) / kLanes; }
  int window() const { return pool ? 2 : 1; }
  WinogradAxis axis() const { return winograd_axis(form); }
  int64_t src_at(int s, int c, int y, int x) const {
    return (((int64_t{s} * ic_blocks() + c / kLanes) * ih + y) * iw + x) * kLanes + c % kLanes;
  }
  int64_t dst_at(int s, int c, int y, int x) const {
    return (((int64_t{s} * oc_blocks() + c / kLanes) * (oh / window()) + y) * (ow / window()) + x) * kLanes +
           c % kLanes;
  }
};

struct Data {
  std::vector<float> kernel, bias;  // [tap][ic][oc]
  Guarded src, dst, index, weights;
  explicit Data(const Case& c)
      : kernel(static_cast<size_t>(9 * c.ic * c.oc)),
        bias(static_cast<size_t>(c.oc_blocks() * kLanes)),
        src(int64_t{c.n} * c.ic_blocks() * c.ih * c.iw * kLanes),
        dst(c.dst_at(c.n, 0, 0, 0)),
        index(c.dst_at(c.n, 0, 0, 0) / 4),
        weights(int64_t{c.axis().weights} * c.axis().weights * c.oc_blocks() * c.ic * kLanes) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (float& w : kernel) w = normal(random);
    for (float& b : bias) b = normal(random);
    for (int64_t i = 0; i < int64_t{c.n} * c.ic_blocks() * c.ih * c.iw * kLanes; ++i)
      src.data()[i] = normal(random);
  }
};

void run(const KernelTable& k, const Case& c, const Data& d, int tiles_a_call) {
  WinogradWeights w{};
  w.tap_stride = int64_t{c.ic} * c.oc, w.row_stride = c.oc, w.lane_stride = 1;
  w.frequency = int64_t{c.oc_blocks()} * c.ic * kLanes;
  w.rows = c.ic, w.form = c.form, w.flipped = c.flipped;
  w.streams = tiles_a_call == 5;  // either way of storing must do
  for (int block = 0; block < c.oc_blocks(); ++block) {
    w.kernel = d.kernel.data() + block * kLanes;
    w.dst = d.weights.data() + int64_t{block} * c.ic * kLanes;
    w.lanes = std::min(kLanes, c.oc - block * kLanes);
    k.winograd_weights(w);
  }
  Winograd a{};
  a.src = d.src.data(), a.weights = d.weights.data(), a.bias = d.bias.data(), a.dst = d.dst.data();
  a.src_block = int64_t{c.ih} * c.iw * kLanes, a.src_sample = a.src_block * c.ic_blocks();
  a.dst_block = c.dst_at(0, kLanes, 0, 0), a.dst_sample = c.dst_at(1, 0, 0, 0);
  a.pool = c.pool, a.far = w.streams;
  if (c.pool) a.pool_index = reinterpret_cast<uint8_t*>(d.index.data());
  a.weights_frequency = w.frequency;
  a.ic = c.ic, a.oc = c.oc, a.ih = c.ih, a.iw = c.iw, a.oh = c.oh, a.ow = c.ow;
  a.pad_top = c.pad_top, a.pad_left = c.pad_left, a.form = c.form, a.activation = Activation::relu;
  const int side = c.axis().out;
  const int tiles = c.n * ((c.oh + side - 1) / side) * ((c.ow + side - 1) / side);
  for (a.first_tile = 0; a.first_tile < tiles; a.first_tile += tiles_a_call) {
    a.tiles = std::min(tiles_a_call, tiles - a.first_tile);
    const Guarded scratch(k.winograd_scratch(c.form, a.tiles, c.ic, c.oc));
    a.scratch = scratch.data();
    k.winograd(a);
    CHECK(scratch.intact());
  }
}

// Where output `out` meets a tap along an axis, or -1.
int source(const Case& c, int out, int pad, int tap) {
  if (c.axis().frequencies == c.axis().weights) return out - pad + tap;
  if (!winograd_is_back(c.form)) return 2 * out - pad + tap;
  const int from = out + pad - (2 - tap);  // the weights are turned
  return from % 2 == 0 ? from / 2 : -1;
}

double expected(const Case& c, const Data& d, int s, int o, int y, int x) {
  double sum = d.bias[static_cast<size_t>(o)];
  for (int tap = 0; tap < 9; ++tap) {
    const int sy = source(c, y, c.pad_top, tap / 3), sx = source(c, x, c.pad_left, tap % 3);
    const int at = c.flipped ? 8 - tap : tap;
    if (sy < 0 || sx < 0 || sy >= c.ih || sx >= c.iw) continue;
    for (int i = 0; i < c.ic; ++i)
      sum += double{d.src.data()[c.src_at(s, i, sy, sx)]} *
             double{d.kernel[static_cast<size_t>((at * c.ic + i) * c.oc + o)]};
  }
  return std::max(0.0, sum);
}

// With pooling, at the position that the index names; and how far the maximum lies above it.
double expected_at(const Case& c, const Data& d, int s, int o, int y, int x, double* beaten_by) {
  if (!c.pool) return expected(c, d, s, o, y, x);
  const int winner = reinterpret_cast<const uint8_t*>(d.index.data())[c.dst_at(s, o, y, x)];
  const double right = expected(c, d, s, o, 2 * y + winner / 2, 2 * x + winner % 2);
  for (int p = 0; p < 4; ++p)
    *beaten_by = std::max(*beaten_by, expected(c, d, s, o, 2 * y + p / 2, 2 * x + p % 2) - right);
  return right;
}

double worst_error(const Case& c, const Data& d) {
  double error = 0, most = 0;
  for (int s = 0; s < c.n; ++s)
    for (int o = 0; o < c.oc; ++o)
      for (int y = 0; y < c.oh / c.window(); ++y)
        for (int x = 0; x < c.ow / c.window(); ++x) {
          const double right = expected_at(c, d, s, o, y, x, &error);
          error = std::max(error, std::abs(d.dst.data()[c.dst_at(s, o, y, x)] - right));
          most = std::max(most, right);
        }
  return error / most;
}

void check(const KernelTable& k, const Case& c, double most) {
  for (const int tiles_a_call : {1, 5, 1000}) {
    CAPTURE(k.isa);
    CAPTURE(static_cast<int>(c.form));
    CAPTURE(tiles_a_call);
    const Data d(c);
    run(k, c, d, tiles_a_call);
    CHECK(worst_error(c, d) < most);
    CHECK((d.src.intact() && d.dst.intact() && d.index.intact() && d.weights.intact()));
  }
}

}  // namespace

TEST_CASE("winograd computes a convolution and writes nothing else") {
  for (const KernelTable* k : available_kernels())
    for (const WinogradForm form : {WinogradForm::f2, WinogradForm::f4})
      for (const bool flipped : {false, true})
        for (const Case& c : {Case{form, 2, 17, 18, 9, 10, 1, 1, 9, 10, flipped, false},
                              Case{form, 2, 17, 18, 9, 10, 1, 1, 9, 10, flipped, true},
                              Case{form, 1, 16, 96, 4, 4, 0, 0, 2, 2, flipped, false},
                              Case{form, 3, 33, 16, 1, 5, 3, 2, 5, 6, flipped, false},
                              Case{form, 3, 33, 16, 1, 5, 3, 2, 5, 6, flipped, true},
                              Case{form, 1, 20, 40, 13, 8, -1, -2, 10, 3, flipped, false}})
          check(*k, c, form == WinogradForm::f2 ? 1e-6 : 1e-5);
}

TEST_CASE("winograd of stride 2 computes a convolution, and its transpose, and writes nothing else") {
  using enum WinogradForm;
  for (const KernelTable* k : available_kernels())
    for (const WinogradForm form : {stride2_f4, stride2_f5, stride2_f4_back, stride2_f5_back})
      for (const bool flipped : {false, true})
        for (const Case& c : {Case{form, 2, 17, 18, 9, 12, 1, 1, 11, 22, flipped, false},
                              Case{form, 1, 16, 96, 4, 5, 0, 1, 9, 6, flipped, false},
                              Case{form, 3, 33, 16, 1, 5, 2, 3, 5, 6, flipped, false}})
          check(*k, c, 5e-6);
}
