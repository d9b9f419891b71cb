// How training moves parameters: the optimizer where a gradient is finished, or at the end of the program
// after regularizers and clipping, then constraints.
#pragma once
#include "graph/builder.h"
#include "optim/formula_update.h"

namespace cnnfast {

struct UpdatePlan {
  OptimizerConfig optimizer;
  UpdateFormulas formulas;
  std::vector<bool> trainable, exempt;  // of each parameter
  std::vector<double> factors;          // of its learning rate
  std::vector<Regularizer> regularizers;
  std::vector<Constraint> constraints;
};

// The learning rate of one step, Adam's with its bias corrections.
double step_rate(const OptimizerConfig& optimizer, int64_t step);

// Before anything is lowered: tells the builder what is trained and, if any step may move parameters itself,
// which.
void plan_update(Builder& b, const UpdatePlan& plan, bool at_once);
// After all gradients: moves what no step has moved yet.
void lower_update(Builder& b, const Node& output, const UpdatePlan& plan);

}  // namespace cnnfast
