// What Winograd's directions share.
#pragma once
#include "ops/conv/conv.h"

namespace cnnfast {

// Tiles of tile x tile outputs of one sample.
inline int64_t winograd_tiles(const Image& out, int tile) {
  return ceil_div(out.h, tile) * ceil_div(out.w, tile);
}

// In tiles of 4 x 4 outputs, whatever the tiles of the other directions.
void winograd_backward_weights(Builder&, int value, const ConvProblem&, Buffer src, Buffer grad_out);
double winograd_weights_cost(const ConvProblem&);

}  // namespace cnnfast
