// Copies between arrays whose axes lie anyhow: what all moves of values come down to.
//
// Source and destination may not overlap, except that a step of 0 in the source reads one number again. Any
// number of threads may copy at once to different places.
#pragma once
#include <cstdint>
#include <vector>

namespace cnnfast {

// One axis of what is copied, and from cell to cell the step in floats on either side.
struct StridedAxis {
  int64_t size, src, dst;
};
using StridedAxes = std::vector<StridedAxis>;  // outermost first

// The same cells in as few axes as will do: axes of one cell go, those that continue each other become one.
StridedAxes joined(const StridedAxes& axes);

void copy_strided(const StridedAxes& axes, const float* src, float* dst);
// Adds src to what is in dst; steps of the destination may be 0 or cells may meet there again.
void add_strided(const StridedAxes& axes, const float* src, float* dst);

}  // namespace cnnfast
