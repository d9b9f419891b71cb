// How kernels see a node's value that has channels.
#pragma once
#include "cnnfast/graph.h"
#include "cuda/kernels/kernels.h"

namespace cnnfast::cuda {

inline Images images_of(const Image& image, DataFormat format) {
  const int64_t pixels = image.pixels(), c = image.c, row = image.w, slice = row * image.h;
  if (format == DataFormat::channels_first) return {c * pixels, pixels, slice, row, 1};
  return {c * pixels, 1, slice * c, row * c, c};
}

// Of that many rows. A value of one axis has its features there.
inline Channels channels_of(const Node& node, int64_t rows) {
  if (!node.has_channels()) return {node.dims.back(), 1, rows * node.elems()};
  const Image image = node.image();
  const bool first = node.format == DataFormat::channels_first;
  return {image.c, first ? image.pixels() : 1, rows * node.elems()};
}

// In what random numbers of a row are counted: where a layer has decided which axis channels are, as the CPU
// does, which has these in lanes.
inline Channels random_row(const Node& node) {
  if (node.has_channels() && node.decider >= 0) return channels_of(node, 1);
  return {1, node.elems(), node.elems()};
}

}  // namespace cnnfast::cuda
