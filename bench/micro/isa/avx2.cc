// The peak loop for avx2; CNNFAST_NO_TABLE is set where the compiler does not know it.
#include "micro/peak.h"

#ifdef CNNFAST_NO_TABLE

namespace cnnfast::bench {
const PeakLoop* avx2_peak() {
  return nullptr;
}
}  // namespace cnnfast::bench

#else

#  define SIMD_NAMESPACE avx2_impl
#  include "simd/avx2.h"
//
#  include "micro/peak.inl.h"

namespace cnnfast::bench {
const PeakLoop* avx2_peak() {
  return &SIMD_NAMESPACE::kPeak;
}
}  // namespace cnnfast::bench

#endif
