// Cells of boxes by number, and where they lie.
#pragma once
#include "cuda/kernels/kernels.h"

namespace cnnfast::cuda {

struct BoxPlace {
  int64_t from, to;
};

// Of the cell with this number.
__device__ inline BoxPlace place_of(const Box& box, int64_t cell) {
  BoxPlace at{0, 0};
  for (int axis = box.axes - 1; axis >= 0; --axis) {
    const int64_t i = cell % box.size[axis];
    cell /= box.size[axis];
    at.from += i * box.from[axis], at.to += i * box.to[axis];
  }
  return at;
}

inline int64_t cells_of(const Box& box) {
  int64_t cells = 1;
  for (int axis = 0; axis < box.axes; ++axis) cells *= box.size[axis];
  return cells;
}

}  // namespace cnnfast::cuda
