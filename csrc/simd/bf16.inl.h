// Products of bfloat16 where the instruction set has none: each half of a pair becomes the float32 whose
// upper bits it is. simd/avx512_bf16.h defines the same names over vdpbf16ps.
//
// Included after simd/<isa>.h.
#pragma once
#include "simd/bf16_round.inl.h"

namespace SIMD_NAMESPACE {

static constexpr bool kBf16Native = false;

// x rounded to bfloat16, to nearest even.
static inline void store_rounded(uint16_t* p, V x) {
  istore_words(p, shift_right<16>(round_bits(x)));
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
