#include "graph/training_state.h"

namespace cnnfast {

std::shared_ptr<TrainingState> make_training_state() {
  return std::make_shared<TrainingState>();
}

void TrainingState::begin(const OptimizerConfig& config) {
  optimizer = config;
  step = 0;
  slots.clear();
  ++generation;
}

std::vector<Floats>& TrainingState::slots_of(const WeightPtr& weight) {
  const auto known = slots.find(weight);
  if (known != slots.end()) return known->second;
  std::vector<Floats> made;  // all of them before one is kept: memory may be short
  for (int i = 0; i < optimizer.slots(); ++i) made.emplace_back(weight->size(), "the optimizer");
  return slots[weight] = std::move(made);
}

}  // namespace cnnfast
