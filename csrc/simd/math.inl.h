// Elementary functions over the vector type, float32 in and out, each with its largest error in units in the
// last place measured against float64. The coefficients are Chebyshev fits made for the stated intervals. NaN
// in, NaN out.
//
// Included after simd/<isa>.h.
#pragma once

namespace SIMD_NAMESPACE {

static inline V absolute(V x) {
  return max(x, zero() - x);
}

// e^x, 1 ulp; gradual underflow below -87.3, 0 below -104, infinity above 88.72.
static inline V exp(V x) {
  x = min(set1(90.0f), max(set1(-110.0f), x));
  const I n = round_to_int(x * set1(1.44269504f));
  const V fn = to_float(n);
  // ln 2 in two parts; fn times the first is exact.
  V r = fma(fn, set1(-0.693359375f), x);
  r = fma(fn, set1(2.12194440e-4f), r);
  V p = set1(1.989939192e-04f);
  p = fma(p, r, set1(1.393373357e-03f));
  p = fma(p, r, set1(8.333298378e-03f));
  p = fma(p, r, set1(4.166646302e-02f));
  p = fma(p, r, set1(1.666666716e-01f));
  p = fma(p, r, set1(0.5f));
  p = fma(p, r * r, r) + set1(1.0f);
  // 2^n in two steps: n itself leaves the range of an exponent at both ends.
  const I half = round_to_int(fn * set1(0.5f));
  return p * exponent_of(half) * exponent_of(n - half);
}

// tanh(x), 2 ulp, exactly +-1 from |x| = 9.1 on.
static inline V tanh(V x) {
  const V a = absolute(x);
  // Near zero 1 - 2 / (e^2a + 1) cancels, so the odd series takes over.
  const V z = x * x;
  V p = set1(2.292736899e-03f);
  p = fma(p, z, set1(-8.344247937e-03f));
  p = fma(p, z, set1(2.176912874e-02f));
  p = fma(p, z, set1(-5.395930260e-02f));
  p = fma(p, z, set1(1.333330423e-01f));
  p = fma(p, z, set1(-3.333333433e-01f));
  const V small = fma(x * z, p, x);
  const V big = set1(1.0f) - set1(2.0f) / (exp(a + a) + set1(1.0f));
  return select(a < set1(0.625f), small, select(x < zero(), zero() - big, big));
}

// 1 / (1 + e^-x), 3 ulp. Only e^-|x| is formed: it cannot overflow, and the small side keeps its digits.
static inline V sigmoid(V x) {
  const V e = exp(zero() - absolute(x));
  return select(x < zero(), e, set1(1.0f)) / (set1(1.0f) + e);
}

// log(1 + u) for 0 <= u <= 1, 2 ulp: 2 atanh(u / (2 + u)).
static inline V log1p_unit(V u) {
  const V s = u / (set1(2.0f) + u);
  const V z = s * s;
  V p = set1(2.323905081e-01f);
  p = fma(p, z, set1(2.170331478e-01f));
  p = fma(p, z, set1(2.859258354e-01f));
  p = fma(p, z, set1(3.999970257e-01f));
  p = fma(p, z, set1(6.666666865e-01f));
  return fma(s * z, p, s + s);
}

}  // namespace SIMD_NAMESPACE
