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
  mirror_.clear();
  newer_ = false;
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

void TrainingState::fetch_slots() {
  if (!newer_) return;
  for (const auto& [weight, there] : mirror_)
    for (size_t i = 0; i < there.size(); ++i) there[i].read(slots.at(weight)[i].data());
  newer_ = false;
}

void TrainingState::take_slots_back() {
  fetch_slots();
  mirror_.clear();
}

const std::vector<DeviceFloats>& TrainingState::slots_on(const DevicePtr& on, const WeightPtr& weight) {
  if (!mirror_.empty() && mirror_.begin()->second.front().device() != on) take_slots_back();
  newer_ = true;
  const auto known = mirror_.find(weight);
  if (known != mirror_.end()) return known->second;
  std::vector<DeviceFloats> made;
  for (const Floats& slot : slots_of(weight)) {
    made.emplace_back(on, weight->size(), "the optimizer");
    made.back().write(slot.data());
  }
  return mirror_[weight] = std::move(made);
}

}  // namespace cnnfast
