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

// x = n ln 2 + rest with |rest| <= ln 2 / 2, for |x| <= 110.
struct Halvings {
  I n;
  V rest;
};
static inline Halvings halvings(V x) {
  const I n = round_to_int(x * set1(1.44269504f));
  const V fn = to_float(n);
  // ln 2 in two parts; fn times the first is exact.
  const V r = fma(fn, set1(-0.693359375f), x);
  return {n, fma(fn, set1(2.12194440e-4f), r)};
}

// e^r - 1 for |r| <= ln 2 / 2.
static inline V expm1_reduced(V r) {
  V p = set1(1.989939192e-04f);
  p = fma(p, r, set1(1.393373357e-03f));
  p = fma(p, r, set1(8.333298378e-03f));
  p = fma(p, r, set1(4.166646302e-02f));
  p = fma(p, r, set1(1.666666716e-01f));
  p = fma(p, r, set1(0.5f));
  return fma(p, r * r, r);
}

// e^x, 1 ulp; gradual underflow below -87.3, 0 below -104, infinity above 88.72.
static inline V exp(V x) {
  const Halvings h = halvings(min(set1(90.0f), max(set1(-110.0f), x)));
  return scaled(expm1_reduced(h.rest) + set1(1.0f), h.n);
}

// e^x - 1.
static inline V expm1(V x) {
  const Halvings h = halvings(min(set1(89.0f), max(set1(-20.0f), x)));
  // 2^n (e^rest - 1) + (2^n - 1), halved: n may be 128.
  const V half = exponent_of(h.n - iset1(1));
  const V result = fma(expm1_reduced(h.rest), half, half - set1(0.5f));
  return result + result;
}

// x = 2^n m with sqrt(1/2) <= m < sqrt(2), for normal x > 0.
struct Normal {
  V n, m;
};
static inline Normal normal(V x) {
  const I offset = iset1(0x3f3504f3);  // sqrt(1/2)
  const I above = bits(x) - offset;
  const I n = shift_right<23>(above + iset1(0x40000000)) - iset1(128);
  return {to_float(n), as_float((above & iset1(0x007fffff)) + offset)};
}

// log(1 + f) + n ln 2 for sqrt(1/2) <= 1 + f < sqrt(2).
static inline V log_reduced(V f, V n) {
  V p = set1(-7.634496689e-02f);
  p = fma(p, f, set1(1.276157647e-01f));
  p = fma(p, f, set1(-1.316018254e-01f));
  p = fma(p, f, set1(1.420175731e-01f));
  p = fma(p, f, set1(-1.662335694e-01f));
  p = fma(p, f, set1(2.000122666e-01f));
  p = fma(p, f, set1(-2.500081956e-01f));
  p = fma(p, f, set1(3.333333135e-01f));
  p = fma(p, f, set1(-0.5f));
  const V r = fma(f * f, p, f);
  return fma(n, set1(0.693359375f), fma(n, set1(-2.12194440e-4f), r));
}

// What a logarithm of u is where u is no positive number.
static inline V log_edges(V u, V result) {
  const V infinity = set1(__builtin_inff());
  result = select(u == infinity, infinity, result);
  result = select(u == zero(), zero() - infinity, result);
  return select(zero() <= u, result, set1(__builtin_nanf("")));
}

static inline V log(V x) {
  const Normal split = normal(x);
  return log_edges(x, log_reduced(split.m - set1(1.0f), split.n));
}

// log(1 + x): what rounding 1 + x lost is added to its mantissa again.
static inline V log1p(V x) {
  const V u = set1(1.0f) + x;
  const V lost = select(x < set1(1.0f), x - (u - set1(1.0f)), set1(1.0f) - (u - x));
  const Normal split = normal(u);
  // 2^-n, or nothing from n = 127 on.
  const V scale = max(zero(), as_float(bits(split.m) - bits(u) + iset1(0x3f800000)));
  const V f = fma(lost, scale, split.m - set1(1.0f));
  return log_edges(u, log_reduced(f, split.n));
}

