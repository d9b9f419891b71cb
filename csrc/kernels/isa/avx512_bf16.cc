// The bfloat16 kernels for AVX-512 with BF16, compiled with the flags of avx512.cc and -mavx512bf16;
// CNNFAST_NO_TABLE is set where the compiler knows no such flags.
#include "kernels/kernel_table.h"

#ifdef CNNFAST_NO_TABLE

namespace cnnfast {
const Bf16Kernels* avx512_bf16_kernels() {
  return nullptr;
}
}  // namespace cnnfast

#else

#  define SIMD_NAMESPACE avx512_bf16_impl
#  include "simd/avx512_bf16.h"
//
#  include "kernels/bf16_table.inl.h"

namespace cnnfast {
const Bf16Kernels* avx512_bf16_kernels() {
  return &SIMD_NAMESPACE::kBf16Kernels;
}
}  // namespace cnnfast

#endif
