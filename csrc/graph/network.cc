// The life of a network: the weights it binds, optimizer state, and the cache of its programs.
#include "cnnfast/network.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "graph/checks.h"
#include "graph/locked_weights.h"
#include "graph/measure.h"
#include "graph/plan.h"
#include "graph/workspace.h"
#include "runtime/cpu.h"
#include "runtime/no_fork.h"
#include "runtime/parallel.h"

namespace cnnfast {

namespace {

// Programs a network keeps: batches of training, its last one, evaluation and prediction, with room for some
// change. They hold steps, no memory to run in.
constexpr size_t kPrograms = 16;

// Who refused a layer and why, those with the same reason in one line.
void print_refusals(const std::string& refused) {
  std::vector<std::pair<std::string, std::string>> reasons;
  std::istringstream lines(refused);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    const std::string who = line.substr(0, colon), why = line.substr(colon);
    const auto known =
        std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.second == why; });
    if (known == reasons.end())
      reasons.emplace_back(who, why);
    else
      known->first += ", " + who;
  }
  for (const auto& [who, why] : reasons) std::cerr << "cnnfast:     not by " << who << why << "\n";
}

// A line a step. Why a layer did not get other algorithms is told once in a process.
void print_plan(const Program& program) {
  static std::mutex mutex;
  static std::set<std::string> told;
  const Lock lock(mutex);
  std::cerr << "cnnfast: plan of " << program.steps().size() << " steps\n";
  for (const Step& step : program.steps()) {
    const StepInfo& i = step.info;
    std::cerr << "cnnfast:   " << i.name << " " << i.direction
              << (i.algorithm.empty() ? "" : " by " + i.algorithm) << ", " << i.tasks
              << (i.tasks == 1 ? " task\n" : " tasks\n");
    if (told.insert(i.name + i.refused).second) print_refusals(i.refused);
  }
}

uint64_t new_program_number() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

// Whether programs depend on what training does with weights.
bool follows_rules(Mode mode) {
  return mode == Mode::train || mode == Mode::evaluate;
}

std::vector<std::vector<float>> copies_of(const std::vector<Floats>& buffers, int count, int64_t floats) {
  std::vector<std::vector<float>> copies(static_cast<size_t>(count));
  for (size_t i = 0; i < copies.size(); ++i)
    if (i < buffers.size())
      copies[i].assign(buffers[i].data(), buffers[i].data() + floats);
    else
      copies[i].resize(static_cast<size_t>(floats));  // not needed so far: zeros
  return copies;
}

}  // namespace

struct Network::Key {
  int n;
  Mode mode;
  int threads;
  const KernelTable* kernels;
  Precision precision;
  std::shared_ptr<const Tuning> tuning;

  bool operator==(const Key&) const = default;
  static Key current(int n, Mode mode) {
    return {n, mode, num_threads(), &cnnfast::kernels(), cnnfast::precision(), cnnfast::tuning()};
  }
};

struct Network::Cached {
  Key key;
  std::vector<WeightRules> rules;
  std::shared_ptr<const Program> program;
  uint64_t number;
  uint64_t packed_version = 0;  // of the weights, as its last run left them packed
};

// The network and its weights are this thread's.
struct Network::Transaction {
  explicit Transaction(const Network& network) : lock(network.mutex_), weights(network.locking_order_) {}
  Lock lock;
  LockedWeights weights;
};

// What a run changes, for runs that must leave no trace.
struct Network::Copies {
  Floats values;
  std::vector<float*> params;
  std::vector<Floats> slots;

  void lend(Run* run) const {
    run->params = params.data();
    for (size_t i = 0; i < slots.size(); ++i) run->slots[i] = slots[i].data();
  }
};

std::shared_ptr<Workspace> make_workspace() {
  return std::make_shared<Workspace>();
}

