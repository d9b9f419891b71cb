// The kernels for any machine, compiled without ISA flags.
#define SIMD_NAMESPACE scalar_impl
#include "simd/scalar.h"
//
#include "kernels/table.inl.h"

namespace cnnfast {
const KernelTable* scalar_table() {
  return &SIMD_NAMESPACE::kTable;
}
}  // namespace cnnfast
