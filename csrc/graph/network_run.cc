// The runs of a network: its programs, planned and kept, and batch after batch through them.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "graph/measure.h"
#include "graph/network_parts.h"
#include "graph/print_plan.h"
#include "runtime/clock.h"

namespace cnnfast {

namespace {

// Programs a network keeps: batches of training, its last one, evaluation and prediction, with room for some
// change. They hold steps, no memory to run in.
constexpr size_t kPrograms = 16;

uint64_t new_program_number() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

int64_t bytes_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return sizeof(float);
    case DType::float64:
      return sizeof(double);
    case DType::uint8:
      return sizeof(uint8_t);
    case DType::int32:
      return sizeof(int32_t);
  }
  return 0;
}

// Weights that are trained or assigned; statistics that follow the batch's are among these.
std::vector<Weight*> changed_by_training(const Graph& graph, const std::vector<WeightRules>& rules) {
  std::vector<Weight*> changed;
  const auto add = [&](int position) {
    changed.push_back(graph.params()[static_cast<size_t>(position)].weight.get());
  };
  for (size_t i = 0; i < rules.size(); ++i)
    if (rules[i].trainable) add(static_cast<int>(i));
  for (const int position : graph.assigned_params()) add(position);
  return changed;
}

// The part of the caller's arrays that a run works on: one batch, then the next.
class Window {
 public:
  Window(const Graph& graph, const std::vector<int>& outputs, int64_t results, int n, Run* run)
      : results_(results) {
    for (size_t i = 0; i < graph.inputs().size(); ++i) {
      const Node& node = graph.node(graph.inputs()[i]);
      const int64_t rows = node.rows == 0 ? 0 : n;
      inputs_.push_back(run->inputs[i]);
      steps_.push_back({rows, rows * node.rows * node.elems() * bytes_of(run->inputs[i].dtype)});
    }
    for (size_t i = 0; run->outputs && i < outputs.size(); ++i) {
      const Node& node = graph.node(outputs[i]);
      outputs_.push_back(run->outputs[i]);
      floats_.push_back(rows_of(node, n) * node.elems());
    }
    run->inputs = inputs_.data(), run->outputs = outputs_.data();
  }

  void move_on(Run* run) {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      Samples& input = inputs_[i];
      if (input.index)
        input.index += steps_[i].rows;
      else
        input.data = static_cast<const char*>(input.data) + steps_[i].bytes;
    }
    for (size_t i = 0; i < outputs_.size(); ++i) outputs_[i] += floats_[i];
    run->results += results_;
  }

 private:
  struct Step {
    int64_t rows, bytes;
  };
  std::vector<Samples> inputs_;
  std::vector<Step> steps_;
  std::vector<float*> outputs_;
  std::vector<int64_t> floats_;
  int64_t results_;
};

}  // namespace

// Within a transaction, like all that follows down to execute.
void Network::prepare(int n, Mode mode) {
  check_batch(n);
  Side& side = this->side(mode);
  if (!follows_rules(mode)) return;
  if (state_->optimizer.kind == OptimizerConfig::Kind::none)
    fail("configure the network first: it has an objective, but no optimizer.");
  for (size_t i = 0; i < side.rules.size(); ++i)
    side.rules[i] = LockedWeights::rules(*side.graph->params()[i].weight);
}

Network::Cached& Network::find(int n, Mode mode) {
  prepare(n, mode);
  const std::vector<WeightRules>& rules = side(mode).rules;
  const auto known =
      std::find_if(cache_.begin(), cache_.end(), [&, key = Key::current(n, mode, *state_)](const Cached& c) {
        return c.key == key && (!follows_rules(mode) || c.rules == rules);
      });
  if (known != cache_.end()) {
    cache_.splice(cache_.begin(), cache_, known);
    return cache_.front();
  }
  const bool tunes = tunes_when_planning() && !state_->chosen_device();
  if (tunes && !is_tuned(request(Key::current(n, mode, *state_)))) measure(n, mode);
  const Key key = Key::current(n, mode, *state_);
  auto program = std::make_shared<const Program>(make_program(request(key)));
  if (std::getenv("CNNFAST_VERBOSE")) print_plan(*program);
  const Crew crew(program->threads());
  std::unique_ptr<DeviceProgram> there;
  if (key.device) there = key.device->load(program, side(mode).params.size());
  cache_.push_front(
      {key, rules, factors_of(rules), std::move(program), std::move(there), crew, new_program_number()});
  if (key.device && mode == Mode::train)
    cache_.front().changes = changed_by_training(*side(mode).graph, rules);
  if (cache_.size() > kPrograms) cache_.pop_back();
  return cache_.front();
}

