// How the cells of an axis in one size are made of its cells in another.
#pragma once
#include <cstdint>
#include <vector>

#include "cnnfast/graph.h"
#include "kernels/kernel_table.h"

namespace cnnfast {

// Cells as the kernel reads them. Runs of cells that neighbours read begin and end in the neighbours' order.
struct Blending {
  std::vector<BlendedCell> cells;
  std::vector<float> weights;
};

// Of axes of at least one cell.
Blending blending_of(const Resizing& how, int64_t from, int64_t to);
// What each of `from` cells gives to those that read it: the way of gradients.
Blending transposed(const Blending& blending, int64_t from);

}  // namespace cnnfast
