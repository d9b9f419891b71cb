// The life of a network: the weights it binds, optimizer state, and the cache of its programs.
#include "cnnfast/network.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <initializer_list>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "graph/checks.h"
#include "graph/locked_weights.h"
#include "graph/measure.h"
#include "graph/plan.h"
#include "graph/print_plan.h"
#include "graph/training_state.h"
#include "graph/workspace.h"
#include "runtime/cpu.h"
#include "runtime/no_fork.h"
#include "runtime/parallel.h"

namespace cnnfast {

namespace {

// Programs a network keeps: batches of training, its last one, evaluation and prediction, with room for some
// change. They hold steps, no memory to run in.
constexpr size_t kPrograms = 16;

uint64_t new_program_number() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

// Whether programs depend on what training does with weights.
bool follows_rules(Mode mode) {
  return mode == Mode::train || mode == Mode::evaluate;
}

// Whether random numbers are those of a training step.
bool follows_step(Mode mode) {
  return mode == Mode::train || mode == Mode::vjp_training;
}

std::vector<double> factors_of(const std::vector<WeightRules>& rules) {
  std::vector<double> factors;
  for (const WeightRules& each : rules) factors.push_back(each.rate_factor);
  return distinct(std::move(factors));
}

// Of one of the optimizer's buffers.
int64_t slot_floats(const Weights& weights) {
  int64_t floats = 0;
  for (const WeightPtr& weight : weights) floats += rounded_up(weight->size());
  return floats;
}

// Those of all, each once, in the order in which they come.
Weights union_of(std::initializer_list<Weights> lists) {
  Weights all;
  std::set<const Weight*> known;
  for (const Weights& list : lists)
    for (const WeightPtr& weight : list)
      if (known.insert(weight.get()).second) all.push_back(weight);
  return all;
}

}  // namespace

// One graph, and what runs of it need besides memory.
struct Network::Side {
  std::shared_ptr<const Objective> objective;  // null: it predicts
  const Graph* graph;
  std::vector<InputRule> input_rules;
  std::vector<float*> params;      // where the values of each parameter lie now
  std::vector<WeightRules> rules;  // of each parameter, when last looked up
  std::unique_ptr<Floats> grads;   // taken at the first run that needs them

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

  bool operator==(const Key&) const = default;
  static Key current(int n, Mode mode, const TrainingState& state) {
    return {n,
            mode,
            num_threads(),
            &cnnfast::kernels(),
            cnnfast::precision(),
            cnnfast::tuning(),
            follows_rules(mode) ? state.generation : 0};
  }
};

struct Network::Cached {
  Key key;
  std::vector<WeightRules> rules;
  std::vector<double> factors;  // of the learning rate, that are among the rules
  std::shared_ptr<const Program> program;
  bool spoils_copies;
  uint64_t number;
  uint64_t packed_version = 0;                 // of the weights, as its last run left them packed
  std::vector<float*> slots[kMostSlots] = {};  // of each parameter that it trains
};

// The network and its weights are this thread's.
struct Network::Transaction {
  explicit Transaction(const Network& network)
      : lock(network.state_->mutex), weights(network.locking_order_) {}
  Lock lock;
  LockedWeights weights;
};

// What a run changes, for runs that must leave no trace.
struct Network::Copies {
  Floats values, slots[kMostSlots];
  std::vector<float*> params, slot_params[kMostSlots];