PlanRequest Network::request(const Key& key) const {
  const Side& side = this->side(key.mode);
  UpdatePlan update{state_->optimizer, state_->updates, {}, {}, {}, {}, {}};
  for (size_t i = 0; i < side.rules.size(); ++i) {
    const WeightRules& rules = side.rules[i];
    const bool first = side.graph->params()[i].first == static_cast<int>(i);  // a weight is penalized once
    update.trainable.push_back(rules.trainable);
    update.exempt.push_back(state_->optimizer.exempts(side.graph->params()[i].weight));
    update.factors.push_back(rules.rate_factor);
    update.regularizers.push_back(first ? rules.regularizer : Regularizer{});
    update.constraints.push_back(first ? rules.constraint : Constraint{});
  }
  return {*side.graph,
          side.objective ? outputs_of(*side.objective, key.mode) : outputs_,
          side.objective.get(),
          key.n,
          key.mode,
          key.precision,
          *key.kernels,
          key.threads,
          std::move(update),
          forced_,
          disabled_,
          *key.tuning,
          nullptr,
          key.device ? key.device->target() : kCpuTarget};
}

Run Network::bound(Mode mode, Run run, const std::vector<double>& factors, const DevicePtr& device) {
  Side& side = this->side(mode);
  for (size_t i = 0; i < side.params.size(); ++i)
    side.params[i] = LockedWeights::values_on(device, *side.graph->params()[i].weight);
  run.params = side.params.data();
  if (device)
    run.grads = side.grads_there.data();
  else if (side.grads)
    run.grads = side.grads->data();
  run.seed = state_->seed;
  bind_step(mode, &run, factors);
  return run;
}

// The rate of a batch that has one of its own.
void Network::follow(Mode mode, const Batches& batches, int number) {
  if (mode == Mode::train && !batches.rates.empty())
    state_->optimizer.learning_rate = batches.rates[static_cast<size_t>(number)];
}

void Network::bind_step(Mode mode, Run* run, const std::vector<double>& factors) {
  // Others than training count from the far end: they draw what no step of training does.
  run->step = follows_step(mode) ? state_->step : ~state_->predictions;
  if (mode != Mode::train) return;
  run->learning_rate = step_rate(state_->optimizer, state_->step);
  run->numbers = state_->numbers_for(run->learning_rate, factors);
  run->numbers_count = state_->numbers.count();
}

// Memory for gradients and the optimizer, which predictions do without.
void Network::take_state(Mode mode, const DevicePtr& device) {
  if (mode == Mode::predict || mode == Mode::evaluate) return;
  Side& side = this->side(mode);
  const int64_t floats = side.graph->param_elems();
  if (device && side.grads_there.device() != device)
    side.grads_there = DeviceFloats(device, floats, "gradients");
  const bool returns = mode == Mode::vjp || mode == Mode::vjp_training;
  if ((!device || returns) && !side.grads) side.grads = std::make_unique<Floats>(floats, "gradients");
  if (!returns) return;
  std::fill_n(side.grads->data(), floats, 0.0f);  // of weights that are frozen
  if (device) side.grads_there.write(side.grads->data());
}

void Network::take_slots(Cached* cached) {
  const Side& side = *training_;
  const DevicePtr& device = cached->key.device;
  const size_t count = static_cast<size_t>(state_->optimizer.slots());
  if (!device) state_->take_slots_back();
  for (size_t i = 0; i < count; ++i)
    if (cached->slots[i].empty()) cached->slots[i].resize(side.params.size());
  const auto set = [&](size_t p, const auto& own) {
    for (size_t i = 0; i < count; ++i) cached->slots[i][p] = own[i].data();
  };
  for (size_t p = 0; count > 0 && p < side.params.size(); ++p) {
    const WeightPtr& weight = side.graph->params()[p].weight;
    if (!cached->rules[p].trainable) continue;
    if (device)
      set(p, state_->slots_on(device, weight));
    else if (!cached->slots[count - 1][p])
      set(p, state_->slots_of(weight));
  }
}

