// What training keeps between steps, besides weights.
#pragma once
#include <map>
#include <optional>

#include "cnnfast/network.h"
#include "graph/device.h"
#include "optim/formula_update.h"
#include "runtime/floats.h"

namespace cnnfast {

// Floats that a weight takes in a flat buffer: whole cache lines.
inline int64_t rounded_up(int64_t floats) {
  return ceil_div(floats, kLanes) * kLanes;
}

// All calls of the networks that share it exclude each other: they hold its mutex.
struct TrainingState {
  mutable Mutex mutex;
  OptimizerConfig optimizer;
  UpdateFormulas updates;  // of an optimizer that is a formula
  StepNumbers numbers;     // what they read in this step
  uint64_t seed = 0;       // of dropout
  int64_t step = 0;
  int64_t predictions = 0;          // and evaluations and gradients, each of which draws other numbers
  std::optional<DevicePtr> device;  // where its networks compute; none: the process's default
  uint64_t generation = 0;          // another one whenever the optimizer is chosen anew, or slots move
  // Of weights that were trained so far; on a device they may be newer.
  std::map<WeightPtr, std::vector<Floats>> slots;

  void begin(const OptimizerConfig& config);
  const float* numbers_for(double rate, const std::vector<double>& factors);
  // Of one weight; makes them where there are none yet.
  std::vector<Floats>& slots_of(const WeightPtr& weight);

  DevicePtr chosen_device() const { return device ? *device : default_device(); }
  // Before slots are read here; and before they are changed.
  void fetch_slots();
  void take_slots_back();
  // The same there, to be changed.
  const std::vector<DeviceFloats>& slots_on(const DevicePtr& on, const WeightPtr& weight);

 private:
  std::map<WeightPtr, std::vector<DeviceFloats>> mirror_;  // all on one device
  bool newer_ = false;                                     // than slots
};

}  // namespace cnnfast
