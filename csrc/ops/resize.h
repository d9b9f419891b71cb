// What is known of a resized axis before its steps are made.
#pragma once
#include "cnnfast/graph.h"

namespace cnnfast {

// Whether the axis can be resized in this layout, without the user's order in between.
bool resizes_in(const Node& resize, Layout layout);

}  // namespace cnnfast
