#include "graph/training_state.h"

namespace cnnfast {

std::shared_ptr<TrainingState> make_training_state() {
  return std::make_shared<TrainingState>();
}

void TrainingState::begin(const OptimizerConfig& config) {
  UpdateFormulas formulas = update_formulas(config);
  optimizer = config;
  updates = std::move(formulas);
  step = 0;
  slots.clear();
  ++generation;
}

const float* TrainingState::numbers_for(double rate, const std::vector<double>& factors) {
  return numbers.of(updates, rate, step, factors);
}

std::vector<Floats>& TrainingState::slots_of(const WeightPtr& weight) {
  const auto known = slots.find(weight);
  if (known != slots.end()) return known->second;
  std::vector<Floats> made;  // all of them before one is kept: memory may be short
  for (int i = 0; i < optimizer.slots(); ++i) {
    const float begin = optimizer.begin_of(static_cast<size_t>(i));
    made.emplace_back(weight->size(), "the optimizer");
    if (begin != 0) std::fill_n(made.back().data(), weight->size(), begin);
  }
  return slots[weight] = std::move(made);
}

}  // namespace cnnfast
