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

const float* TrainingState::numbers_for(double rate) {
  numbers = numbers_of(updates, rate, step);
  return numbers.data();
}

std::vector<Floats>& TrainingState::slots_of(const WeightPtr& weight) {
  std::vector<Floats>& own = slots[weight];
  while (static_cast<int>(own.size()) < optimizer.slots()) {
    const float begin = optimizer.begin_of(own.size());
    own.emplace_back(weight->size(), "the optimizer");
    if (begin != 0) std::fill_n(own.back().data(), weight->size(), begin);
  }
  return own;
}

}  // namespace cnnfast
