// Rounding to bfloat16 in integers, to nearest even.
//
// Included after simd/<isa>.h. A pair is two bfloat16 in 32 bits, the first in the low half.
#pragma once

namespace SIMD_NAMESPACE {

// The upper half of each lane is the result, the lower undefined. A carry out of the mantissa is the next
// exponent, and past the largest infinity. NaN stays NaN, made quiet.
static inline I round_bits(V x) {
  const I u = bits(x);
  const I even = shift_right<16>(u) & iset1(1);
  return select(is_nan(x), u | iset1(0x00400000), u + iset1(0x7fff) + even);
}

static inline I round_pair(V low, V high) {
  return shift_right<16>(round_bits(low)) | (round_bits(high) & iset1(static_cast<int32_t>(0xffff0000)));
}

}  // namespace SIMD_NAMESPACE
