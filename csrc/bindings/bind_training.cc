// How networks train, as Python tells it: losses, metrics, optimizers; and what training keeps.
#include <charconv>
#include <optional>

#include "bindings/bind.h"
#include "cnnfast/network.h"
#include "graph/formula.h"
#include "graph/training_state.h"

namespace py = pybind11;

namespace cnnfast {

namespace {

Loss to_loss(const std::string& name) {
  if (name == "sparse_categorical_crossentropy") return Loss::sparse_categorical_crossentropy;
  if (name == "categorical_crossentropy") return Loss::categorical_crossentropy;
  if (name == "binary_crossentropy") return Loss::binary_crossentropy;
  if (name == "mean_squared_error") return Loss::mean_squared_error;
  fail(
      "loss must be sparse_categorical_crossentropy, categorical_crossentropy, binary_crossentropy or "
      "mean_squared_error, got \"",
      name, "\".");
}

// The number behind a metric's name.
template <class T>
bool parameter_of(const std::string& name, const std::string& prefix, T* number) {
  if (name.rfind(prefix, 0) != 0) return false;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, *number);
  return error == std::errc() && stop == end;
}

Metric to_metric(const std::string& name) {
  if (name == "accuracy") return {MetricKind::accuracy};
  if (name == "binary_accuracy") return {MetricKind::binary_accuracy};
  if (name == "equal") return {MetricKind::equal};
  if (name == "mean_squared_error") return {MetricKind::mean_squared_error};
  if (name == "mean_absolute_error") return {MetricKind::mean_absolute_error};
  float threshold;
  if (parameter_of(name, "binary_accuracy:", &threshold)) return {MetricKind::binary_accuracy, 1, threshold};
  int k;
  if (parameter_of(name, "top_k:", &k) && k > 0) return {MetricKind::top_k, k};
  fail(
      "metric must be accuracy, binary_accuracy, binary_accuracy:THRESHOLD, top_k:K, equal, "
      "mean_squared_error or "
      "mean_absolute_error, got \"",
      name, "\".");
}

double number(const py::dict& config, const char* key, double otherwise) {
  return config.contains(key) ? config[key].cast<double>() : otherwise;
}

Clipping to_clipping(const py::dict& config) {
  Clipping clipping;
  const auto take = [&](const char* key, Clipping::Kind kind) {
    if (!config.contains(key) || config[key].is_none()) return;
    if (clipping.kind != Clipping::Kind::none)
      fail("only one of clipnorm, clipvalue and global_clipnorm may be given.");
    clipping = {kind, config[key].cast<double>()};
    if (!(clipping.limit > 0)) fail(key, " must be above 0, got ", clipping.limit, ".");
  };
  take("clipnorm", Clipping::Kind::norm);
  take("clipvalue", Clipping::Kind::value);
  take("global_clipnorm", Clipping::Kind::global_norm);
  return clipping;
}

// An optimizer traced in Python: a graph of weight, gradient, slots, rate and step, and its values that are
// the weight and slots behind the step.
void take_formulas(const py::dict& config, OptimizerConfig* o) {
  const auto formula = [&](const char* graph, const char* outputs) {
    return formula_of(config[graph].cast<const Graph&>(), config[outputs].cast<std::vector<int>>());
  };
  o->kind = OptimizerConfig::Kind::formula;
  o->formula = formula("graph", "outputs");
  o->begins = config["begins"].cast<std::vector<float>>();
  if (!config.contains("exempt")) return;
  o->exempt = config["exempt"].cast<Weights>();
  o->exempt_formula = formula("exempt_graph", "exempt_outputs");
}

OptimizerConfig to_optimizer(const py::dict& config) {
  OptimizerConfig o;
  const auto name = config["name"].cast<std::string>();
  if (name == "sgd")
    o.kind = OptimizerConfig::Kind::sgd;
  else if (name == "adam")
    o.kind = OptimizerConfig::Kind::adam;
  else if (name == "formula")
    take_formulas(config, &o);
  else if (name == "graph")
    o.kind = OptimizerConfig::Kind::graph;
  else
    fail("optimizer must be sgd, adam, formula or graph, got \"", name, "\".");
  o.learning_rate = config["learning_rate"].cast<double>();
  o.momentum = number(config, "momentum", 0);
  o.nesterov = config.contains("nesterov") && config["nesterov"].cast<bool>();
  o.beta1 = number(config, "beta_1", o.beta1);
  o.beta2 = number(config, "beta_2", o.beta2);
  o.epsilon = number(config, "epsilon", o.epsilon);
  o.clipping = to_clipping(config);
  return o;
}

using Buffers = std::vector<std::vector<float>>;

// By name, so that files tell which is which.
std::vector<std::string> slot_names(size_t count) {
  if (count == 2) return {"m", "v"};
  if (count == 1) return {"velocity"};
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back("slot_" + std::to_string(i));
  return names;
}

py::dict named_slots(Buffers slots) {
  py::dict state;
  const auto names = slot_names(slots.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const Dims dims{static_cast<int64_t>(slots[i].size())};
    state[names[i].c_str()] = to_array(std::move(slots[i]), dims);
  }
  return state;
}

py::dict optimizer_state(const Network& network) {
  Buffers slots;
  {
    const ReleasedGil released;
    slots = network.slots();
  }
  return named_slots(std::move(slots));
}

void set_optimizer_state(Network& network, const std::map<std::string, FloatArray>& state, int64_t step) {
  Buffers slots;
  for (const std::string& name : slot_names(state.size())) {
    const auto found = state.find(name);
    if (found == state.end()) fail("the optimizer's state lacks \"", name, "\".");
    if (found->second.ndim() != 1)
      fail("the optimizer's \"", name, "\" must have one axis, got ", to_string(dims_of(found->second)), ".");
    check_layout(found->second, "state");
    slots.emplace_back(found->second.data(), found->second.data() + found->second.size());
  }
  const ReleasedGil released;
  network.set_slots(slots, step);
}

// The optimizer's last numbers for each weight, in their shapes.
py::list last_slots(const Network& network) {
  Buffers slots;
  {
    const ReleasedGil released;
    slots = network.slots();
  }
  py::list all;
  int64_t at = 0;
  for (const WeightPtr& weight : network.weights()) {
    const float* const from = slots.at(slots.size() - 1).data() + at;
    all.append(to_array({from, from + weight->size()}, weight->dims()));
    at += rounded_up(weight->size());
  }
  return all;
}

py::dict snapshot(const Network& network) {
  Snapshot taken;
  {
    const ReleasedGil released;
    taken = network.snapshot();
  }
  py::list weights;
  for (size_t i = 0; i < taken.weights.size(); ++i)
    weights.append(to_array(std::move(taken.weights[i]), network.weights()[i]->dims()));
  py::dict all;
  all["weights"] = weights;
  all["optimizer"] = named_slots(std::move(taken.slots));
  all["step"] = taken.step;
  all["seed"] = taken.seed;
  return all;
}

Objective objective_of(const Graph& graph, const std::vector<std::tuple<int, double, bool>>& losses,
                       std::vector<int> metrics) {
  Objective objective{graph, {}, std::move(metrics)};
  for (const auto& [value, factor, sum] : losses) objective.losses.push_back({value, factor, sum});
  return objective;
}

void set_objective(Network& network, const Objective& training, const std::optional<Objective>& evaluation) {
  const ReleasedGil released;
  if (evaluation)
    network.set_objective(training, *evaluation);
  else
    network.set_objective(training);
}

void set_optimizer(Network& network, const py::dict& optimizer) {
  const OptimizerConfig config = to_optimizer(optimizer);
  const ReleasedGil released;
  network.set_optimizer(config);
}

void configure(Network& network, const std::string& loss, bool from_logits,
               const std::vector<std::string>& metrics, const py::dict& optimizer) {
  std::vector<Metric> parsed;
  for (const std::string& metric : metrics) parsed.push_back(to_metric(metric));
  const Loss wanted = to_loss(loss);
  const OptimizerConfig config = to_optimizer(optimizer);
  const ReleasedGil released;
  network.configure(wanted, from_logits, std::move(parsed), config);
}

}  // namespace

void bind_training(py::module_& m, py::class_<Network>& network) {
  using py::arg;
  py::class_<Objective>(m, "Objective")
      .def(py::init(&objective_of), arg("graph"), arg("losses"), arg("metrics") = std::vector<int>())
      .def_readonly("graph", &Objective::graph);
  network.def("configure", &configure, arg("loss"), arg("from_logits"), arg("metrics"), arg("optimizer"))
      .def("set_objective", &set_objective, arg("training"), arg("evaluation") = py::none())
      .def("set_optimizer", &set_optimizer, arg("optimizer"))
      .def_property("learning_rate",
                    waiting([](const Network& network) { return network.optimizer().learning_rate; }),
                    waiting(&Network::set_learning_rate))
      .def("optimizer_state", &optimizer_state)
      .def("last_slots", &last_slots)
      .def("set_optimizer_state", &set_optimizer_state, arg("state"), arg("step"))
      .def("snapshot", &snapshot);
}

}  // namespace cnnfast