Network::Network(Graph graph, int output, std::shared_ptr<Workspace> workspace)
    : graph_(std::move(graph)),
      output_(output),
      weights_(graph_.weights()),
      locking_order_(LockedWeights::in_order(weights_)),
      workspace_(workspace ? std::move(workspace) : make_workspace()),
      params_(graph_.params().size()),
      rules_(graph_.params().size()),
      targets_(std::make_unique<GatheredTargets>()) {
  graph_.node(output);
  if (std::count_if(graph_.nodes().begin(), graph_.nodes().end(),
                    [](const Node& n) { return n.as<InputAttrs>(); }) != 1)
    fail("a network has exactly one input.");
}

Network::~Network() = default;

const Node& Network::input_node() const {
  return *std::find_if(graph_.nodes().begin(), graph_.nodes().end(),
                       [](const Node& n) { return n.as<InputAttrs>(); });
}

Weight& Network::weight(int number) const {
  if (number < 0 || number >= static_cast<int>(weights_.size()))
    fail("there is no weight ", number, "; the network has ", weights_.size(), ".");
  return *weights_[static_cast<size_t>(number)];
}

void Network::configure(Loss loss, bool from_logits, std::vector<Metric> metrics,
                        const OptimizerConfig& optimizer) {
  const Lock lock(mutex_);
  Draft draft(graph_, output_);
  check_optimizer(optimizer);
  for (const Metric& metric : metrics) check_metric(metric);
  plan_loss(draft, loss, from_logits, metrics);  // refuses what does not fit before anything changes
  loss_ = loss;
  from_logits_ = from_logits;
  metrics_ = std::move(metrics);
  optimizer_ = optimizer;
  step_ = 0;
  slots_.clear();
  forget_programs();
}

bool Network::configured() const {
  const Lock lock(mutex_);
  return loss_ != Loss::none;
}

OptimizerConfig Network::optimizer() const {
  const Lock lock(mutex_);
  return optimizer_;
}

void Network::set_learning_rate(double rate) {
  OptimizerConfig wanted;
  wanted.learning_rate = rate;
  check_optimizer(wanted);
  const Lock lock(mutex_);
  optimizer_.learning_rate = rate;
}

uint64_t Network::seed() const {
  const Lock lock(mutex_);
  return seed_;
}

void Network::set_seed(uint64_t seed) {
  const Lock lock(mutex_);
  seed_ = seed;
}

int64_t Network::step() const {
  const Lock lock(mutex_);
  return step_;
}

std::vector<std::vector<float>> Network::slots() const {
  const Lock lock(mutex_);
  return copies_of(slots_, optimizer_.slots(), graph_.weight_elems());
}

void Network::set_slots(const std::vector<std::vector<float>>& slots, int64_t step) {
  const Lock lock(mutex_);
  const int64_t floats = graph_.weight_elems();
  if (step < 0) fail("step must not be negative, got ", step, ".");
  if (slots.size() != static_cast<size_t>(optimizer_.slots()))
    fail("this optimizer has ", optimizer_.slots(), " buffers, got ", slots.size(), ".");
  for (const std::vector<float>& slot : slots)
    if (slot.size() != static_cast<size_t>(floats))
      fail("the optimizer's buffers must have ", floats, " elements, got ", slot.size(), ".");
  std::vector<Floats> made;
  for (size_t i = 0; i < slots.size(); ++i) made.emplace_back(floats, "the optimizer");
  for (size_t i = 0; i < slots.size(); ++i) std::copy(slots[i].begin(), slots[i].end(), made[i].data());
  slots_ = std::move(made);
  step_ = step;
}

Snapshot Network::snapshot() const {
  const Transaction transaction(*this);
  std::vector<std::vector<float>> weights;
  for (const WeightPtr& weight : weights_) {
    const float* values = LockedWeights::values(*weight);
    weights.emplace_back(values, values + weight->size());
  }
  return {std::move(weights), copies_of(slots_, optimizer_.slots(), graph_.weight_elems()), step_, seed_};
}

void Network::forget_programs() {
  cache_.clear();
  workspace_->clear();
}

