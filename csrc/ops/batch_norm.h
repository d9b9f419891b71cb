// What normalizations of the CPU and of devices know of a node.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

struct NormParams {
  ParamPlace gamma, beta, mean, variance;  // the first two: or none
};
NormParams norm_params(const Builder& b, const Node& node);
// Whether the statistics are the batch's: in training, unless the layer's weights are frozen, as in Keras.
bool sees_batch(const Builder& b, const Node& node, const NormParams& p);

}  // namespace cnnfast
