// The kernels for AVX-512, compiled with -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma;
// CNNFAST_NO_TABLE is set where the compiler knows no such flags.
#include "kernels/kernel_table.h"

#ifdef CNNFAST_NO_TABLE

namespace cnnfast {
const KernelTable* avx512_table() {
  return nullptr;
}
}  // namespace cnnfast

#else

#  define SIMD_NAMESPACE avx512_impl
#  include "simd/avx512.h"
//
#  include "kernels/table.inl.h"

namespace cnnfast {
const KernelTable* avx512_table() {
  return &SIMD_NAMESPACE::kTable;
}
}  // namespace cnnfast

#endif
