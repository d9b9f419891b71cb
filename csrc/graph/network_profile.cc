// A network's runs timed: of what it is, and of the algorithms it might take.
#include <algorithm>
#include <cmath>
#include <vector>

#include "graph/measure.h"
#include "graph/network_parts.h"
#include "runtime/clock.h"

namespace cnnfast {

Network::Copies Network::copy_state(Mode mode) const {
  const Side& side = this->side(mode);
  const Graph& graph = *side.graph;
  Copies copies;
  copies.values = Floats(graph.weight_elems(), "a copy of the weights");
  for (size_t i = 0; i < graph.params().size(); ++i) {
    const Parameter& param = graph.params()[i];
    copies.params.push_back(copies.values.data() + graph.offset(param.first));
    std::copy_n(side.params[i], param.size(), copies.params.back());
  }
  for (int s = 0; mode == Mode::train && s < state_->optimizer.slots(); ++s) {
    copies.slots[s] = Floats(graph.weight_elems(), "a copy of the optimizer's state");
    for (const Parameter& param : graph.params()) {
      float* const to = copies.slots[s].data() + graph.offset(param.first);
      const auto known = state_->slots.find(param.weight);
      if (known != state_->slots.end())
        std::copy_n(known->second[static_cast<size_t>(s)].data(), param.size(), to);
      copies.slot_params[s].push_back(to);
    }
  }
  return copies;
}

Timing Network::profile(std::span<const Samples> inputs, int n, Mode mode, int runs) {
  const Transaction transaction(*this);
  if (runs < 1) fail("runs must be at least 1, got ", runs, ".");
  if (mode == Mode::vjp || mode == Mode::vjp_training)
    fail("prediction, training and evaluation can be profiled; a vjp cannot.");
  Cached& cached = find(n, mode);
  const Side& side = this->side(mode);
  check_inputs(inputs, {n}, *side.graph, side.input_rules);
  const Program& program = *cached.program;
  std::vector<std::vector<float>> outs;
  std::vector<float*> outputs;
  for (const int output : outputs_) {
    const Node& node = graph_.node(output);
    outputs.push_back(outs.emplace_back(static_cast<size_t>(rows_of(node, n) * node.elems())).data());
  }
  std::vector<double> step_seconds(program.steps().size());
  std::vector<double> results(side.objective ? static_cast<size_t>(results_of(*side.objective)) : 0);
  Run run;
  run.inputs = inputs.data(), run.outputs = outputs.data(), run.results = results.data();
  take_state(mode);
  run = bound(mode, run, cached.factors);
  const Copies copies = copy_state(mode);
  copies.lend(&run);
  const Workspace::Lease memory = workspace_->take(program.floats(), cached.number);
  cached.packed_version = 0;  // from now on the memory holds the copy's weights
  run.arena = memory.data;
  run.clear = memory.dirty;
  if (HostFunction* const failed = program.run(&run, program.threads()).failed) failed->fail();
  run.clear = run.repack = false;
  run.step_seconds = step_seconds.data();
  Timing best{HUGE_VAL, {}, program.threads()};
  for (int i = 0; i < runs; ++i) {
    const Clock::time_point start = Clock::now();
    program.run(&run, program.threads());
    const double seconds = seconds_since(start);
    if (seconds < best.seconds) best.seconds = seconds, best.step_seconds = step_seconds;
  }
  return best;
}

void Network::measure(int n, Mode mode) {
  const Mode kind = mode == Mode::train ? Mode::train : Mode::predict;
  take_state(kind);
  const std::vector<double> factors = factors_of(side(kind).rules);
  Run run = bound(kind, {}, factors);
  run.learning_rate = 0;  // random targets must not drive the weights out of range
  run.numbers = state_->numbers_for(0, factors);
  const Copies copies = copy_state(kind);
  copies.lend(&run);
  add_tuning(measure_convolutions(request(Key::current(n, kind, *state_)), run));
}

void Network::tune(int n, Mode mode) {
  const Transaction transaction(*this);
  prepare(n, mode);
  measure(n, mode);
}

}  // namespace cnnfast
