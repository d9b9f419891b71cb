// The life of a network: weights, optimizer state, and the cache of its programs.
#include "cnnfast/network.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "graph/measure.h"
#include "graph/plan.h"
#include "runtime/arena.h"
#include "runtime/cpu.h"
#include "runtime/parallel.h"

namespace cnnfast {

namespace {

// Programs a network keeps: batches of training, its last one, evaluation and prediction, with room for some
// change.
constexpr size_t kPrograms = 8;

void print_plan(const Program& program) {
  for (const Step& step : program.steps()) {
    const StepInfo& i = step.info;
    std::cerr << "cnnfast: " << i.name << " " << i.direction << " "
              << (i.algorithm.empty() ? "-" : i.algorithm) << ", " << i.tasks << " tasks"
              << (i.refused.empty() ? "" : "; refused " + i.refused) << "\n";
  }
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
  std::shared_ptr<const Program> program;
  std::unique_ptr<Arena> arena;  // taken at the first run
  uint64_t packed_version = 0;
};

// What a run changes, for runs that must leave no trace.
struct Network::Copies {
  Floats params;
  std::vector<Floats> slots;

  void lend(Run* run) const {
    run->params = params.get();
    for (size_t i = 0; i < slots.size(); ++i) run->slots[i] = slots[i].get();
  }
};

void Network::Free::operator()(float* p) const {
  std::free(p);
}

Network::Floats Network::new_floats(int64_t n) {
  const size_t bytes = static_cast<size_t>(std::max<int64_t>(n, kLanes)) * sizeof(float);
  float* p = static_cast<float*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  if (!p)
    throw Error(Error::Kind::memory, "could not take " + std::to_string(bytes) + " bytes for the weights.");
  std::memset(p, 0, bytes);
  return Floats(p);
}

Network::Network(Graph graph, int output) : graph_(std::move(graph)), output_(output) {
  graph_.node(output);
  if (std::count_if(graph_.nodes().begin(), graph_.nodes().end(),
                    [](const Node& n) { return n.as<InputAttrs>(); }) != 1)
    fail("a network has exactly one input.");
  const size_t count = graph_.params().size();
  params_ = new_floats(graph_.param_elems());
  grads_ = new_floats(graph_.param_elems());
  trainable_.assign(count, true);
  regularizers_.resize(count);
  constraints_.resize(count);
}

Network::~Network() = default;

const Node& Network::input_node() const {
  return *std::find_if(graph_.nodes().begin(), graph_.nodes().end(),
                       [](const Node& n) { return n.as<InputAttrs>(); });
}

void Network::get_parameter(int position, float* to) const {
  const std::lock_guard lock(mutex_);
  const Parameter& p = graph_.params().at(static_cast<size_t>(position));
  std::copy_n(params_.get() + p.offset, p.size(), to);
}

void Network::set_parameter(int position, const float* from) {
  const std::lock_guard lock(mutex_);
  const Parameter& p = graph_.params().at(static_cast<size_t>(position));
  std::copy_n(from, p.size(), params_.get() + p.offset);
  ++version_;
}

void Network::set_trainable(int position, bool trainable) {
  const std::lock_guard lock(mutex_);
  if (trainable_.at(static_cast<size_t>(position)) == trainable) return;
  trainable_[static_cast<size_t>(position)] = trainable;
  forget_programs();
}

void Network::set_regularizer(int position, Regularizer regularizer) {
  const std::lock_guard lock(mutex_);
  check(regularizer);
  regularizers_.at(static_cast<size_t>(position)) = regularizer;
  forget_programs();
}

void Network::set_constraint(int position, Constraint constraint) {
  const std::lock_guard lock(mutex_);
  check(constraint, graph_.params().at(static_cast<size_t>(position)));
  constraints_.at(static_cast<size_t>(position)) = std::move(constraint);
  forget_programs();
}

void Network::configure(Loss loss, bool from_logits, std::vector<Metric> metrics,
                        const OptimizerConfig& optimizer) {
  const std::lock_guard lock(mutex_);
  Draft draft(graph_, output_);
  check(optimizer);
  plan_loss(draft, loss, from_logits, metrics);  // refuses what does not fit before anything changes
  loss_ = loss;
  from_logits_ = from_logits;
  metrics_ = std::move(metrics);
  optimizer_ = optimizer;
  step = 0;
  slots_.clear();
  for (int i = 0; i < optimizer_slots(); ++i) slots_.push_back(new_floats(graph_.param_elems()));
  forget_programs();
}

int Network::optimizer_slots() const {
  return optimizer_.slots();
}

void Network::forget_programs() {
  cache_.clear();
}

Network::Cached& Network::find(int n, Mode mode) {
  const auto known = std::find_if(cache_.begin(), cache_.end(),
                                  [key = Key::current(n, mode)](const Cached& c) { return c.key == key; });
  if (known != cache_.end()) {
    cache_.splice(cache_.begin(), cache_, known);
    return cache_.front();
  }
  if (n < 1) fail("a batch needs at least one sample, got ", n, ".");
  if (tunes_when_planning() && !is_tuned(request(Key::current(n, mode)))) measure(n, mode);
  const Key key = Key::current(n, mode);
  auto program = std::make_shared<const Program>(make_program(request(key)));
  if (std::getenv("CNNFAST_VERBOSE")) print_plan(*program);
  cache_.push_front({key, std::move(program), nullptr});
  if (cache_.size() > kPrograms) cache_.pop_back();
  return cache_.front();
}

PlanRequest Network::request(const Key& key) const {
  return {graph_,
          output_,
          key.n,
          key.mode,
          key.precision,
          *key.kernels,
          key.threads,
          {loss_, from_logits_, metrics_},
          {optimizer_, trainable_, regularizers_, constraints_},
          forced_,
          disabled_,
          *key.tuning};
}

Run Network::bound(Run run) const {
  run.params = params_.get();
  run.grads = grads_.get();
  for (size_t i = 0; i < slots_.size(); ++i) run.slots[i] = slots_[i].get();
  run.seed = seed;
  run.step = step;
  run.learning_rate = step_rate(optimizer_, step);
  return run;
}

Network::Cached& Network::ready(int n, Mode mode) {
  Cached& cached = find(n, mode);
  if (!cached.arena) cached.arena = std::make_unique<Arena>(cached.program->memory());
  return cached;
}

void Network::execute(int n, Mode mode, const Run& what) {
  Cached& cached = ready(n, mode);
  Run run = bound(what);
  run.arena = cached.arena->data();
  run.repack = cached.packed_version != version_;
  cached.program->run(run);
  if (mode == Mode::train) ++step, ++version_;  // and the program has packed what it moved
  cached.packed_version = version_;
}

void Network::predict(const Samples& x, int n, float* out) {
  const std::lock_guard lock(mutex_);
  Run run;
  run.x = x;
  run.out = out;
  execute(n, Mode::predict, run);
}

void Network::train_step(const Samples& x, const Targets& y, int n, double* results) {
  const std::lock_guard lock(mutex_);
  Run run;
  run.x = x;
  run.y = y;
  run.results = results;
  execute(n, Mode::train, run);
}

void Network::evaluate_step(const Samples& x, const Targets& y, int n, double* results) {
  const std::lock_guard lock(mutex_);
  Run run;
  run.x = x;
  run.y = y;
  run.results = results;
  execute(n, Mode::evaluate, run);
}

void Network::vjp(const Samples& x, const float* grad_out, int n, bool training, float* grad_x,
                  float* grad_params) {
  const std::lock_guard lock(mutex_);
  Run run;
  run.x = x;
  run.grad_out = grad_out;
  run.grad_x = grad_x;
  std::fill_n(grads_.get(), graph_.param_elems(), 0.0f);
  execute(n, training ? Mode::vjp_training : Mode::vjp, run);
  std::copy_n(grads_.get(), graph_.param_elems(), grad_params);
}

int64_t Network::memory(int n, Mode mode) {
  const std::lock_guard lock(mutex_);
  return static_cast<int64_t>(find(n, mode).program->memory());
}

int64_t Network::arena_bytes(int n, Mode mode) const {
  const std::lock_guard lock(mutex_);
  const Key key = Key::current(n, mode);
  for (const Cached& cached : cache_)
    if (cached.key == key && cached.arena) return static_cast<int64_t>(cached.arena->bytes());
  return 0;
}

std::vector<StepInfo> Network::plan(int n, Mode mode) {
  const std::lock_guard lock(mutex_);
  std::vector<StepInfo> infos;
  for (const Step& step : find(n, mode).program->steps()) infos.push_back(step.info);
  return infos;
}

Network::Copies Network::copy_state() const {
  const auto copy = [&](const Floats& from) {
    Floats to = new_floats(graph_.param_elems());
    std::copy_n(from.get(), graph_.param_elems(), to.get());
    return to;
  };
  Copies copies{copy(params_), {}};
  for (const Floats& slot : slots_) copies.slots.push_back(copy(slot));
  return copies;
}

Timing Network::profile(const Samples& x, const Targets& y, int n, Mode mode, int runs) {
  using Clock = std::chrono::steady_clock;
  const std::lock_guard lock(mutex_);
  Cached& cached = ready(n, mode);
  const Program& program = *cached.program;
  const Copies copies = copy_state();
  std::vector<float> out(static_cast<size_t>(n * output_node().elems()));
  std::vector<double> results(result_count()), step_seconds(program.steps().size());
  Run run;
  run.x = x, run.y = y, run.out = out.data(), run.results = results.data();
  run = bound(run);
  copies.lend(&run);
  run.arena = cached.arena->data();
  program.run(run);
  run.repack = false;
  run.step_seconds = step_seconds.data();
  Timing best{HUGE_VAL, {}, program.threads()};
  for (int i = 0; i < runs; ++i) {
    const Clock::time_point start = Clock::now();
    program.run(run);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (seconds < best.seconds) best.seconds = seconds, best.step_seconds = step_seconds;
  }
  cached.packed_version = 0;  // the arena holds the copy's weights
  return best;
}

void Network::measure(int n, Mode mode) {
  const Copies copies = copy_state();
  Run run = bound({});
  run.learning_rate = 0;  // random targets must not drive the weights out of range
  copies.lend(&run);
  const Mode kind = mode == Mode::train ? Mode::train : Mode::predict;
  add_tuning(measure_convolutions(request(Key::current(n, kind)), run));
}

void Network::tune(int n, Mode mode) {
  const std::lock_guard lock(mutex_);
  measure(n, mode);
}

void Network::force_algorithm(const std::string& op, const std::string& algorithm) {
  const std::lock_guard lock(mutex_);
  if (algorithm.empty())
    forced_.erase(op);
  else
    forced_[op] = algorithm;
  forget_programs();
}

void Network::disable_pass(const std::string& name, bool disabled) {
  const std::lock_guard lock(mutex_);
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
