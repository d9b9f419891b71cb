// An optimizer that treats each number alone, as a formula: of the weight, its gradient and its slots, then
// of the learning rate and the step, from 0. It makes the weight and the slots.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

// What depends on rate and step alone is computed once a step, in float64; the rest reads it behind the
// weight, the gradient and the slots.
struct SplitUpdate {
  Formula numbers, moves;
  int slots = 0;
};

// Of most weights, and of those that are exempt, whose numbers come behind the others'.
struct UpdateFormulas {
  SplitUpdate usual, exempt;
};

// Throws where a formula does not suit: its inputs and outputs, random numbers, more than fits the caches.
UpdateFormulas update_formulas(const OptimizerConfig& optimizer);

// By which learning rates of some weights are multiplied: each once, in order.
std::vector<double> distinct(std::vector<double> factors);

// The numbers of a step, for each factor in order; none after the first takes memory.
class StepNumbers {
 public:
  const float* of(const UpdateFormulas& formulas, double rate, int64_t step,
                  const std::vector<double>& factors);
  int count() const { return static_cast<int>(numbers_.size()); }

 private:
  void add(const SplitUpdate& update, double rate, int64_t step);

  std::vector<double> values_;
  std::vector<float> numbers_;
};

// Where the numbers of each parameter begin. By position as below.
std::vector<size_t> number_places(const UpdateFormulas& formulas, const std::vector<bool>& exempt,
                                  const std::vector<double>& factors);

// Moves parameters. By position: which of them are exempt, and the factor of the learning rate.
Update formula_update(const UpdateFormulas& formulas, const std::vector<bool>& exempt,
                      const std::vector<double>& factors, const KernelTable& k);

}  // namespace cnnfast