  void lend(Run* run) const {
    run->params = params.data();
    for (int i = 0; i < kMostSlots; ++i) run->slots[i] = slot_params[i].data();
  }
};

std::shared_ptr<Workspace> make_workspace() {
  return std::make_shared<Workspace>();
}

Network::Network(Graph graph, std::vector<int> outputs, std::shared_ptr<Workspace> workspace,
                 std::shared_ptr<TrainingState> state)
    : graph_(std::move(graph)),
      outputs_(std::move(outputs)),
      weights_(graph_.weights()),
      workspace_(workspace ? std::move(workspace) : make_workspace()),
      state_(state ? std::move(state) : make_training_state()),
      predicting_(std::make_shared<Side>(graph_)),
      all_weights_(weights_),
      locking_order_(LockedWeights::in_order(weights_)) {
  if (outputs_.empty()) fail("a network has at least one output, got none.");
  for (const int output : outputs_) graph_.node(output);
  if (graph_.inputs().empty()) fail("a network has at least one input, got none.");
}

Network::Network(Graph graph, int output, std::shared_ptr<Workspace> workspace)
    : Network(std::move(graph), std::vector<int>{output}, std::move(workspace)) {}

Network::~Network() = default;

const Node& Network::input_node(int number) const {
  if (number < 0 || number >= static_cast<int>(graph_.inputs().size()))
    fail("there is no input ", number, "; the network has ", graph_.inputs().size(), ".");
  return graph_.node(graph_.inputs()[static_cast<size_t>(number)]);
}

const Node& Network::output_node(int number) const {
  if (number < 0 || number >= static_cast<int>(outputs_.size()))
    fail("there is no output ", number, "; the network has ", outputs_.size(), ".");
  return graph_.node(outputs_[static_cast<size_t>(number)]);
}

Weight& Network::weight(int number) const {
  if (number < 0 || number >= static_cast<int>(weights_.size()))
    fail("there is no weight ", number, "; the network has ", weights_.size(), ".");
  return *weights_[static_cast<size_t>(number)];
}

Network::Side& Network::side(Mode mode) const {
  if (!follows_rules(mode)) return *predicting_;
  if (!training_) fail("configure the network first: compile the model before training or evaluating it.");
  return mode == Mode::train ? *training_ : *evaluating_;
}

void Network::set_objective(Objective training) {
  check_objective(training, graph_);
  const auto made = std::make_shared<Side>(std::move(training));
  const Lock lock(state_->mutex);
  set_sides(made, made);
}

void Network::set_objective(Objective training, Objective evaluation) {
  check_objective(training, graph_);
  check_objective(evaluation, graph_);
  check_alike(training, evaluation);
  const auto made = std::make_shared<Side>(std::move(training));
  const auto evaluating = std::make_shared<Side>(std::move(evaluation));
  const Lock lock(state_->mutex);
  set_sides(made, evaluating);
}

void Network::set_sides(std::shared_ptr<Side> training, std::shared_ptr<Side> evaluation) {
  all_weights_ = union_of({weights_, training->graph->weights(), evaluation->graph->weights()});
  locking_order_ = LockedWeights::in_order(all_weights_);
  training_ = std::move(training);
  evaluating_ = std::move(evaluation);
  forget_programs();
}

void Network::set_optimizer(const OptimizerConfig& optimizer) {
  check_optimizer(optimizer);
  const Lock lock(state_->mutex);
  state_->begin(optimizer);
  forget_programs();
}

void Network::configure(Loss loss, bool from_logits, std::vector<Metric> metrics,
                        const OptimizerConfig& optimizer) {
  if (graph_.inputs().size() != 1 || outputs_.size() != 1)
    fail("a loss by name is for networks of one input and one output; make an Objective for others.");
  check_optimizer(optimizer);
  const auto made = std::make_shared<Side>(make_objective(graph_, outputs_[0], loss, from_logits, metrics));
  const Lock lock(state_->mutex);
  state_->begin(optimizer);
  set_sides(made, made);
}

bool Network::configured() const {
  const Lock lock(state_->mutex);
  return training_ != nullptr;
}

std::shared_ptr<const Objective> Network::objective(Mode mode) const {
  const Lock lock(state_->mutex);
  return side(mode).objective;
}

OptimizerConfig Network::optimizer() const {
  const Lock lock(state_->mutex);
  return state_->optimizer;
}

void Network::set_learning_rate(double rate) {
  OptimizerConfig wanted;
  wanted.learning_rate = rate;
  check_optimizer(wanted);
  const Lock lock(state_->mutex);
  state_->optimizer.learning_rate = rate;
}

uint64_t Network::seed() const {
  const Lock lock(state_->mutex);
  return state_->seed;
}

void Network::set_seed(uint64_t seed) {
  const Lock lock(state_->mutex);
  state_->seed = seed;
}

int64_t Network::predictions() const {
  const Lock lock(state_->mutex);
  return state_->predictions;
}

void Network::set_predictions(int64_t predictions) {
  if (predictions < 0) fail("predictions must not be negative, got ", predictions, ".");
  const Lock lock(state_->mutex);
  state_->predictions = predictions;
}

int64_t Network::step() const {
  const Lock lock(state_->mutex);
  return state_->step;
}

int64_t Network::slot_elems() const {
  const Lock lock(state_->mutex);
  return slot_floats(all_weights_);
}

std::vector<std::vector<float>> Network::copied_slots() const {
  std::vector<std::vector<float>> copies(static_cast<size_t>(state_->optimizer.slots()));
  for (size_t i = 0; i < copies.size(); ++i) {
    copies[i].resize(static_cast<size_t>(slot_floats(all_weights_)), state_->optimizer.begin_of(i));
    float* to = copies[i].data();
    for (const WeightPtr& weight : all_weights_) {
      const auto known = state_->slots.find(weight);
      if (known != state_->slots.end()) std::copy_n(known->second[i].data(), weight->size(), to);
      to += rounded_up(weight->size());
    }
  }
  return copies;
}

std::vector<std::vector<float>> Network::slots() const {
  const Lock lock(state_->mutex);
  return copied_slots();
}

void Network::set_slots(const std::vector<std::vector<float>>& slots, int64_t step) {
  const Lock lock(state_->mutex);
  const int64_t floats = slot_floats(all_weights_);
  if (step < 0) fail("step must not be negative, got ", step, ".");
  if (slots.size() != static_cast<size_t>(state_->optimizer.slots()))
    fail("this optimizer has ", state_->optimizer.slots(), " buffers, got ", slots.size(), ".");
  for (const std::vector<float>& slot : slots)
    if (slot.size() != static_cast<size_t>(floats))
      fail("the optimizer's buffers must have ", floats, " elements, got ", slot.size(), ".");
  for (const WeightPtr& weight : all_weights_) state_->slots_of(weight);  // all memory first
  int64_t at = 0;
  for (const WeightPtr& weight : all_weights_) {
    std::vector<Floats>& own = state_->slots_of(weight);
    for (size_t i = 0; i < slots.size(); ++i)
      std::copy_n(slots[i].data() + at, weight->size(), own[i].data());
    at += rounded_up(weight->size());
  }
  state_->step = step;
}

Snapshot Network::snapshot() const {
  const Transaction transaction(*this);
  std::vector<std::vector<float>> weights;
  for (const WeightPtr& weight : weights_) {
    const float* values = LockedWeights::values(*weight);
    weights.emplace_back(values, values + weight->size());
  }
  return {std::move(weights), copied_slots(), state_->step, state_->seed};
}

void Network::forget_programs() {
  cache_.clear();
  workspace_->clear();
}

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
  if (tunes_when_planning() && !is_tuned(request(Key::current(n, mode, *state_)))) measure(n, mode);
  const Key key = Key::current(n, mode, *state_);
  auto program = std::make_shared<const Program>(make_program(request(key)));
  if (std::getenv("CNNFAST_VERBOSE")) print_plan(*program);
  const bool spoils = program->spoils_copies();
  cache_.push_front({key, rules, factors_of(rules), std::move(program), spoils, new_program_number()});
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
          *key.tuning};
}

