// A network's runs timed: of what it is, and of the algorithms it might take.
#include <algorithm>
#include <cmath>
#include <vector>

#include "graph/measure.h"
#include "graph/network_parts.h"
#include "runtime/clock.h"

namespace cnnfast {

Network::Copies Network::copy_state(Mode mode, const DevicePtr& device) const {
  const Graph& graph = *side(mode).graph;
  Copies copies;
  copies.values = Floats(graph.weight_elems(), "a copy of the weights");
  for (const Parameter& param : graph.params())
    std::copy_n(LockedWeights::values(*param.weight), param.size(),
                copies.values.data() + graph.offset(param.first));
  // On a device, there: where each parameter lies.
  const auto places = [&](const Floats& here, DeviceFloats* there, std::vector<float*>* to) {
    float* begin = here.data();
    if (device) {
      *there = DeviceFloats(device, here.size(), "a copy of what training changes");
      there->write(here.data());
      begin = there->data();
    }
    for (const Parameter& param : graph.params()) to->push_back(begin + graph.offset(param.first));
  };
  places(copies.values, &copies.values_there, &copies.params);
  if (mode == Mode::train) state_->fetch_slots();
  for (int s = 0; mode == Mode::train && s < state_->optimizer.slots(); ++s) {
    copies.slots[s] = Floats(graph.weight_elems(), "a copy of the optimizer's state");
    for (const Parameter& param : graph.params()) {
      const auto known = state_->slots.find(param.weight);
      if (known != state_->slots.end())
        std::copy_n(known->second[static_cast<size_t>(s)].data(), param.size(),
                    copies.slots[s].data() + graph.offset(param.first));
    }
    places(copies.slots[s], &copies.slots_there[s], &copies.slot_params[s]);
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
  const DevicePtr& device = cached.key.device;
  take_state(mode, device);
  run = bound(mode, run, cached.factors, device);
  const Copies copies = copy_state(mode, device);
  copies.lend(&run);
  const Workspace::Lease memory = device ? workspace_->take_on(device, program.floats())
                                         : workspace_->take(program.floats(), cached.number);
  cached.packed_version = 0;  // from now on the memory holds the copy's weights
  run.arena = memory.data;
  run.clear = memory.dirty;
  const auto run_once = [&] {
    if (cached.there)
      cached.there->run(&run, nullptr);
    else if (HostFunction* const failed = program.run(&run, program.threads()).failed)
      failed->fail();
  };
  run_once();
  run.clear = run.repack = false;
  run.step_seconds = step_seconds.data();
  Timing best{HUGE_VAL, {}, program.threads()};
  for (int i = 0; i < runs; ++i) {
    const Clock::time_point start = Clock::now();
    run_once();
    const double seconds = seconds_since(start);
    if (seconds < best.seconds) best.seconds = seconds, best.step_seconds = step_seconds;
  }
  return best;
}

void Network::measure(int n, Mode mode) {
  const Mode kind = mode == Mode::train ? Mode::train : Mode::predict;
  take_state(kind, nullptr);
  const std::vector<double> factors = factors_of(side(kind).rules);
  Run run = bound(kind, {}, factors, nullptr);
  run.learning_rate = 0;  // random targets must not drive the weights out of range
  run.numbers = state_->numbers_for(0, factors);
  const Copies copies = copy_state(kind, nullptr);
  copies.lend(&run);
  add_tuning(measure_convolutions(request(Key::current(n, kind, *state_, nullptr)), run));
}

void Network::tune(int n, Mode mode) {
  const Transaction transaction(*this);
  prepare(n, mode);
  measure(n, mode);
}

}  // namespace cnnfast
