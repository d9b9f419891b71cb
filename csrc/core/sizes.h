// Sizes: every number of cells or floats that follows from a description is made and judged here, in 64 bits,
// whatever a caller or a file says. What is larger than its limit is refused in one sentence, while nothing
// has been taken yet; what passes can be multiplied with its neighbours without another thought.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>

#include "cnnfast/error.h"

namespace cnnfast {

// Of one sample: the values of a layer's output, and every number that describes its windows (sizes, strides,
// padding, an axis with its padding). Kernels address a sample's plane with 32-bit offsets, and sums of some
// such numbers still fit there; 2^28 floats are one gigabyte.
constexpr int64_t kMostOfSample = int64_t{1} << 28;
// Of the taps that a convolution's program lists; they and what points to them take some hundred megabytes.
constexpr int64_t kMostTaps = int64_t{1} << 24;
// Of all else that is taken at once: a batch, a network's weights, an arena. 2^40 floats are four terabytes.
constexpr int64_t kMostFloats = int64_t{1} << 40;
constexpr int kMostSamples = 1 << 24;  // of a batch

constexpr int64_t kBeyond = std::numeric_limits<int64_t>::max();  // what the sizes below stop at

// Of sizes that are not negative.
inline int64_t product(int64_t a, int64_t b) {
  int64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? kBeyond : result;
}
inline int64_t sum(int64_t a, int64_t b) {
  int64_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? kBeyond : result;
}
template <class Sizes>
int64_t product(const Sizes& sizes) {
  int64_t all = 1;
  for (const int64_t size : sizes) all = product(all, size);
  return all;
}

// The sentence. `what` begins with the thing and ends before its size: "conv1: the output's height".
template <class... What>
int64_t checked_size(int64_t size, int64_t limit, const What&... what) {
  if (size > limit)
    fail(what..., " is ", size == kBeyond ? "more than 2^63" : std::to_string(size), "; the limit is ", limit,
         ". Use smaller sizes.");
  return size;
}

}  // namespace cnnfast
