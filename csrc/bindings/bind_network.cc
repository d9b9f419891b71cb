// Networks: arrays are checked here, once, before anything runs; then the GIL is released.
#include <charconv>
#include <cmath>
#include <optional>

#include "bindings/bind.h"
#include "cnnfast/network.h"
#include "graph/draft.h"

namespace py = pybind11;

namespace cnnfast {

namespace {

using FloatArray = py::array_t<float>;
using LabelArray = py::array_t<int32_t>;
using IndexArray = py::array_t<int64_t>;

std::string shape_text(const py::array& a) {
  return to_string(Dims(a.shape(), a.shape() + a.ndim()));
}

[[noreturn]] void fail_type(const std::string& message) {
  throw Error(Error::Kind::type, message);
}

void check_contiguous(const py::array& a, const char* what) {
  if (!(a.flags() & py::array::c_style))
    fail(what, " must be C-contiguous here; pass numpy.ascontiguousarray(", what, ").");
}

void check_layout(const py::array& a, const char* what) {
  check_contiguous(a, what);
  if (!(a.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_))
    fail(what, " must lie at multiples of its numbers' size here; pass numpy.require(", what,
         ", requirements=\"CA\").");
}

// The rows of a batch of samples with the given dims.
Samples samples_of(const py::array& x, const Dims& dims) {
  Samples samples;
  if (py::isinstance<FloatArray>(x))
    samples.dtype = DType::float32;
  else if (py::isinstance<py::array_t<double>>(x))
    samples.dtype = DType::float64;
  else if (py::isinstance<py::array_t<uint8_t>>(x) || py::isinstance<py::array_t<bool>>(x))
    samples.dtype = DType::uint8;
  else
    fail_type("x must be float32, float64, uint8 or bool, got " + py::str(x.dtype()).cast<std::string>() +
              "; convert it with x.astype(\"float32\").");
  bool fits = x.ndim() == static_cast<py::ssize_t>(dims.size()) + 1;
  for (size_t i = 0; fits && i < dims.size(); ++i) fits = x.shape(static_cast<py::ssize_t>(i) + 1) == dims[i];
  if (!fits)
    fail("x must have one axis of samples, then ", to_string(dims), " as the network was built for; got ",
         shape_text(x), ".");
  check_contiguous(x, "x");
  samples.data = x.data();
  return samples;
}

// Rows to use: the index if there is one, else all of them. Returns how many.
int rows_of(const py::array& x, const std::optional<IndexArray>& index, Samples* samples) {
  int64_t n = x.shape(0);
  if (index) {
    check_layout(*index, "index");
    for (py::ssize_t i = 0; i < index->size(); ++i)
      if (index->data()[i] < 0 || index->data()[i] >= n)
        fail("index must name rows of x, 0 to ", n - 1, "; got ", index->data()[i], ".");
    samples->index = index->data();
    n = index->size();
  }
  if (n > (1 << 24)) fail("a batch may have at most ", 1 << 24, " samples, got ", n, ".");
  return static_cast<int>(n);
}

// Targets of the batch, gathered in its order.
struct Gathered {
  std::vector<int32_t> labels;
  std::vector<float> values;
  Targets targets() const {
    return {labels.empty() ? nullptr : labels.data(), values.empty() ? nullptr : values.data()};
  }
};

Gathered gather_labels(const LabelArray& y, const int64_t* index, int n, int64_t classes) {
  Gathered g;
  for (int i = 0; i < n; ++i) {
    const int32_t label = y.data()[index ? index[i] : i];
    if (label < 0 || label >= classes)
      fail("labels must lie between 0 and ", classes - 1, " for ", classes, " outputs; got ", label, ".");
    g.labels.push_back(label);
  }
  return g;
}

Gathered gather_values(const FloatArray& y, const int64_t* index, int n, int64_t cols) {
  Gathered g;
  for (int i = 0; i < n; ++i) {
    const float* row = y.data() + (index ? index[i] : i) * cols;
    for (int64_t c = 0; c < cols; ++c)
      if (!std::isfinite(row[c]))
        fail("targets must be finite, got ", row[c], " in row ", index ? index[i] : i, ".");
    g.values.insert(g.values.end(), row, row + cols);
  }
  return g;
}

Gathered targets_of(const Network& network, const py::array& y, int64_t rows, const int64_t* index, int n) {
  const int64_t cols = network.output_node().elems();
  check_layout(y, "y");
  if (y.ndim() < 1 || y.shape(0) != rows)
    fail("x and y must have the same number of rows; got ", rows, " and ", shape_text(y), ".");
  if (network.loss() == Loss::sparse_categorical_crossentropy) {
    if (!py::isinstance<LabelArray>(y) || y.ndim() != 1)
      fail_type("sparse_categorical_crossentropy needs int32 labels of shape (n,), got " +
                py::str(y.dtype()).cast<std::string>() + " " + shape_text(y) + ".");
    return gather_labels(py::cast<LabelArray>(y), index, n, cols);
  }
  if (!py::isinstance<FloatArray>(y))
    fail_type("this loss needs float32 targets of the output's shape, got " +
              py::str(y.dtype()).cast<std::string>() + ".");
  if (y.ndim() != 2 || y.shape(1) != cols)
    fail("this loss needs targets of the output's shape (n, ", cols, "), got ", shape_text(y), ".");
  return gather_values(py::cast<FloatArray>(y), index, n, cols);
}

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

OptimizerConfig to_optimizer(const py::dict& config) {
  OptimizerConfig o;
  const auto name = config["name"].cast<std::string>();
  if (name == "sgd")
    o.kind = OptimizerConfig::Kind::sgd;
  else if (name == "adam")
    o.kind = OptimizerConfig::Kind::adam;
  else
    fail("optimizer must be sgd or adam, got \"", name, "\".");
  o.learning_rate = config["learning_rate"].cast<double>();
  o.momentum = number(config, "momentum", 0);
  o.nesterov = config.contains("nesterov") && config["nesterov"].cast<bool>();
  o.beta1 = number(config, "beta_1", o.beta1);
  o.beta2 = number(config, "beta_2", o.beta2);
  o.epsilon = number(config, "epsilon", o.epsilon);
  o.clipping = to_clipping(config);
  return o;
}

Mode to_mode(const std::string& name) {
  if (name == "predict") return Mode::predict;
  if (name == "train") return Mode::train;
  if (name == "vjp") return Mode::vjp;
  fail("mode must be \"predict\", \"train\" or \"vjp\", got \"", name, "\".");
}

Mode checked_mode(const Network& network, const std::string& name) {
  const Mode mode = to_mode(name);
  if (mode == Mode::train && !network.configured())
    fail("compile the model before asking for its training program.");
  return mode;
}

FloatArray predict(Network& network, const py::array& x) {
  Samples samples = samples_of(x, network.input_node().dims);
  const int n = rows_of(x, std::nullopt, &samples);
  std::vector<py::ssize_t> shape{n};
  for (const int64_t d : network.output_node().dims) shape.push_back(d);
  FloatArray out(shape);
  if (n == 0) return out;
  float* to = out.mutable_data();
  const py::gil_scoped_release released;
  network.predict(samples, n, to);
  return out;
}

std::vector<double> loss_step(Network& network, bool train, const py::array& x, const py::array& y,
                              const std::optional<IndexArray>& index) {
  if (!network.configured()) fail("compile the model before training or evaluating it.");
  Samples samples = samples_of(x, network.input_node().dims);
  const int n = rows_of(x, index, &samples);
  if (n == 0) fail("a batch needs at least one sample, got none.");
  const Gathered gathered = targets_of(network, y, x.shape(0), samples.index, n);
  std::vector<double> results(network.result_count());
  const py::gil_scoped_release released;
  if (train)
    network.train_step(samples, gathered.targets(), n, results.data());
  else
    network.evaluate_step(samples, gathered.targets(), n, results.data());
  return results;
}

py::tuple vjp(Network& network, const py::array& x, const FloatArray& grad_out, bool training) {
  Samples samples = samples_of(x, network.input_node().dims);
  const int n = rows_of(x, std::nullopt, &samples);
  if (n == 0) fail("a batch needs at least one sample, got none.");
  Dims expected{n};
  for (const int64_t d : network.output_node().dims) expected.push_back(d);
  if (Dims(grad_out.shape(), grad_out.shape() + grad_out.ndim()) != expected)
    fail("grad_out must have the output's shape ", to_string(expected), ", got ", shape_text(grad_out), ".");
  check_layout(grad_out, "grad_out");
  FloatArray grad_x(std::vector<py::ssize_t>(x.shape(), x.shape() + x.ndim()));
  std::vector<float> flat(static_cast<size_t>(network.graph().param_elems()));
  {
    float* to = grad_x.mutable_data();
    const py::gil_scoped_release released;
    network.vjp(samples, grad_out.data(), n, training, to, flat.data());
  }
  py::list grads;
  for (const Parameter& p : network.graph().params()) {
    FloatArray grad(std::vector<py::ssize_t>(p.dims.begin(), p.dims.end()));
    std::copy_n(flat.data() + p.offset, p.size(), grad.mutable_data());
    grads.append(grad);
  }
  return py::make_tuple(grad_x, grads);
}

FloatArray get_parameter(const Network& network, int position) {
  const Dims& dims = network.graph().params().at(static_cast<size_t>(position)).dims;
  FloatArray value(std::vector<py::ssize_t>(dims.begin(), dims.end()));
  network.get_parameter(position, value.mutable_data());
  return value;
}

void set_parameter(Network& network, int position, const FloatArray& value) {
  const Parameter& p = network.graph().params().at(static_cast<size_t>(position));
  if (Dims(value.shape(), value.shape() + value.ndim()) != p.dims)
    fail(p.name, " has shape ", to_string(p.dims), ", got ", shape_text(value), ".");
  check_layout(value, "value");
  network.set_parameter(position, value.data());
}

std::vector<std::string> slot_names(const Network& network) {
  if (network.optimizer_slots() == 2) return {"m", "v"};
  if (network.optimizer_slots() == 1) return {"velocity"};
  return {};
}

py::dict optimizer_state(Network& network) {
  py::dict state;
  const auto names = slot_names(network);
  for (size_t i = 0; i < names.size(); ++i) {
    FloatArray flat(network.graph().param_elems());
    std::copy_n(network.optimizer_slot(static_cast<int>(i)), flat.size(), flat.mutable_data());
    state[names[i].c_str()] = flat;
  }
  return state;
}

void set_optimizer_state(Network& network, const std::map<std::string, FloatArray>& state, int64_t step) {
  const auto names = slot_names(network);
  if (step < 0) fail("step must not be negative, got ", step, ".");
  if (state.size() != names.size())
    fail("this optimizer has ", names.size(), " buffers, got ", state.size(), ".");
  for (const std::string& name : names) {
    const auto found = state.find(name);
    if (found == state.end()) fail("the optimizer's state lacks \"", name, "\".");
    if (found->second.ndim() != 1 || found->second.size() != network.graph().param_elems())
      fail("the optimizer's \"", name, "\" must have ", network.graph().param_elems(), " elements, got ",
           shape_text(found->second), ".");
    check_layout(found->second, "state");
  }
  for (size_t i = 0; i < names.size(); ++i)
    std::copy_n(state.at(names[i]).data(), network.graph().param_elems(),
                network.optimizer_slot(static_cast<int>(i)));
  network.step = step;
}

py::list plan(Network& network, int n, const std::string& mode) {
  py::list list;
  const Mode wanted = checked_mode(network, mode);
  std::vector<StepInfo> steps;
  {
    const py::gil_scoped_release released;  // planning may tune
    steps = network.plan(n, wanted);
  }
  for (const StepInfo& info : steps) {
    py::dict step;
    step["name"] = info.name;
    step["op"] = info.op;
    step["direction"] = info.direction;
    step["algorithm"] = info.algorithm;
    step["refused"] = info.refused;
    step["tasks"] = info.tasks;
    step["flops"] = info.flops;
    step["bytes"] = info.bytes;
    list.append(step);
  }
  return list;
}

// The fastest of some runs: (its seconds, those of the steps as plan() lists them, threads).
py::tuple profile(Network& network, const py::array& x, const std::optional<py::array>& y, int runs) {
  const Mode mode = checked_mode(network, y ? "train" : "predict");
  Samples samples = samples_of(x, network.input_node().dims);
  const int n = rows_of(x, std::nullopt, &samples);
  if (n == 0) fail("a batch needs at least one sample, got none.");
  const Gathered targets = y ? targets_of(network, *y, n, nullptr, n) : Gathered();
  Timing timing;
  {
    const py::gil_scoped_release released;
    timing = network.profile(samples, targets.targets(), n, mode, runs);
  }
  return py::make_tuple(timing.seconds, timing.step_seconds, timing.threads);
}

void configure(Network& network, const std::string& loss, bool from_logits,
               const std::vector<std::string>& metrics, const py::dict& optimizer) {
  std::vector<Metric> parsed;
  for (const std::string& metric : metrics) parsed.push_back(to_metric(metric));
  network.configure(to_loss(loss), from_logits, std::move(parsed), to_optimizer(optimizer));
}

void set_constraint(Network& network, int position, const std::optional<std::string>& kind, float minimum,
                    float maximum, float rate, std::vector<int> axes) {
  Constraint constraint{Constraint::Kind::none, minimum, maximum, rate, std::move(axes)};
  if (kind == "non_negative")
    constraint.kind = Constraint::Kind::non_negative;
  else if (kind == "norm")
    constraint.kind = Constraint::Kind::norm;
  else if (kind)
    fail("constraint must be non_negative or norm, got \"", *kind, "\".");
  network.set_constraint(position, std::move(constraint));
}

}  // namespace

void bind_network(py::module_& m) {
  using py::arg;
  m.attr("PASSES") = py::tuple(py::cast(optional_passes()));
  py::class_<Network>(m, "Network")
      .def(py::init<Graph, int>(), arg("graph"), arg("output"))
      .def("get_parameter", &get_parameter, arg("position"))
      .def("set_parameter", &set_parameter, arg("position"), arg("value").noconvert())
      .def("set_trainable", &Network::set_trainable, arg("position"), arg("trainable"))
      .def(
          "set_regularizer",
          [](Network& network, int position, float l1, float l2) {
            network.set_regularizer(position, {l1, l2});
          },
          arg("position"), arg("l1"), arg("l2"))
      .def("set_constraint", &set_constraint, arg("position"), arg("kind"), arg("minimum") = 0.0f,
           arg("maximum") = 0.0f, arg("rate") = 1.0f, arg("axes") = std::vector<int>{0})
      .def("configure", &configure, arg("loss"), arg("from_logits"), arg("metrics"), arg("optimizer"))
      .def_property(
          "learning_rate", [](const Network& network) { return network.optimizer().learning_rate; },
          &Network::set_learning_rate)
      .def_readwrite("seed", &Network::seed)
      .def_readonly("step", &Network::step)
      .def("predict", &predict, arg("x"))
      .def(
          "train_step",
          [](Network& network, const py::array& x, const py::array& y,
             const std::optional<IndexArray>& index) { return loss_step(network, true, x, y, index); },
          arg("x"), arg("y"), arg("index") = py::none())
      .def(
          "evaluate_step",
          [](Network& network, const py::array& x, const py::array& y,
             const std::optional<IndexArray>& index) { return loss_step(network, false, x, y, index); },
          arg("x"), arg("y"), arg("index") = py::none())
      .def("vjp", &vjp, arg("x"), arg("grad_out").noconvert(), arg("training") = false)
      .def("optimizer_state", &optimizer_state)
      .def("set_optimizer_state", &set_optimizer_state, arg("state"), arg("step"))
      .def(
          "memory",
          [](Network& network, int n, const std::string& mode) {
            const Mode wanted = checked_mode(network, mode);
            const py::gil_scoped_release released;  // planning may tune
            return network.memory(n, wanted);
          },
          arg("batch_size"), arg("mode"))
      .def(
          "arena_bytes",
          [](const Network& network, int n, const std::string& mode) {
            return network.arena_bytes(n, checked_mode(network, mode));
          },
          arg("batch_size"), arg("mode"))
      .def("plan", &plan, arg("batch_size"), arg("mode"))
      .def("profile", &profile, arg("x"), arg("y"), arg("runs"))
      .def(
          "tune",
          [](Network& network, int n, const std::string& mode) {
            const Mode wanted = checked_mode(network, mode);
            const py::gil_scoped_release released;
            network.tune(n, wanted);
          },
          arg("batch_size"), arg("mode"))
      .def(
          "force_algorithm",
          [](Network& network, const std::string& op, const std::optional<std::string>& algorithm) {
            network.force_algorithm(op, algorithm.value_or(""));
          },
          arg("op"), arg("algorithm"))
      .def("disable_pass", &Network::disable_pass, arg("name"), arg("disabled") = true);
}

}  // namespace cnnfast
