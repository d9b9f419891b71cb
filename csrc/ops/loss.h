// The end of a training or evaluation program: loss, its gradient, and metrics.
#pragma once
#include "graph/builder.h"
#include "optim/update.h"

namespace cnnfast {

struct LossPlan {
  Loss loss;
  bool from_logits;  // the network need not end with the loss's softmax or sigmoid
  std::vector<Metric> metrics;
  ActivationKind merged = ActivationKind::linear;  // the network's last activation, if the loss includes it
};

// Decides what the loss reads. A softmax or sigmoid at the end of the network is merged: the loss then works
// on its input, which is exact and cheaper, and metrics on the network's output all the same. As in Keras,
// from_logits does not keep either from being merged. Throws Error{value} where loss and network do not fit.
LossPlan plan_loss(Draft& draft, Loss loss, bool from_logits, std::vector<Metric> metrics);

// Appends the steps; with a gradient, the value's gradient is there afterwards. Of the update only penalties
// count here, and only those of weights that are trained.
void lower_loss(Builder& b, int value, const LossPlan& plan, const UpdatePlan& update);

}  // namespace cnnfast
