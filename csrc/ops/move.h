// What is known of a move before its steps are made.
#pragma once
#include <vector>

#include "cnnfast/graph.h"
#include "ops/strided.h"

namespace cnnfast {

class Builder;

// A piece, or a part of one, as it is copied within a unit.
struct Box {
  StridedAxes axes;
  int64_t src = 0, dst = 0;  // offsets
  int input = 0;
  int64_t floats() const {
    int64_t all = 1;
    for (const StridedAxis& axis : axes) all *= axis.size;
    return all;
  }
  Box turned() const {
    Box box = *this;
    for (StridedAxis& axis : box.axes) std::swap(axis.src, axis.dst);
    std::swap(box.src, box.dst);
    return box;
  }
};
using Boxes = std::vector<Box>;

// Of all pieces, within a unit: a row, or a block of sixteen where these are lanes.
Boxes boxes_of(const Builder& b, const Node& node);

// Whether every cell stays on its axes: what has channels before has them there afterwards.
bool keeps_axes(const Node& move);
// Whether the pieces can be moved in this layout, without the user's order in between.
bool moves_in(const Node& move, const std::vector<const Node*>& sources, Layout layout);
// Has sources that would be copied as a whole, in one piece, made where they would be copied to.
void place_sources(Builder& b, int value);

}  // namespace cnnfast
