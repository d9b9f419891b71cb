// Indices: float32 numbers that tell cells of an axis.
#pragma once
#include <cstdint>

namespace cnnfast {

// Axes that indices tell cells of have at most so many: float32 counts no further.
constexpr int64_t kMostCells = (int64_t{1} << 24) - 1;

// The cell that an index tells, truncated to a whole number and counted from the end below 0; -1: none.
inline int64_t cell_of(double index, int64_t cells) {
  if (!(index > static_cast<double>(-cells - 1) && index < static_cast<double>(cells))) return -1;
  const auto at = static_cast<int64_t>(index);
  return at < 0 ? at + cells : at;
}

}  // namespace cnnfast
