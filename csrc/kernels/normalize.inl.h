// Channels' statistics over pixels, and the passes that normalize by them.
#pragma once
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// Sums of so many pixels are short enough for float32, and their pixels lie in the first-level cache.
constexpr int64_t kMomentsChunk = 128;

// The vector of lanes from l on, of which `lanes` exist in all.
template <bool kWhole>
static inline V load_lanes(const float* p, int l, int lanes) {
  if constexpr (kWhole) return load(p + l);
  const int left = lanes - l < 0 ? 0 : (lanes - l < V::lanes ? lanes - l : V::lanes);
  return load_n(left > 0 ? p + l : p, left);
}

template <bool kWhole>
static inline void store_lanes(float* p, V a, int l, int lanes) {
  if constexpr (kWhole) return store(p + l, a);
  if (lanes > l) store_n(p + l, a, lanes - l < V::lanes ? lanes - l : V::lanes);
}

// body(pixel, which of four sums side by side it goes to) for pixels [begin, end). Unrolled by order: the
// sums stay in registers.
template <class Body>
static inline void for_fours(int64_t begin, int64_t end, Body body) {
  int64_t i = begin;
  for (; i + 4 <= end; i += 4)
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) body(i + j, j);
  for (; i < end; ++i) body(i, 0);
}

static inline V sum_of(const V (&sums)[4]) {
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// The sum of term(pixel) over pixels [begin, end).
template <class Term>
static inline V sum_pixels(int64_t begin, int64_t end, Term term) {
  V sums[4] = {zero(), zero(), zero(), zero()};
  for_fours(begin, end, [&](int64_t i, int j) { sums[j] = sums[j] + term(i); });
  return sum_of(sums);
}

// Chunk by chunk, about each chunk's own mean: squares of differences lose no digits to a large mean.
template <bool kWhole>
static void moments_of(const LaneRun& run, const float* src, float* mean_out, float* m2_out) {
  for (int l = 0; l < kLanes; l += V::lanes) {
    V mean = zero(), m2 = zero();
    for (int64_t begin = 0; begin < run.pixels; begin += kMomentsChunk) {
      const int64_t end = begin + kMomentsChunk < run.pixels ? begin + kMomentsChunk : run.pixels;
      const auto at = [&](int64_t i) { return load_lanes<kWhole>(src + i * run.step, l, run.lanes); };
      const float size = static_cast<float>(end - begin), all = static_cast<float>(end);
      const V own = sum_pixels(begin, end, at) / set1(size);
      const V own_m2 = sum_pixels(begin, end, [&](int64_t i) {
        const V d = at(i) - own;
        return d * d;
      });
      const V delta = own - mean;
      mean = mean + delta * set1(size / all);
      m2 = m2 + own_m2 + delta * delta * set1(static_cast<float>(begin) * (size / all));
    }
    store(mean_out + l, mean);
    store(m2_out + l, m2);
  }
}

static void moments(const LaneRun& run, const float* src, float* mean, float* m2) {
  if (run.lanes == kLanes)
    moments_of<true>(run, src, mean, m2);
  else
    moments_of<false>(run, src, mean, m2);
}

// The vectors of a run's sixteen lanes; short loops over them are unrolled by order, so that they stay in
// registers.
constexpr int kLaneVectors = kLanes / V::lanes;

template <bool kWhole, Activation kActivation>
static void normalize_of(const LaneRun& run, const Normalization& n) {
  V a[kLaneVectors], b[kLaneVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kLaneVectors; ++v)
    a[v] = load(n.scale + v * V::lanes), b[v] = load(n.shift + v * V::lanes);
  const float *const src = n.src, *const addend = n.addend;
  float* const out = n.out;
  for (int64_t i = 0; i < run.pixels; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kLaneVectors; ++v) {
      const int l = v * V::lanes;
      V y = fma(load_lanes<kWhole>(src + i * run.step, l, run.lanes), a[v], b[v]);
      if (addend) y = y + load_lanes<kWhole>(addend + i * run.step, l, run.lanes);
      store_lanes<kWhole>(out + i * run.step, activated(kActivation, y), l, run.lanes);
    }
  }
}