// Within a transaction, like all that follows down to execute.
void Network::prepare(int n, Mode mode) {
  check_batch(n);
  if (!follows_rules(mode)) return;
  if (loss_ == Loss::none)
    fail("configure the network first: compile the model before training or evaluating it.");
  for (size_t i = 0; i < rules_.size(); ++i) rules_[i] = LockedWeights::rules(*graph_.params()[i].weight);
}

Network::Cached& Network::find(int n, Mode mode) {
  prepare(n, mode);
  const auto known =
      std::find_if(cache_.begin(), cache_.end(), [&, key = Key::current(n, mode)](const Cached& c) {
        return c.key == key && (!follows_rules(mode) || c.rules == rules_);
      });
  if (known != cache_.end()) {
    cache_.splice(cache_.begin(), cache_, known);
    return cache_.front();
  }
  if (tunes_when_planning() && !is_tuned(request(Key::current(n, mode)))) measure(n, mode);
  const Key key = Key::current(n, mode);
  auto program = std::make_shared<const Program>(make_program(request(key)));
  if (std::getenv("CNNFAST_VERBOSE")) print_plan(*program);
  cache_.push_front({key, rules_, std::move(program), new_program_number()});
  if (cache_.size() > kPrograms) cache_.pop_back();
  return cache_.front();
}

PlanRequest Network::request(const Key& key) const {
  UpdatePlan update{optimizer_, {}, {}, {}};
  for (size_t i = 0; i < rules_.size(); ++i) {
    const WeightRules& rules = rules_[i];
    const bool first = graph_.params()[i].first == static_cast<int>(i);  // a weight is penalized once
    update.trainable.push_back(rules.trainable);
    update.regularizers.push_back(first ? rules.regularizer : Regularizer{});
    update.constraints.push_back(first ? rules.constraint : Constraint{});
  }
  return {graph_,
          output_,
          key.n,
          key.mode,
          key.precision,
          *key.kernels,
          key.threads,
          {loss_, from_logits_, metrics_},
          std::move(update),
          forced_,
          disabled_,
          *key.tuning};
}

Run Network::bound(Run run) {
  for (size_t i = 0; i < params_.size(); ++i) params_[i] = LockedWeights::values(*graph_.params()[i].weight);
  run.params = params_.data();
  if (grads_) run.grads = grads_->data();
  for (size_t i = 0; i < slots_.size(); ++i) run.slots[i] = slots_[i].data();
  run.seed = seed_;
  run.step = step_;
  run.learning_rate = step_rate(optimizer_, step_);
  return run;
}

// Memory for gradients and the optimizer, which predictions do without.
void Network::take_state(Mode mode) {
  if (mode == Mode::predict || mode == Mode::evaluate) return;
  if (!grads_) grads_ = std::make_unique<Floats>(graph_.param_elems(), "gradients");
  while (mode == Mode::train && static_cast<int>(slots_.size()) < optimizer_.slots())
    slots_.emplace_back(graph_.weight_elems(), "the optimizer");
}

void Network::execute(int n, Mode mode, const Run& what, const Transaction& transaction) {
  Cached& cached = find(n, mode);
  take_state(mode);
  Run run = bound(what);
  const Workspace::Lease memory = workspace_->take(cached.program->floats(), cached.number);
  run.arena = memory.data;
  run.clear = memory.dirty;
  uint64_t version = transaction.weights.version();
  run.repack = !memory.kept || cached.packed_version != version;
  cached.program->run(run);
  if (mode == Mode::train) {  // and the program has packed what it moved
    ++step_;
    for (const WeightPtr& weight : weights_)
      if (LockedWeights::rules(*weight).trainable) LockedWeights::changed(*weight);
    version = transaction.weights.version();
  }
  cached.packed_version = version;
}

void Network::predict(const Samples& x, int n, float* out) {
  const Transaction transaction(*this);
  check_samples(x, n);
  Run run;
  run.x = x;
  run.out = checked_pointer(out, "the output");
  execute(n, Mode::predict, run, transaction);
}

