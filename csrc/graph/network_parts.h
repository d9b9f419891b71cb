// What a network is made of besides its graph and weights: for the files that implement it.
#pragma once
#include <memory>
#include <vector>

#include "cnnfast/network.h"
#include "graph/checks.h"
#include "graph/locked_weights.h"
#include "graph/plan.h"
#include "graph/training_state.h"
#include "graph/workspace.h"
#include "runtime/cpu.h"
#include "runtime/crew.h"
#include "runtime/floats.h"
#include "runtime/no_fork.h"
#include "runtime/parallel.h"

namespace cnnfast {

// Whether programs depend on what training does with weights.
inline bool follows_rules(Mode mode) {
  return mode == Mode::train || mode == Mode::evaluate;
}

// Whether random numbers are those of a training step.
inline bool follows_step(Mode mode) {
  return mode == Mode::train || mode == Mode::vjp_training;
}

// By which some of them multiply the learning rate.
inline std::vector<double> factors_of(const std::vector<WeightRules>& rules) {
  std::vector<double> factors;
  for (const WeightRules& each : rules) factors.push_back(each.rate_factor);
  return distinct(std::move(factors));
}

// One graph, and what runs of it need besides memory.
struct Network::Side {
  std::shared_ptr<const Objective> objective;  // null: it predicts
  const Graph* graph;
  std::vector<InputRule> input_rules;
  std::vector<float*> params;      // where the values of each parameter lie now
  std::vector<WeightRules> rules;  // of each parameter, when last looked up
  std::unique_ptr<Floats> grads;   // taken at the first run that needs them
  DeviceFloats grads_there;        // likewise, on a device

  explicit Side(const Graph& graph) : graph(&graph) { make_tables(); }
  explicit Side(Objective wanted)
      : objective(std::make_shared<const Objective>(std::move(wanted))), graph(&objective->graph) {
    make_tables();
  }

 private:
  void make_tables() {
    input_rules = rules_of_inputs(*graph);
    params.resize(graph->params().size());
    rules.resize(params.size());
  }
};

struct Network::Key {
  int n;
  Mode mode;
  int threads;
  const KernelTable* kernels;
  Precision precision;
  std::shared_ptr<const Tuning> tuning;
  uint64_t generation;  // of the optimizer
  DevicePtr device;

  bool operator==(const Key&) const = default;
  static Key current(int n, Mode mode, const TrainingState& state, DevicePtr device) {
    return {n,
            mode,
            num_threads(),
            &cnnfast::kernels(),
            cnnfast::precision(),
            cnnfast::tuning(),
            follows_rules(mode) ? state.generation : 0,
            std::move(device)};
  }
  static Key current(int n, Mode mode, const TrainingState& state) {
    return current(n, mode, state, state.chosen_device());
  }
};

struct Network::Cached {
  Key key;
  std::vector<WeightRules> rules;
  std::vector<double> factors;  // of the learning rate, that are among the rules
  std::shared_ptr<const Program> program;
  std::unique_ptr<DeviceProgram> there;  // where it runs on a device; else null
  Crew crew;
  uint64_t number;
  uint64_t packed_version = 0;                 // of the weights, as its last run left them packed
  std::vector<float*> slots[kMostSlots] = {};  // of each parameter that it trains
  std::vector<Weight*> changes = {};           // what a run of it changes on a device
};

// The network and its weights are this thread's.
struct Network::Transaction {
  explicit Transaction(const Network& network)
      : network(network), lock(network.state_->mutex), weights(network.locking_order_) {}
  // Whether somebody waits for something that it holds, or its run.
  bool is_awaited() const {
    return NoFork::is_awaited() || network.state_->mutex.is_awaited() || network.workspace_->is_awaited() ||
           weights.are_awaited();
  }
  const Network& network;
  Lock lock;
  LockedWeights weights;
};

// What a run changes, for runs that must leave no trace.
struct Network::Copies {
  Floats values, slots[kMostSlots];
  DeviceFloats values_there, slots_there[kMostSlots];
  std::vector<float*> params, slot_params[kMostSlots];

  void lend(Run* run) const {
    run->params = params.data();
    for (int i = 0; i < kMostSlots; ++i) run->slots[i] = slot_params[i].data();
  }
};

}  // namespace cnnfast
