// The instructions of formulas, a function each: over n elements of up to three operands. The result may be
// an operand.
#pragma once
#include "kernels/dropout.inl.h"
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

static inline V truth(M m) {
  return select(m, set1(1.0f), zero());
}

template <FormulaOp kOp>
static inline V computed(V a, V b, V c) {
  const V one = set1(1.0f);
  switch (kOp) {
    case FormulaOp::input:
    case FormulaOp::constant:
    case FormulaOp::random:
      return a;
    case FormulaOp::neg:
      return a * set1(-1.0f);
    case FormulaOp::abs:
      return absolute(a);
    case FormulaOp::sign:
      return select(a > zero(), one, select(a < zero(), set1(-1.0f), a + zero()));
    case FormulaOp::floor:
      return floor(a);
    case FormulaOp::round:
      return nearest(a);
    case FormulaOp::square:
      return a * a;
    case FormulaOp::reciprocal:
      return one / a;
    case FormulaOp::sqrt:
      return sqrt(a);
    case FormulaOp::rsqrt:
      return one / sqrt(a);
    case FormulaOp::exp:
      return exp(a);
    case FormulaOp::expm1:
      return expm1(a);
    case FormulaOp::log:
      return log(a);
    case FormulaOp::log1p:
      return log1p(a);
    case FormulaOp::tanh:
      return tanh(a);
    case FormulaOp::sigmoid:
      return sigmoid(a);
    case FormulaOp::erf:
      return erf(a);
    case FormulaOp::sin:
      return sin(a);
    case FormulaOp::cos:
      return cos(a);
    case FormulaOp::add:
      return a + b;
    case FormulaOp::sub:
      return a - b;
    case FormulaOp::mul:
      return a * b;
    case FormulaOp::div:
      return a / b;
    case FormulaOp::pow:
      return pow(a, b);
    case FormulaOp::min:
      return select(is_nan(a), a, min(a, b));
    case FormulaOp::max:
      return select(is_nan(a), a, max(a, b));
    case FormulaOp::eq:
      return truth(a == b);
    case FormulaOp::ne:
      return select(a == b, zero(), one);
    case FormulaOp::lt:
      return truth(a < b);
    case FormulaOp::le:
      return truth(a <= b);
    case FormulaOp::gt:
      return truth(a > b);
    case FormulaOp::ge:
      return truth(b <= a);
    case FormulaOp::select:
      return select(a == zero(), c, b);
  }
}

// Whose vectors are worked on four at a time: a loop's own instructions would be half of its work.
static constexpr bool is_short(FormulaOp op) {
  return op <= FormulaOp::rsqrt || (op >= FormulaOp::add && op != FormulaOp::pow);
}

// A product that the compiler does not take into the sum behind it: that would round once.
static inline V rounded(V a) {
#ifdef __FMA__
  __asm__("" : "+v"(a.v));
#endif
  return a;
}

// What follows an instruction that made r.
template <FormulaThen kThen>
static inline V followed(V r, V c) {
  switch (kThen) {
    case FormulaThen::nothing:
      return r;
    case FormulaThen::add:
      return rounded(r) + c;
    case FormulaThen::sub:
      return rounded(r) - c;
    case FormulaThen::sub_from:
      return c - rounded(r);
    case FormulaThen::mul:
      return r * c;
    case FormulaThen::min:
      return computed<FormulaOp::min>(r, c, c);
    case FormulaThen::max:
      return computed<FormulaOp::max>(r, c, c);
  }
}

template <FormulaOp kOp, FormulaThen kThen = FormulaThen::nothing>
static void compute(const float* a, const float* b, const float* c, float* dst, int64_t n) {
  const auto body = [=](int64_t i, auto memory) {
    const V last = memory.load(c + i);
    const V made = computed<kOp>(memory.load(a + i), memory.load(b + i), last);
    memory.store(dst + i, followed<kThen>(made, last));
  };
  constexpr int kTogether = is_short(kOp) ? 4 : 1;
  int64_t i = 0;
  for (; i + kTogether * V::lanes <= n; i += kTogether * V::lanes) {
#pragma GCC unroll 4
    for (int v = 0; v < kTogether; ++v) body(i + v * V::lanes, Full{});
  }
  for_vectors(n - i, [=](int64_t rest, auto memory) { body(i + rest, memory); });
}

static inline float unit_interval(uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

static inline void random_elements(const RandomLanes& r, Dropout key, int64_t begin, int64_t n, float* dst) {
  while (n > 0) {
    const int64_t element = begin % r.elems, left = r.elems - element < n ? r.elems - element : n;
    const int64_t skip = element % 4, most = 4 * kLanes - skip, some = left < most ? left : most;
    key.sample = r.sample + static_cast<int32_t>(begin / r.elems);
    const Counters drawn = draw(key, static_cast<uint32_t>(element / 4), 1, 0);
    for (int64_t i = 0; i < some; ++i) dst[i] = unit_interval(drawn.word[(skip + i) % 4][(skip + i) / 4]);
    begin += some, n -= some, dst += some;
  }
}

static inline void random_lanes(const RandomLanes& r, Dropout key, int64_t begin, int64_t n, float* dst) {
  const uint32_t quads = static_cast<uint32_t>((r.elems + 3) / 4);
  const bool channels = r.lane_is == 1;
  Counters drawn{};
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t pixel = (begin + i) / kLanes % r.elems, plane = (begin + i) / kLanes / r.elems;
    if (i == 0 || pixel % 4 == 0) {
      const int64_t first = plane % r.planes * (channels ? kLanes : 1), row = plane / r.planes;
      key.sample = r.sample + static_cast<int32_t>(row * (channels ? 1 : kLanes));
      const uint32_t quad = static_cast<uint32_t>(first) * quads + static_cast<uint32_t>(pixel / 4);
      drawn = draw(key, quad, channels ? quads : 0, channels ? 0 : 1);
    }
    for (int lane = 0; lane < kLanes; ++lane) dst[i + lane] = unit_interval(drawn.word[pixel % 4][lane]);
  }
}

static void random_numbers(const RandomLanes& r, int64_t begin, int64_t n, float* dst) {
  Dropout key{};
  key.step = r.step, key.layer = r.layer, key.seed = r.seed;
  if (r.lane_is == 0) return random_elements(r, key, begin, n, dst);
  random_lanes(r, key, begin, n, dst);
}

static void stream_floats(const float* src, int64_t n, float* dst) {
  if (n == 0) return stream_end();
  int64_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) stream(dst + i, load(src + i));
  if (i < n) store_n(dst + i, load_n(src + i, static_cast<int>(n - i)), static_cast<int>(n - i));
}

template <FormulaOp kOp, FormulaThen... kThens>
static constexpr void set_joined(FormulaKernels& k) {
  if constexpr (leads(kOp))
    ((k.joined[static_cast<int>(kThens)][static_cast<int>(kOp)] = compute<kOp, kThens>), ...);
}

static constexpr FormulaKernels formula_kernels() {
  using T = FormulaThen;
  FormulaKernels k{};
  k.random = random_numbers;
  k.stream = stream_floats;
#define CNNFAST_COMPUTE(name, operands)                                    \
  k.compute[static_cast<int>(FormulaOp::name)] = compute<FormulaOp::name>; \
  set_joined<FormulaOp::name, T::add, T::sub, T::sub_from, T::mul, T::min, T::max>(k);
  CNNFAST_FORMULA_OPS(CNNFAST_COMPUTE)
#undef CNNFAST_COMPUTE
  return k;
}

static constexpr FormulaKernels kFormulaKernels = formula_kernels();

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
