// The end of a training program: regularizers' gradients, the optimizer over the flat buffers, constraints.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

struct UpdatePlan {
  OptimizerConfig optimizer;
  std::vector<bool> trainable;  // of each parameter
  std::vector<Regularizer> regularizers;
  std::vector<Constraint> constraints;
};

void lower_update(Builder& b, const Node& output, const std::vector<Parameter>& params,
                  const UpdatePlan& plan);

}  // namespace cnnfast
