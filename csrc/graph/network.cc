// The life of a network: the weights it binds, optimizer state, and the cache of its programs.
#include "cnnfast/network.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>
#include <vector>

#include "graph/network_parts.h"

namespace cnnfast {

namespace {

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

std::string Network::device() const {
  const Lock lock(state_->mutex);
  return name_of(state_->chosen_device());
}

void Network::set_device(const std::string& name) {
  DevicePtr device = device_of(name);
  const Lock lock(state_->mutex);
  state_->device = std::move(device);
}

void Network::leave_device() {
  const Transaction transaction(*this);
  for (Weight* const weight : locking_order_) LockedWeights::bring_home(*weight);
  state_->take_slots_back();
  for (const std::shared_ptr<Side>& side : {predicting_, training_, evaluating_})
    if (side) side->grads_there = {};
  forget_programs();
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
  state_->fetch_slots();
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
  state_->take_slots_back();
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
