// The poolings that a convolution's kernel can do behind its sums. Included by files compiled with ISA flags:
// integers only.
#pragma once
#include <cstdint>

namespace cnnfast {

// Of windows of 2x2 cells side by side: their maximum, before the activation, or their mean, behind it.
enum class WindowPool : int32_t { none, maximum, mean };

}  // namespace cnnfast
