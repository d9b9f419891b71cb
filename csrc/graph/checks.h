// What callers hand in to be computed: refused with an Error before anything runs.
#pragma once
#include <vector>

#include "cnnfast/network.h"

namespace cnnfast {

// Rows that an index picked, side by side; kept from run to run, so that it allocates no more.
struct GatheredTargets {
  std::vector<int32_t> labels;
  std::vector<float> values;
};

void check_batch(int n);
void check_samples(const Samples& x, int n);
// Returns the targets of the batch in its order, which `rows` may hold. A row has `columns` values.
Targets checked_targets(const Targets& y, const Samples& x, int n, Loss loss, int64_t columns,
                        GatheredTargets* rows);

void check_regularizer(const Regularizer& regularizer);
void check_constraint(const Constraint& constraint, const Weight& weight);
void check_optimizer(const OptimizerConfig& optimizer);
void check_metric(const Metric& metric);

template <class T>
T* checked_pointer(T* pointer, const char* what) {
  if (!pointer) fail(what, " must not be null.");
  return pointer;
}

}  // namespace cnnfast