// tanh(x) = u / (1 - u) with u = (1 - e^2y) / 2, y = -|x|, 3 ulp, exactly +-1 from |x| = 8.5 on. Two series,
// one for either side of .6, are off by 1.4 ulp at most.
static inline V tanh(V x) {
  const V y = max(set1(-10.0f), as_float(bits(x) | iset1(INT32_MIN)));
  // 2y = n ln 2 + 2 rest. The number that rounds to n leaves the sign and exponent of -2^n in the low bits.
  const V round = set1(12582912.0f + 256 + 127);
  const V n = fma(y, set1(2.885390082f), round);
  const V scale = as_float(shift_left<23>(bits(n)));
  const V rest = fma(n - round, set1(-0.34657359f), y);
  V p = set1(4.442398995e-02f);  // (e^2rest - 1) / 2
  p = fma(p, rest, set1(1.338663548e-01f));
  p = fma(p, rest, set1(3.333376348e-01f));
  p = fma(p, rest, set1(6.666616797e-01f));
  p = fma(p, rest, set1(1.0f));
  p = fma(p, rest * rest, rest);
  const V u = fma(p, scale, fma(scale, set1(0.5f), set1(0.5f)));
  return as_float(bits(u / (set1(1.0f) - u)) | (bits(x) & iset1(INT32_MIN)));
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

// erf(x): an odd series, or 1 - e^-p(|x|); exactly +-1 from 3.92 on.
static inline V erf(V x) {
  const V a = absolute(x), z = x * x;
  V p = set1(8.369579155e-05f);
  p = fma(p, z, set1(-8.142581210e-04f));
  p = fma(p, z, set1(5.201021675e-03f));
  p = fma(p, z, set1(-2.685939334e-02f));
  p = fma(p, z, set1(1.128369570e-01f));
  p = fma(p, z, set1(-3.761263490e-01f));
  p = fma(p, z, set1(1.283791661e-01f));
  const V small = fma(x, p, x);
  const V t = min(set1(3.95f), a);
  V q = set1(2.109500747e-05f);
  q = fma(q, t, set1(-4.344621848e-04f));
  q = fma(q, t, set1(4.171061330e-03f));
  q = fma(q, t, set1(-2.511942387e-02f));
  q = fma(q, t, set1(1.082800850e-01f));
  q = fma(q, t, set1(6.333469152e-01f));
  q = fma(q, t, set1(1.129514933e+00f));
  q = fma(q, t, set1(-1.746841881e-04f));
  const V big = set1(1.0f) - exp(zero() - q);
  return select(a < set1(0.92f), small, select(x < zero(), zero() - big, big));
}

// sin(x + quarters pi / 2). Beyond kFarAngle, where the parts of pi no longer suffice, the C library reduces.
static constexpr float kFarAngle = 6000.0f;
template <int kQuarters>
static inline V sine(V x) {
  const V k = nearest(x * set1(0.636619772f));
  // pi / 2 in parts of 12 bits, so that k times a part is exact.
  V r = fma(k, set1(-1.5703125f), x);
  r = fma(k, set1(-4.837512969971e-04f), r);
  r = fma(k, set1(-7.549533620477e-08f), r);
  r = fma(k, set1(-2.563344068257e-12f), r);
  const V z = r * r;
  V s = set1(2.718084033e-06f);
  s = fma(s, z, set1(-1.983930852e-04f));
  s = fma(s, z, set1(8.333329111e-03f));
  s = fma(s, z, set1(-1.666666716e-01f));
  s = fma(r * z, s, r);
  V c = set1(2.443278572e-05f);
  c = fma(c, z, set1(-1.388731296e-03f));
  c = fma(c, z, set1(4.166664556e-02f));
  c = fma(z * z, c, fma(z, set1(-0.5f), set1(1.0f)));
  const I quarter = round_to_int(k) + iset1(kQuarters);
  const V turned = select((quarter & iset1(1)) == iset1(1), c, s);
  return select((quarter & iset1(2)) == iset1(2), zero() - turned, turned);
}

template <int kQuarters>
static inline V sine_far(V x) {
  float lanes[V::lanes];
  store(lanes, x);
  for (float& lane : lanes)
    lane = static_cast<float>(kQuarters ? __builtin_cos(static_cast<double>(lane))
                                        : __builtin_sin(static_cast<double>(lane)));
  return load(lanes);
}

static inline V sin(V x) {
  const V near = sine<0>(x), a = absolute(x);
  return max_lane(select(a > set1(kFarAngle), a, zero())) > 0
             ? select(a > set1(kFarAngle), sine_far<0>(x), near)
             : near;
}
static inline V cos(V x) {
  const V near = sine<1>(x), a = absolute(x);
  return max_lane(select(a > set1(kFarAngle), a, zero())) > 0
             ? select(a > set1(kFarAngle), sine_far<1>(x), near)
             : near;
}

// A number as the sum of two, the second at most half a unit in the last place of the first.
struct Sum {
  V high, low;
};
static inline Sum ordered_sum(V a, V b) {  // |a| >= |b|
  const V s = a + b;
  return {s, b - (s - a)};
}
static inline Sum exact_product(V a, V b) {
  const V p = a * b;
  return {p, product_rest(a, b, p)};
}

// log2(x) for normal x > 0, to some 2^-34 of it: 2 atanh(s), s = (m - 1) / (m + 1), with two numbers for one
// where it counts.
static inline Sum log2_sum(V x) {
  const Normal split = normal(x);
  const V one = set1(1.0f), above = split.m - one, below = split.m + one;
  const V lost = split.m - (below - one);
  const V s = above / below;
  const Sum back = exact_product(s, below);
  const V s_low = ((above - back.high) - back.low - s * lost) / below;
  const Sum z = exact_product(s, s);
  const V z_low = fma(s + s, s_low, z.low);
  V p = set1(2.342544794e-01f);
  p = fma(p, z.high, set1(2.854685783e-01f));
  p = fma(p, z.high, set1(4.000015557e-01f));
  // t = 2/3 z + z^2 p, and 2 s + s t.
  const V third = set1(6.666666865e-01f), third_low = set1(-1.986821493e-08f);
  const Sum t = exact_product(third, z.high);
  const V t_low = t.low + fma(third, z_low, third_low * z.high) + z.high * z.high * p;
  const Sum st = exact_product(s, t.high);
  const Sum head = ordered_sum(s + s, st.high);
  const V tail = head.low + (s_low + s_low) + st.low + fma(s, t_low, s_low * t.high);
  // times log2(e), and n.
  const V e = set1(1.442695022e+00f), e_low = set1(1.925962991e-08f);
  const Sum product = exact_product(head.high, e);
  const V product_low = product.low + fma(head.high, e_low, tail * e);
  const Sum whole = ordered_sum(split.n, product.high);
  const Sum none = ordered_sum(product.high, product_low);
  const Sum some = ordered_sum(whole.high, whole.low + product_low);
  const auto is_none = split.n == zero();
  return {select(is_none, none.high, some.high), select(is_none, none.low, some.low)};
}

// |x|^y of positive or infinite |x| and any y but NaN.
static inline V positive_power(V x, V y) {
  Sum l = log2_sum(x);
  const V infinity = set1(__builtin_inff());
  l.high = select(x == infinity, infinity, select(x == zero(), zero() - infinity, l.high));
  const V w = y * l.high;
  // y * low, and what rounding lost: nothing where the power is far out.
  const V far = set1(200.0f);
  const V w_low = select(absolute(w) < far, fma(y, l.low, product_rest(y, l.high, w)), zero());
  const V bounded = min(far, max(zero() - far, w));
  const V n = nearest(bounded);
  const V r = ((bounded - n) + w_low) * set1(0.693147181f);
  return scaled(expm1_reduced(r) + set1(1.0f), round_to_int(n));
}

// x^y as C has it: x^0 and 1^y are 1 even beside NaN; a negative x needs a whole y.
static inline V pow(V x, V y) {
  const V one = set1(1.0f), a = absolute(x);
  V result = positive_power(a, y);
  const V half = y * set1(0.5f);
  const auto is_whole = floor(y) == y, is_even = floor(half) == half;
  const V odd = select(is_even, result, zero() - result);
  const auto is_edge = (a == zero()) | (a == set1(__builtin_inff()));
  const V negative = select(is_whole, odd, select(is_edge, result, set1(__builtin_nanf(""))));
  const auto is_negative = (x < zero()) | (one / x < zero());  // -0 too
  result = select(is_negative, negative, result);
  result = select(is_nan(x), x, select(is_nan(y), y, result));
  const auto is_one = (y == zero()) | (x == one);
  const auto unit_base = a == one, far = absolute(y) == set1(__builtin_inff());
  return select(is_one, one, select(unit_base, select(far, one, result), result));
}

}  // namespace SIMD_NAMESPACE
