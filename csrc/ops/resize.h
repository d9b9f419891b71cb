// What is known of a resized axis, whatever makes its steps.
#pragma once
#include "graph/builder.h"
#include "ops/blending.h"

namespace cnnfast {

// Whether the axis can be resized in this layout, without the user's order in between.
bool resizes_in(const Node& resize, Layout layout);

// What a step blends, of an axis of `size` cells.
struct Resized {
  Blending blending;
  int64_t size;
};
Resized resized(const Builder& b, const Node& resize);
Resized resized_back(const Builder& b, const Node& resize);  // gradients

}  // namespace cnnfast
