// What callers hand in to be computed: refused with an Error before anything runs.
#pragma once
#include <span>
#include <vector>

#include "cnnfast/network.h"

namespace cnnfast {

// What the numbers of an input must be, told by who reads them.
struct InputRule {
  bool finite = false;
  int64_t classes = 0;  // above 0: class numbers below it
  int64_t cells = 0;    // above 0: indices of an axis of so many cells
};
std::vector<InputRule> rules_of_inputs(const Graph& graph);

// Of an index, as a number that somebody handed in.
void check_index(double index, int64_t cells);

void check_batch(int n);
void check_samples(const Samples& x, const Batches& batches);
// One for each of the graph's inputs.
void check_inputs(std::span<const Samples> inputs, const Batches& batches, const Graph& graph,
                  const std::vector<InputRule>& rules);
// The second of a network's two inputs: rows as x has them, as large as `output` asks.
Samples samples_of_targets(const Targets& y, const Samples& x, const Node& output,
                           const std::vector<InputRule>& rules);

// That it continues the network's graph; that two report the same numbers.
void check_objective(const Objective& objective, const Graph& network);
void check_alike(const Objective& a, const Objective& b);

void check_regularizer(const Regularizer& regularizer);
void check_rate_factor(double factor);
void check_constraint(const Constraint& constraint, const Weight& weight);
void check_optimizer(const OptimizerConfig& optimizer);
void check_metric(const Metric& metric);

template <class T>
T* checked_pointer(T* pointer, const char* what) {
  if (!pointer) fail(what, " must not be null.");
  return pointer;
}

}  // namespace cnnfast