void Network::step_on(Mode mode, const Samples& x, const Targets& y, int n, std::vector<double>& results) {
  const Transaction transaction(*this);
  check_samples(x, n);
  prepare(n, mode);
  Run run;
  run.x = x;
  run.y = checked_targets(y, x, n, loss_, output_node().elems(), targets_.get());
  results.resize(metrics_.size() + 1);
  run.results = results.data();
  execute(n, mode, run, transaction);
}

void Network::train_step(const Samples& x, const Targets& y, int n, std::vector<double>& results) {
  step_on(Mode::train, x, y, n, results);
}

void Network::evaluate_step(const Samples& x, const Targets& y, int n, std::vector<double>& results) {
  step_on(Mode::evaluate, x, y, n, results);
}

void Network::vjp(const Samples& x, const float* grad_out, int n, bool training, float* grad_x,
                  float* grad_weights) {
  const Transaction transaction(*this);
  check_samples(x, n);
  const Mode mode = training ? Mode::vjp_training : Mode::vjp;
  Run run;
  run.x = x;
  run.grad_out = checked_pointer(grad_out, "the gradient of the output");
  run.grad_x = checked_pointer(grad_x, "the gradient of the input");
  if (!weights_.empty()) checked_pointer(grad_weights, "the gradient of the weights");
  take_state(mode);
  std::fill_n(grads_->data(), graph_.param_elems(), 0.0f);
  execute(n, mode, run, transaction);
  std::copy_n(grads_->data(), graph_.weight_elems(), grad_weights);
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

Network::Copies Network::copy_state() const {
  Copies copies{Floats(graph_.weight_elems(), "a copy of the weights"), {}, {}};
  for (size_t i = 0; i < graph_.params().size(); ++i) {
    const Parameter& param = graph_.params()[i];
    copies.params.push_back(copies.values.data() + graph_.offset(param.first));
    std::copy_n(params_[i], param.size(), copies.params.back());
  }
  for (const Floats& slot : slots_) {
    copies.slots.emplace_back(graph_.weight_elems(), "a copy of the optimizer's state");
    std::copy_n(slot.data(), slot.size(), copies.slots.back().data());
  }
  return copies;
}

Timing Network::profile(const Samples& x, const Targets& y, int n, Mode mode, int runs) {
  using Clock = std::chrono::steady_clock;
  const Transaction transaction(*this);
  check_samples(x, n);
  if (runs < 1) fail("runs must be at least 1, got ", runs, ".");
  Cached& cached = find(n, mode);
  const Program& program = *cached.program;
  std::vector<float> out(static_cast<size_t>(n * output_node().elems()));
  std::vector<double> results(metrics_.size() + 1), step_seconds(program.steps().size());
  Run run;
  run.x = x, run.out = out.data(), run.results = results.data();
  if (follows_rules(mode)) run.y = checked_targets(y, x, n, loss_, output_node().elems(), targets_.get());
  take_state(mode);
  run = bound(run);
  const Copies copies = copy_state();
  copies.lend(&run);
  const Workspace::Lease memory = workspace_->take(program.floats(), cached.number);
  cached.packed_version = 0;  // from now on the memory holds the copy's weights
  run.arena = memory.data;
  run.clear = memory.dirty;
  program.run(run);
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
  Run run = bound({});
  run.learning_rate = 0;  // random targets must not drive the weights out of range
  const Copies copies = copy_state();
  copies.lend(&run);
  add_tuning(measure_convolutions(request(Key::current(n, kind)), run));
}

void Network::tune(int n, Mode mode) {
  const Transaction transaction(*this);
  prepare(n, mode);
  measure(n, mode);
}

void Network::force_algorithm(const std::string& op, const std::string& algorithm) {
  const Lock lock(mutex_);
  if (algorithm.empty())
    forced_.erase(op);
  else
    forced_[op] = algorithm;
  forget_programs();
}

void Network::disable_pass(const std::string& name, bool disabled) {
  const Lock lock(mutex_);
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