int Network::execute(Mode mode, const Batches& batches, Run run, const Transaction& transaction) {
  Cached& cached = find(batches.n, mode);
  const Program& program = *cached.program;
  const DevicePtr& device = cached.key.device;
  take_state(mode, device);
  follow(mode, batches, 0);
  run = bound(mode, run, cached.factors, device);
  if (mode == Mode::train) {
    take_slots(&cached);
    for (int i = 0; i < kMostSlots; ++i) run.slots[i] = cached.slots[i].data();
  }
  const Workspace::Lease memory = device ? workspace_->take_on(device, program.floats())
                                         : workspace_->take(program.floats(), cached.number);
  run.arena = memory.data;
  run.clear = memory.dirty;
  run.repack = !memory.kept || cached.packed_version != transaction.weights.version();
  cached.packed_version = 0;  // until the run has ended: one that fails may have left out what packs
  // A run that takes memory or packs weights first does not tell how fast its crew is.
  bool tells = memory.kept && (!run.repack || program.spoils_copies());
  std::optional<Window> window;
  if (batches.count > 1) {
    const Side& side = this->side(mode);
    const int64_t results = side.objective ? results_of(*side.objective) : 0;
    window.emplace(*side.graph, outputs_, results, batches.n, &run);
  }
  const Clock::time_point start = Clock::now();
  int done = 1;  // of the batches: this one is run in any case
  const auto is_over = [&] {
    return done == batches.count || seconds_since(start) > batches.seconds || transaction.is_awaited();
  };
  const auto move_on = [&](Run* to) {
    note_changes(mode, &cached, transaction);
    window->move_on(to);
    follow(mode, batches, done++);
    bind_step(mode, to, cached.factors);
  };
  Clock::time_point begun = start;
  if (device) {
    const auto next = [&](Run* to) {
      if (is_over()) return false;
      move_on(to);
      return true;
    };
    cached.there->run(&run, next);
    note_changes(mode, &cached, transaction);
    return done;
  }
  for (;; move_on(&run), begun = Clock::now()) {  // one parallel region after the other
    const int first = done;
    const auto next = [&](Run* to) {
      if (is_over() || seconds_since(begun) > cached.crew.seconds()) return false;
      move_on(to);
      return true;
    };
    const std::function<bool(Run*)> several(std::ref(next));
    const auto [failed, waited] = program.run(&run, cached.crew.size(), window ? several : nullptr);
    if (failed) failed->fail();
    if (tells && program.threads() > 1) {
      const double now = seconds_since(Clock::time_point());
      cached.crew.tell(done - first + 1, seconds_since(begun), waited, now);
    }
    if (is_over()) {
      note_changes(mode, &cached, transaction);
      return done;
    }
    run.clear = false, run.repack = program.spoils_copies(), tells = true;
  }
}

// Behind a run.
void Network::note_changes(Mode mode, Cached* cached, const Transaction& transaction) {
  if (!follows_step(mode)) ++state_->predictions;
  if (mode == Mode::train) {
    ++state_->step;
    if (cached->key.device)
      for (Weight* const weight : cached->changes) LockedWeights::changed_on_device(*weight);
    else
      note_changes_here();
  }
  // The program has packed what it moved.
  const bool packed = mode != Mode::train || !cached->program->spoils_copies();
  cached->packed_version = packed ? transaction.weights.version() : 0;
}

void Network::note_changes_here() {
  for (const WeightPtr& weight : all_weights_)
    if (LockedWeights::rules(*weight).trainable) LockedWeights::changed(*weight);
  for (const int position : training_->graph->assigned_params())
    LockedWeights::changed(*training_->graph->params()[static_cast<size_t>(position)].weight);
}

// Lets those go first who wait for what a long call holds: a thread that takes its locks again at once would
// have them before another is awake.
void Network::give_way() const {
  constexpr int kLooks = 200;
  const auto is_awaited = [this] {
    if (state_->mutex.is_awaited() || workspace_->is_awaited()) return true;
    const Lock lock(state_->mutex);
    return LockedWeights::are_awaited(locking_order_);
  };
  for (int i = 0; i < kLooks && is_awaited(); ++i) wait_a_little();
}

int Network::predict(std::span<const Samples> inputs, const Batches& batches,
                     std::span<float* const> outputs) {
  int done;
  {
    const Transaction transaction(*this);
    check_inputs(inputs, batches, graph_, predicting_->input_rules);
    if (outputs.size() != outputs_.size())
      fail("the network has ", outputs_.size(), " outputs, got room for ", outputs.size(), ".");
    for (float* const out : outputs) checked_pointer(out, "the output");
    Run run;
    run.inputs = inputs.data();
    run.outputs = outputs.data();
    done = execute(Mode::predict, batches, run, transaction);
  }
  if (done < batches.count) give_way();
  return done;
}

