// The kernels for AVX2, compiled with -mavx2 -mfma; CNNFAST_NO_TABLE is set where the compiler
// knows no such flags.
#include "kernels/kernel_table.h"

#ifdef CNNFAST_NO_TABLE

namespace cnnfast {
const KernelTable* avx2_table() {
  return nullptr;
}
}  // namespace cnnfast

#else

#  define SIMD_NAMESPACE avx2_impl
#  include "simd/avx2.h"
//
#  include "kernels/table.inl.h"

namespace cnnfast {
const KernelTable* avx2_table() {
  return &SIMD_NAMESPACE::kTable;
}
}  // namespace cnnfast

#endif
