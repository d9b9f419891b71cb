// Cells of images by number, and where they lie.
#pragma once
#include "cuda/kernels/kernels.h"

namespace cnnfast::cuda {

struct Cell {
  int64_t n;
  int c, d, h, w;
};

// Cell i of images of that size whose channels are innermost.
__device__ inline Cell cell_of(int64_t i, int channels, int depth, int height, int width) {
  Cell cell;
  cell.c = static_cast<int>(i % channels), i /= channels;
  cell.w = static_cast<int>(i % width), i /= width;
  cell.h = static_cast<int>(i % height), i /= height;
  cell.d = static_cast<int>(i % depth);
  cell.n = i / depth;
  return cell;
}

__device__ inline Cell cell_of(int64_t i, int channels, const int32_t (&size)[3]) {
  return cell_of(i, channels, size[0], size[1], size[2]);
}

__device__ inline int64_t offset_of(const Images& images, const Cell& at) {
  return at.n * images.sample + at.c * images.channel + at.d * images.slice + at.h * images.row +
         at.w * images.pixel;
}

}  // namespace cnnfast::cuda
