// What is known of a move before its steps are made.
#pragma once
#include <vector>

#include "cnnfast/graph.h"

namespace cnnfast {

class Builder;

// Whether every cell stays on its axes: what has channels before has them there afterwards.
bool keeps_axes(const Node& move);
// Whether the pieces can be moved in this layout, without the user's order in between.
bool moves_in(const Node& move, const std::vector<const Node*>& sources, Layout layout);
// Has sources that would be copied as a whole, in one piece, made where they would be copied to.
void place_sources(Builder& b, int value);

}  // namespace cnnfast
