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
  std::vector<Floats>& own = slots[weight];
  while (static_cast<int>(own.size()) < optimizer.slots()) own.emplace_back(weight->size(), "the optimizer");
  return own;
}

}  // namespace cnnfast