Run Network::bound(Mode mode, Run run, const std::vector<double>& factors) {
  Side& side = this->side(mode);
  for (size_t i = 0; i < side.params.size(); ++i)
    side.params[i] = LockedWeights::values(*side.graph->params()[i].weight);
  run.params = side.params.data();
  if (side.grads) run.grads = side.grads->data();
  run.seed = state_->seed;
  // Others than training count from the far end: they draw what no step of training does.
  run.step = follows_step(mode) ? state_->step : ~state_->predictions;
  if (mode == Mode::train) {
    run.learning_rate = step_rate(state_->optimizer, state_->step);
    run.numbers = state_->numbers_for(run.learning_rate, factors);
  }
  return run;
}

// Memory for gradients and the optimizer, which predictions do without.
void Network::take_state(Mode mode) {
  if (mode == Mode::predict || mode == Mode::evaluate) return;
  Side& side = this->side(mode);
  if (!side.grads) side.grads = std::make_unique<Floats>(side.graph->param_elems(), "gradients");
}

void Network::take_slots(Cached* cached) {
  const Side& side = *training_;
  const size_t count = static_cast<size_t>(state_->optimizer.slots());
  for (size_t i = 0; i < count; ++i)
    if (cached->slots[i].empty()) cached->slots[i].resize(side.params.size());
  for (size_t p = 0; count > 0 && p < side.params.size(); ++p) {
    if (cached->slots[count - 1][p] || !cached->rules[p].trainable) continue;
    const std::vector<Floats>& own = state_->slots_of(side.graph->params()[p].weight);
    for (size_t i = 0; i < count; ++i) cached->slots[i][p] = own[i].data();
  }
}

void Network::execute(int n, Mode mode, const Run& what, const Transaction& transaction) {
  Cached& cached = find(n, mode);
  take_state(mode);
  Run run = bound(mode, what, cached.factors);
  if (mode == Mode::train) {
    take_slots(&cached);
    for (int i = 0; i < kMostSlots; ++i) run.slots[i] = cached.slots[i].data();
  }
  const Workspace::Lease memory = workspace_->take(cached.program->floats(), cached.number);
  run.arena = memory.data;
  run.clear = memory.dirty;
  uint64_t version = transaction.weights.version();
  run.repack = !memory.kept || cached.packed_version != version;
  if (HostFunction* const failed = cached.program->run(run)) failed->fail();
  if (!follows_step(mode)) ++state_->predictions;
  if (mode == Mode::train) {  // and the program has packed what it moved
    ++state_->step;
    for (const WeightPtr& weight : all_weights_)
      if (LockedWeights::rules(*weight).trainable) LockedWeights::changed(*weight);
    for (const int position : training_->graph->assigned_params())
      LockedWeights::changed(*training_->graph->params()[static_cast<size_t>(position)].weight);
    version = cached.spoils_copies ? 0 : transaction.weights.version();
  }
  cached.packed_version = version;
}

