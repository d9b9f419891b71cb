// The peak loop for scalar, which every compiler knows.
#define SIMD_NAMESPACE scalar_impl
#include "simd/scalar.h"
//
#include "micro/peak.inl.h"

namespace cnnfast::bench {
const PeakLoop* scalar_peak() {
  return &SIMD_NAMESPACE::kPeak;
}
}  // namespace cnnfast::bench
