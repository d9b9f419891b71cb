// Products of bfloat16 where the instruction set has none: each half of a pair becomes the float32 whose
// upper bits it is. simd/avx512_bf16.h defines the same names over vdpbf16ps.
//
// Included after simd/<isa>.h. A pair is two bfloat16 in 32 bits, the first in the low half.
#pragma once

namespace SIMD_NAMESPACE {

static constexpr bool kBf16Native = false;

// Rounds to bfloat16, to nearest even. The upper half of each lane is the result, the lower undefined. A
// carry out of the mantissa is the next exponent, and past the largest infinity. NaN stays NaN, made quiet.
static inline I round_bits(V x) {
  const I u = bits(x);
  const I even = shift_right<16>(u) & iset1(1);
  return select(is_nan(x), u | iset1(0x00400000), u + iset1(0x7fff) + even);
}

static inline void store_rounded(uint16_t* p, V x) {
  istore_words(p, shift_right<16>(round_bits(x)));
}

static inline I round_pair(V low, V high) {
  return shift_right<16>(round_bits(low)) | (round_bits(high) & iset1(static_cast<int32_t>(0xffff0000)));
}

struct Pairs {
  V low, high;
};
static inline Pairs pairs(I a) {
  return {as_float(shift_left<16>(a)), as_float(a & iset1(static_cast<int32_t>(0xffff0000)))};
}
static inline V fma(Pairs a, Pairs b, V c) {  // a.low * b.low + a.high * b.high + c
  return fma(a.high, b.high, fma(a.low, b.low, c));
}

}  // namespace SIMD_NAMESPACE