void Network::predict(std::span<const Samples> inputs, int n, std::span<float* const> outputs) {
  const Transaction transaction(*this);
  check_inputs(inputs, n, graph_, predicting_->input_rules);
  if (outputs.size() != outputs_.size())
    fail("the network has ", outputs_.size(), " outputs, got room for ", outputs.size(), ".");
  for (float* const out : outputs) checked_pointer(out, "the output");
  Run run;
  run.inputs = inputs.data();
  run.outputs = outputs.data();
  execute(n, Mode::predict, run, transaction);
}

void Network::predict(const Samples& x, int n, float* out) {
  predict({&x, 1}, n, {&out, 1});
}

void Network::run_step(Mode mode, std::span<const Samples> inputs, int n, std::vector<double>& results,
                       const Transaction& transaction) {
  prepare(n, mode);
  const Side& side = this->side(mode);
  check_inputs(inputs, n, *side.graph, side.input_rules);
  results.resize(static_cast<size_t>(results_of(*side.objective)));
  Run run;
  run.inputs = inputs.data();
  run.results = results.data();
  execute(n, mode, run, transaction);
}

void Network::step_on(Mode mode, const Samples& x, const Targets& y, int n, std::vector<double>& results) {
  const Transaction transaction(*this);
  check_samples(x, n);
  const Side& side = this->side(mode);
  const Samples inputs[] = {x, samples_of_targets(y, x, output_node(), side.input_rules)};
  run_step(mode, inputs, n, results, transaction);
  for (size_t i = 0; i + 1 < results.size(); ++i)
    results[i + 1] /= rows_of(side.graph->node(side.objective->metrics[i]), n);
}

void Network::train_step(std::span<const Samples> inputs, int n, std::vector<double>& results) {
  const Transaction transaction(*this);
  run_step(Mode::train, inputs, n, results, transaction);
}

void Network::evaluate_step(std::span<const Samples> inputs, int n, std::vector<double>& results) {
  const Transaction transaction(*this);
  run_step(Mode::evaluate, inputs, n, results, transaction);
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
  check_inputs(inputs, n, graph_, predicting_->input_rules);
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
  take_state(mode);
  float* const grads = predicting_->grads->data();
  std::fill_n(grads, graph_.param_elems(), 0.0f);
  execute(n, mode, run, transaction);
  std::copy_n(grads, graph_.weight_elems(), grad_weights);
}

void Network::vjp(const Samples& x, const float* grad_out, int n, bool training, float* grad_x,
                  float* grad_weights) {
  vjp({&x, 1}, {&grad_out, 1}, n, training, {&grad_x, 1}, grad_weights);
}

int64_t Network::memory(int n, Mode mode) {
  const Transaction transaction(*this);
  return static_cast<int64_t>(sizeof(float)) * find(n, mode).program->floats();
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
  using Clock = std::chrono::steady_clock;
  const Transaction transaction(*this);
  if (runs < 1) fail("runs must be at least 1, got ", runs, ".");
  if (mode == Mode::vjp || mode == Mode::vjp_training)
    fail("prediction, training and evaluation can be profiled; a vjp cannot.");
  Cached& cached = find(n, mode);
  const Side& side = this->side(mode);
  check_inputs(inputs, n, *side.graph, side.input_rules);
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
  if (HostFunction* const failed = program.run(run)) failed->fail();
  run.clear = run.repack = false;
  run.step_seconds = step_seconds.data();
  Timing best{HUGE_VAL, {}, program.threads()};
  for (int i = 0; i < runs; ++i) {
    const Clock::time_point start = Clock::now();
    program.run(run);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
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

void Network::force_algorithm(const std::string& op, const std::string& algorithm) {
  const Lock lock(state_->mutex);
  if (algorithm.empty())
    forced_.erase(op);
  else
    forced_[op] = algorithm;
  forget_programs();
}

void Network::disable_pass(const std::string& name, bool disabled) {
  const Lock lock(state_->mutex);
  const auto& names = optional_passes();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    std::string known;
    for (const std::string& each : names) known += (known.empty() ? "" : ", ") + each;
    fail("there is no optional pass \"", name, "\"; there are ", known, ".");
  }
  if (disabled)
    disabled_.insert(name);
  else
    disabled_.erase(name);
  forget_programs();
}

}  // namespace cnnfast
