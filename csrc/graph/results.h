// The end of a training or evaluation program: what the losses add up to, penalties, and sums of metrics.
#pragma once
#include "cnnfast/objective.h"
#include "optim/update.h"

namespace cnnfast {

// An objective's values as the outputs of a draft, where all below expects them: losses, then metrics, then
// what training assigns to weights.
std::vector<int> outputs_of(const Objective& objective, Mode mode);
// The numbers that are reported: the loss, and all of the metrics'.
int64_t results_of(const Objective& objective);

// What the sum of a loss's numbers for n samples is divided by.
double divisor_of(const Objective::Term& term, const Node& node, int n);
struct Penalty {
  ParamPlace param;
  int64_t size;
  Regularizer regularizer;
};
// Frozen weights have none: nothing that training does changes theirs.
std::vector<Penalty> penalties_of(const Builder& b, const UpdatePlan& update);

// Before anything is lowered: tells the builder the gradients of the losses.
void set_loss_rates(Builder& b, const std::vector<int>& outputs, const Objective& objective);
// Of the update only penalties count here, and only those of weights that are trained.
void lower_results(Builder& b, const std::vector<int>& outputs, const Objective& objective,
                   const UpdatePlan& update);

}  // namespace cnnfast
