// What training keeps between steps, besides weights.
#pragma once
#include <map>
#include <mutex>

#include "cnnfast/network.h"
#include "runtime/floats.h"

namespace cnnfast {

// All calls of the networks that share it exclude each other: they hold its mutex.
struct TrainingState {
  mutable std::mutex mutex;
  OptimizerConfig optimizer;
  uint64_t seed = 0;  // of dropout
  int64_t step = 0;
  uint64_t generation = 0;  // another one whenever the optimizer is chosen anew, or slots move
  std::map<WeightPtr, std::vector<Floats>> slots;  // of weights that were trained so far

  void begin(const OptimizerConfig& config);
  // Of one weight; makes them where there are none yet.
  std::vector<Floats>& slots_of(const WeightPtr& weight);
};

}  // namespace cnnfast