// The gradient before the activation of pixels with values x. Where out is not there, a relu's or relu6's
// side is told from the same multiply-add as on the way forward.
template <bool kWhole, Activation kActivation>
static inline V grad_inside(const LaneRun& run, const float* out, const float* grad, int64_t i, int l, V x,
                            V scale, V shift) {
  const V g = load_lanes<kWhole>(grad + i * run.step, l, run.lanes);
  if constexpr (kActivation == Activation::none) return g;
  constexpr bool kTold = kActivation == Activation::relu || kActivation == Activation::relu6;
  if (kTold && !out) return activated_grad(kActivation, fma(x, scale, shift), g);
  return activated_grad(kActivation, load_lanes<kWhole>(out + i * run.step, l, run.lanes), g);
}

template <bool kWhole, Activation kActivation>
static void normalize_sums_of(const LaneRun& run, const Normalization& n, const float* grad,
                              const float* mean, float* inside, float* sum, float* product) {
  const float *const src = n.src, *const out = n.out;
  for (int l = 0; l < kLanes; l += V::lanes) {
    V all = zero(), products = zero();
    const V m = load(mean + l), scale = load(n.scale + l), shift = load(n.shift + l);
    for (int64_t begin = 0; begin < run.pixels; begin += kMomentsChunk) {
      const int64_t end = begin + kMomentsChunk < run.pixels ? begin + kMomentsChunk : run.pixels;
      V own[4] = {zero(), zero(), zero(), zero()}, own_products[4] = {zero(), zero(), zero(), zero()};
      for_fours(begin, end, [&](int64_t i, int j) {
        const V x = load_lanes<kWhole>(src + i * run.step, l, run.lanes);
        const V g = grad_inside<kWhole, kActivation>(run, out, grad, i, l, x, scale, shift);
        if (inside) store_lanes<kWhole>(inside + i * run.step, g, l, run.lanes);
        own[j] = own[j] + g;
        own_products[j] = fma(g, x - m, own_products[j]);
      });
      all = all + sum_of(own);
      products = products + sum_of(own_products);
    }
    store(sum + l, all);
    store(product + l, products);
  }
}

template <bool kWhole, Activation kActivation>
static void normalize_grad_of(const LaneRun& run, const Normalization& n, const float* grad,
                              const NormalizeGrad& by, float* dst) {
  V of_grad[kLaneVectors], of_src[kLaneVectors], constant[kLaneVectors], scale[kLaneVectors],
      shift[kLaneVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kLaneVectors; ++v) {
    const int l = v * V::lanes;
    of_grad[v] = load(by.grad + l), of_src[v] = load(by.src + l), constant[v] = load(by.constant + l);
    scale[v] = load(n.scale + l), shift[v] = load(n.shift + l);
  }
  const float *const src = n.src, *const out = n.out;
  for (int64_t i = 0; i < run.pixels; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kLaneVectors; ++v) {
      const int l = v * V::lanes;
      const V x = load_lanes<kWhole>(src + i * run.step, l, run.lanes);
      const V g = grad_inside<kWhole, kActivation>(run, out, grad, i, l, x, scale[v], shift[v]);
      store_lanes<kWhole>(dst + i * run.step, fma(g, of_grad[v], fma(x, of_src[v], constant[v])), l,
                          run.lanes);
    }
  }
}

// body.operator()<whether all lanes exist, activation>().
template <bool kWhole, class Body>
static inline void for_activation(Activation kind, Body body) {
  with_activation<Activation::hard_sigmoid>(
      kind, [&]<Activation kActivation>() { body.template operator()<kWhole, kActivation>(); });
}

template <class Body>
static inline void for_kind(const LaneRun& run, Activation kind, Body body) {
  if (run.lanes == kLanes)
    for_activation<true>(kind, body);
  else
    for_activation<false>(kind, body);
}

static void normalize(const LaneRun& run, const Normalization& n) {
  for_kind(run, n.activation,
           [&]<bool kWhole, Activation kActivation>() { normalize_of<kWhole, kActivation>(run, n); });
}

static void normalize_sums(const LaneRun& run, const Normalization& n, const float* grad, const float* mean,
                           float* inside, float* sum, float* product) {
  for_kind(run, n.activation, [&]<bool kWhole, Activation kActivation>() {
    normalize_sums_of<kWhole, kActivation>(run, n, grad, mean, inside, sum, product);
  });
}

static void normalize_grad(const LaneRun& run, const Normalization& n, const float* grad,
                           const NormalizeGrad& by, float* dst) {
  for_kind(run, n.activation, [&]<bool kWhole, Activation kActivation>() {
    normalize_grad_of<kWhole, kActivation>(run, n, grad, by, dst);
  });
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
