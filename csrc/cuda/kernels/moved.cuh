// Kernels over all parameters that move: a block has some elements of one of them, which it finds in a table
// that comes with the launch. Small networks have many parameters of few numbers, whose launches would take
// longer than what they do.
#pragma once
#include "cuda/kernels/kernels.h"
#include "cuda/launch.h"

namespace cnnfast::cuda {

constexpr int64_t kOfMovedBlock = 2048;  // elements: few blocks for large parameters, many for small ones

struct MovedTable {
  int count;
  uint32_t first[kMostMoved + 1];  // block of each, and of none
  Moved params[kMostMoved];
};
static_assert(sizeof(MovedTable) <= 4000);  // all that a launch takes is 4096 bytes

// Of the table's entries that of this block.
__device__ inline int moved_by_block(const MovedTable& table) {
  int low = 0, high = table.count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (blockIdx.x < table.first[middle])
      high = middle;
    else
      low = middle;
  }
  return low;
}

// take(table, its blocks) for tables that have all parameters between them.
template <class Take>
void for_tables(const MovedParams& params, const Take& take) {
  for (size_t begin = 0; begin < params.size(); begin += kMostMoved) {
    MovedTable table{};
    for (size_t i = begin; i < params.size() && table.count < kMostMoved; ++i) {
      const int64_t blocks = moved_parts(params[i].n);
      table.params[table.count++] = params[i];
      table.first[table.count] = table.first[table.count - 1] + static_cast<uint32_t>(blocks);
    }
    if (table.first[table.count] > 0) take(table, table.first[table.count]);
  }
}

// body(the parameter, the number of its element) for those of this thread.
template <class Body>
__device__ void for_own_elements(const MovedTable& table, const Body& body) {
  const int entry = moved_by_block(table);
  const int64_t begin = int64_t{blockIdx.x - table.first[entry]} * kOfMovedBlock, n = table.params[entry].n;
  const int64_t end = begin + kOfMovedBlock < n ? begin + kOfMovedBlock : n;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) body(table.params[entry], i);
}

template <class Body>
__global__ void __launch_bounds__(kThreads) moved_kernel(MovedTable table, Body body) {
  for_own_elements(table, body);
}

// body(a parameter, the number of its element) for each.
template <class Body>
void each_moved(cudaStream_t stream, const MovedParams& params, Body body) {
  for_tables(params, [&](const MovedTable& table, uint32_t blocks) {
    launch(stream, moved_kernel<Body>, dim3(blocks), kThreads, table, body);
  });
}

}  // namespace cnnfast::cuda