void Network::predict(const Samples& x, int n, float* out) {
  predict({&x, 1}, {n}, {&out, 1});
}

int Network::run_batches(Mode mode, std::span<const Samples> inputs, const Batches& batches,
                         std::vector<double>& results) {
  int done;
  {
    const Transaction transaction(*this);
    done = run_within(transaction, mode, inputs, batches, results);
  }
  if (done < batches.count) give_way();
  return done;
}

int Network::run_within(const Transaction& transaction, Mode mode, std::span<const Samples> inputs,
                        const Batches& batches, std::vector<double>& results) {
  prepare(batches.n, mode);
  const Side& side = this->side(mode);
  check_inputs(inputs, batches, *side.graph, side.input_rules);
  const auto each = static_cast<size_t>(results_of(*side.objective));
  results.resize(each * static_cast<size_t>(batches.count));
  Run run;
  run.inputs = inputs.data();
  run.results = results.data();
  const int done = execute(mode, batches, run, transaction);
  results.resize(each * static_cast<size_t>(done));
  return done;
}

void Network::step_on(Mode mode, const Samples& x, const Targets& y, int n, std::vector<double>& results) {
  const Transaction transaction(*this);
  check_samples(x, {n});
  const Side& side = this->side(mode);
  const Samples inputs[] = {x, samples_of_targets(y, x, output_node(), side.input_rules)};
  run_within(transaction, mode, inputs, {n}, results);
  for (size_t i = 0; i + 1 < results.size(); ++i)
    results[i + 1] /= rows_of(side.graph->node(side.objective->metrics[i]), n);
}

int Network::train(std::span<const Samples> inputs, const Batches& batches, std::vector<double>& results) {
  return run_batches(Mode::train, inputs, batches, results);
}

int Network::evaluate(std::span<const Samples> inputs, const Batches& batches, std::vector<double>& results) {
  return run_batches(Mode::evaluate, inputs, batches, results);
}

void Network::train_step(const Samples& x, const Targets& y, int n, std::vector<double>& results) {
  step_on(Mode::train, x, y, n, results);
}

void Network::evaluate_step(const Samples& x, const Targets& y, int n, std::vector<double>& results) {
  step_on(Mode::evaluate, x, y, n, results);
}

void Network::vjp(std::span<const Samples> inputs, std::span<const float* const> grad_outputs, int n,
                  bool training, std::span<float* const> grad_inputs, float* grad_weights) {
  const Transaction transaction(*this);
  check_inputs(inputs, {n}, graph_, predicting_->input_rules);
  if (grad_outputs.size() != outputs_.size() || grad_inputs.size() != inputs.size())
    fail("gradients are one for each of ", outputs_.size(), " outputs and ", inputs.size(), " inputs, got ",
         grad_outputs.size(), " and ", grad_inputs.size(), ".");
  const Mode mode = training ? Mode::vjp_training : Mode::vjp;
  for (const float* const grad : grad_outputs) checked_pointer(grad, "the gradient of the output");
  for (float* const grad : grad_inputs) checked_pointer(grad, "the gradient of the input");
  if (!weights_.empty()) checked_pointer(grad_weights, "the gradient of the weights");
  Run run;
  run.inputs = inputs.data();
  run.grad_outputs = grad_outputs.data();
  run.grad_inputs = grad_inputs.data();
  execute(mode, {n}, run, transaction);
  float* const grads = predicting_->grads->data();
  if (cache_.front().there) predicting_->grads_there.read(grads);  // of the program that has just run
  std::copy_n(grads, graph_.weight_elems(), grad_weights);
}

void Network::vjp(const Samples& x, const float* grad_out, int n, bool training, float* grad_x,
                  float* grad_weights) {
  vjp({&x, 1}, {&grad_out, 1}, n, training, {&grad_x, 1}, grad_weights);
}

int64_t Network::memory(int n, Mode mode) {
  const Transaction transaction(*this);
  const Program& program = *find(n, mode).program;
  return static_cast<int64_t>(sizeof(float)) * (program.floats() + program.transferred());
}

int64_t Network::arena_bytes() const {
  return workspace_->bytes();
}

std::vector<StepInfo> Network::plan(int n, Mode mode) {
  const Transaction transaction(*this);
  std::vector<StepInfo> infos;
  for (const Step& step : find(n, mode).program->steps()) infos.push_back(step.info);
  return infos;
}

}  // namespace cnnfast
