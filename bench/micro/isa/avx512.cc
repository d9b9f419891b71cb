// The peak loop for avx512; CNNFAST_NO_TABLE is set where the compiler does not know it.
#include "micro/peak.h"

#ifdef CNNFAST_NO_TABLE

namespace cnnfast::bench {
const PeakLoop* avx512_peak() {
  return nullptr;
}
}  // namespace cnnfast::bench

#else

#  define SIMD_NAMESPACE avx512_impl
#  include "simd/avx512.h"
//
#  include "micro/peak.inl.h"

namespace cnnfast::bench {
const PeakLoop* avx512_peak() {
  return &SIMD_NAMESPACE::kPeak;
}
}  // namespace cnnfast::bench

#endif
