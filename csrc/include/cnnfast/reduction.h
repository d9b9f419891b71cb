// What becomes of several numbers that are made one. Included by files compiled with ISA flags: integers
// only.
#pragma once
#include <cstdint>

namespace cnnfast {

// Extremes are NaN where a number is. Of several equal ones, an index is the first one's.
enum class Reduction : int32_t { sum, product, max, min, mean, argmax, argmin };

}  // namespace cnnfast
