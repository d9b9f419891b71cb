// Networks. What an array is (its dtype, its shape, how it lies) is checked here, what is in it by the core.
// Nobody waits for a network with the GIL held: a run that has it may be long.
#include <optional>

#include "bindings/bind.h"
#include "cnnfast/network.h"
#include "graph/builder.h"
#include "graph/training_state.h"
#include "graph/workspace.h"
#include "runtime/floats.h"
#include "runtime/no_fork.h"

namespace py = pybind11;

namespace cnnfast {

namespace {

using LabelArray = py::array_t<int32_t>;
using IndexArray = py::array_t<int64_t>;

std::string shape_text(const py::array& a) {
  return to_string(dims_of(a));
}

[[noreturn]] void fail_type(const std::string& message) {
  throw Error(Error::Kind::type, message);
}

// Told by the type's number: asking for each type in turn takes half a microsecond.
DType dtype_of(const py::array& x, const std::string& name) {
  const py::dtype dtype = x.dtype();
  const char order = dtype.byteorder();
  if (order == '=' || order == '|') switch (dtype.num()) {
      case py::detail::npy_api::NPY_FLOAT_:
        return DType::float32;
      case py::detail::npy_api::NPY_DOUBLE_:
        return DType::float64;
      case py::detail::npy_api::NPY_UBYTE_:
      case py::detail::npy_api::NPY_BOOL_:
        return DType::uint8;
      case py::detail::npy_api::NPY_INT_:
        return DType::int32;
      default:
        break;
    }
  fail_type(name + " must be float32, float64, uint8, bool or int32, got " +
            py::str(dtype).cast<std::string>() + "; convert it with " + name + ".astype(\"float32\").");
}

// The rows of a batch of samples with the dims of an input: (n, *dims); of one for the whole batch: dims.
Samples samples_of(const py::array& x, const Node& input, const std::string& name) {
  Samples samples{x.data(), dtype_of(x, name)};
  const Dims& dims = input.dims;
  const py::ssize_t first = input.rows == 0 ? 0 : 1;
  bool fits = x.ndim() == static_cast<py::ssize_t>(dims.size()) + first;
  for (size_t i = 0; fits && i < dims.size(); ++i)
    fits = x.shape(static_cast<py::ssize_t>(i) + first) == dims[i];
  if (!fits)
    fail(name, " must have ", first ? "one axis of samples, then " : "shape ", to_string(dims),
         " as the network was built for; got ", shape_text(x), ".");
  check_contiguous(x, name.c_str());
  samples.rows = first ? x.shape(0) : 1;
  samples.elems = input.elems();
  return samples;
}

// Rows to use: the index if there is one, else all of them. Returns how many.
int rows_of(int64_t n, const std::optional<IndexArray>& index, Samples* samples) {
  if (index) {
    check_layout(*index, "index");
    samples->index = index->data();
    n = index->size();
  }
  return static_cast<int>(std::min<int64_t>(n, std::numeric_limits<int>::max()));
}

// Samples of every input, in the order of a graph; those picked by the index, if there is one.
struct Batch {
  std::vector<Samples> inputs;
  int n = 0;
};

Batch batch_of(const Graph& graph, const std::vector<py::array>& arrays,
               const std::optional<IndexArray>& index) {
  if (arrays.size() != graph.inputs().size())
    fail("there are ", graph.inputs().size(), " inputs, got ", arrays.size(), " arrays.");
  Batch batch;
  int64_t rows = -1;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const Node& node = graph.node(graph.inputs()[i]);
    batch.inputs.push_back(samples_of(arrays[i], node, node.name));
    if (node.rows == 0) continue;
    const int64_t own = batch.inputs.back().rows;
    if (rows >= 0 && own != rows)
      fail("all inputs must have as many samples, got ", rows, " and ", own, " of ", node.name, ".");
    rows = own;
    batch.n = rows_of(rows, index, &batch.inputs.back());
  }
  if (rows < 0) batch.n = 1;
  return batch;
}

// All of them, in batches of n.
Batches batches_in(const Batch& all, int n, double seconds, const std::vector<double>& rates = {}) {
  if (n > 0 && all.n % n != 0) fail(all.n, " samples are no whole number of batches of ", n, ".");
  return {n, n > 0 ? all.n / n : 1, seconds, rates};
}

// Labels or values, by the array's dtype and axes.
Targets targets_of(const Network& network, const py::array& y, int64_t rows) {
  const Dims& out = network.output_node().dims;
  check_layout(y, "y");
  if (y.ndim() < 1 || y.shape(0) != rows)
    fail("x and y must have the same number of rows; got ", rows, " and ", shape_text(y), ".");
  Targets targets;
  Dims dims = dims_of(y);
  dims.erase(dims.begin());
  if (py::isinstance<LabelArray>(y) && !out.empty() && dims == Dims(out.begin(), out.end() - 1)) {
    targets.labels = static_cast<const int32_t*>(y.data());
  } else if (!py::isinstance<FloatArray>(y)) {
    fail_type("y must be int32 labels of shape (n,) or float32 targets of the output's shape, got " +
              py::str(y.dtype()).cast<std::string>() + " " + shape_text(y) + ".");
  } else {
    if (dims != out)
      fail("targets must have the output's shape, ", to_string(out), " a sample, got ", shape_text(y), ".");
    targets.values = static_cast<const float*>(y.data());
  }
  return targets;
}

Mode to_mode(const std::string& name) {
  if (name == "predict") return Mode::predict;
  if (name == "train") return Mode::train;
  if (name == "vjp") return Mode::vjp;
  fail("mode must be \"predict\", \"train\" or \"vjp\", got \"", name, "\".");
}

// An array for results. Large ones go back to the system when they are freed: the heap would keep them.
FloatArray result_array(const Dims& dims) {
  constexpr int64_t kLarge = int64_t{1} << 20;
  const std::vector<py::ssize_t> shape(dims.begin(), dims.end());
  int64_t floats = 1;
  for (const int64_t d : dims) floats *= d;
  if (floats < kLarge) return FloatArray(shape);
  auto owned = std::make_unique<Floats>(floats, "the output");
  float* const data = owned->data();
  const py::capsule owner(owned.get(), [](void* p) { delete static_cast<Floats*>(p); });
  owned.release();
  return FloatArray(shape, data, owner);
}

// An output's array for n samples.
FloatArray output_array(const Node& node, int n) {
  Dims dims = node.dims;
  if (node.rows > 0) dims.insert(dims.begin(), rows_of(node, n));
  return result_array(dims);
}

FloatArray predict(Network& network, const py::array& x) {
  Samples samples = samples_of(x, network.input_node(), "x");
  const int n = rows_of(samples.rows, std::nullopt, &samples);
  FloatArray out = output_array(network.output_node(), n);
  if (n == 0) return out;
  float* to = out.mutable_data();
  const ReleasedGil released;
  network.predict(samples, n, to);
  return out;
}

std::vector<FloatArray> predict_all(Network& network, const std::vector<py::array>& arrays) {
  const Batch batch = batch_of(network.graph(), arrays, std::nullopt);
  std::vector<FloatArray> outs;
  std::vector<float*> to;
  for (const int output : network.outputs()) {
    outs.push_back(output_array(network.graph().node(output), batch.n));
    to.push_back(outs.back().mutable_data());
  }
  const ReleasedGil released;
  network.predict(batch.inputs, {batch.n}, to);
  return outs;
}

// Whole batches, as many as the inputs have rows for, into the rows of `outs`. Returns how many were run.
int predict_into(Network& network, const std::vector<py::array>& arrays, std::vector<FloatArray> outs,
                 int batch_size, double seconds) {
  const Batch all = batch_of(network.graph(), arrays, std::nullopt);
  const Batches batches = batches_in(all, batch_size, seconds);
  std::vector<float*> to;
  if (outs.size() != network.outputs().size())
    fail("there are ", network.outputs().size(), " outputs, got ", outs.size(), " arrays for them.");
  for (size_t i = 0; i < outs.size(); ++i) {
    const Node& node = network.output_node(static_cast<int>(i));
    const int64_t floats = int64_t{batches.count} * rows_of(node, batches.n) * node.elems();
    if (outs[i].size() != floats)
      fail("the array for ", node.name, " must have ", floats, " numbers, got ", shape_text(outs[i]), ".");
    check_layout(outs[i], "out");
    to.push_back(outs[i].mutable_data());
  }
  const ReleasedGil released;
  return network.predict(all.inputs, batches, to);
}

std::vector<double> loss_step(Network& network, bool train, const py::array& x, const py::array& y,
                              const std::optional<IndexArray>& index) {
  Samples samples = samples_of(x, network.input_node(), "x");
  const int n = rows_of(samples.rows, index, &samples);
  const Targets targets = targets_of(network, y, x.shape(0));
  std::vector<double> results;
  const ReleasedGil released;
  if (train)
    network.train_step(samples, targets, n, results);
  else
    network.evaluate_step(samples, targets, n, results);
  return results;
}

std::shared_ptr<const Objective> objective_for(const Network& network, Mode mode) {
  const ReleasedGil released;
  return network.objective(mode);
}

// What a step tells, for each of the batches that were run.
using Reports = std::vector<std::vector<double>>;

Reports steps(Network& network, Mode mode, const std::vector<py::array>& arrays,
              const std::optional<IndexArray>& index, std::optional<int> batch_size, double seconds,
              const std::vector<double>& rates = {}) {
  const auto objective = objective_for(network, mode);
  const Batch all = batch_of(objective->graph, arrays, index);
  const Batches batches = batches_in(all, batch_size.value_or(all.n), seconds, rates);
  std::vector<double> results;
  const ReleasedGil released;
  const int done = mode == Mode::train ? network.train(all.inputs, batches, results)
                                       : network.evaluate(all.inputs, batches, results);
  Reports reports;
  const std::ptrdiff_t each = static_cast<std::ptrdiff_t>(results.size()) / done;
  for (auto at = results.begin(); at != results.end(); at += each) reports.emplace_back(at, at + each);
  return reports;
}

py::list split_grads(const Graph& graph, const std::vector<float>& flat) {
  py::list grads;
  const auto& params = graph.params();
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i].first != static_cast<int>(i)) continue;
    const float* const from = flat.data() + graph.offset(static_cast<int>(i));
    grads.append(to_array(std::vector<float>(from, from + params[i].size()), params[i].dims()));
  }
  return grads;
}

py::tuple vjp_all(Network& network, const std::vector<py::array>& arrays,
                  const std::vector<FloatArray>& grad_outs, bool training) {
  const Graph& graph = network.graph();
  const Batch batch = batch_of(graph, arrays, std::nullopt);
  if (grad_outs.size() != network.outputs().size())
    fail("there are ", network.outputs().size(), " outputs, got ", grad_outs.size(), " gradients.");
  std::vector<const float*> from;
  for (size_t i = 0; i < grad_outs.size(); ++i) {
    const Node& node = network.output_node(static_cast<int>(i));
    Dims expected = node.dims;
    if (node.rows > 0) expected.insert(expected.begin(), rows_of(node, batch.n));
    if (dims_of(grad_outs[i]) != expected)
      fail("grad_out must have the output's shape ", to_string(expected), ", got ", shape_text(grad_outs[i]),
           ".");
    check_layout(grad_outs[i], "grad_out");
    from.push_back(grad_outs[i].data());
  }
  std::vector<FloatArray> grads;
  std::vector<float*> to;
  for (const py::array& x : arrays) {
    grads.emplace_back(std::vector<py::ssize_t>(x.shape(), x.shape() + x.ndim()));
    to.push_back(grads.back().mutable_data());
  }
  std::vector<float> flat(static_cast<size_t>(graph.weight_elems()));
  {
    const ReleasedGil released;
    network.vjp(batch.inputs, from, batch.n, training, to, flat.data());
  }
  return py::make_tuple(grads, split_grads(graph, flat));
}

py::tuple vjp(Network& network, const py::array& x, const FloatArray& grad_out, bool training) {
  const py::tuple all = vjp_all(network, {x}, {grad_out}, training);
  return py::make_tuple(all[0].cast<std::vector<py::object>>()[0], all[1]);
}

py::list plan(Network& network, int n, const std::string& mode) {
  py::list list;
  const Mode wanted = to_mode(mode);
  std::vector<StepInfo> steps;
  {
    const ReleasedGil released;  // planning may tune
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

py::tuple timing_of(const Timing& timing) {
  return py::make_tuple(timing.seconds, timing.step_seconds, timing.threads);
}

// The fastest of some runs: (its seconds, those of the steps as plan() lists them, threads).
py::tuple profile_all(Network& network, const std::vector<py::array>& arrays, const std::string& mode,
                      int runs) {
  const Mode wanted = to_mode(mode);
  const auto objective = wanted == Mode::predict ? nullptr : objective_for(network, wanted);
  const Batch batch = batch_of(objective ? objective->graph : network.graph(), arrays, std::nullopt);
  Timing timing;
  {
    const ReleasedGil released;
    timing = network.profile(batch.inputs, batch.n, wanted, runs);
  }
  return timing_of(timing);
}

py::tuple profile(Network& network, const py::array& x, const std::optional<py::array>& y, int runs) {
  return y ? profile_all(network, {x, *y}, "train", runs) : profile_all(network, {x}, "predict", runs);
}

void set_device(TrainingState& state, const std::optional<std::string>& name) {
  std::optional<DevicePtr> device;
  if (name) device = device_of(*name);
  const Lock lock(state.mutex);
  state.device.swap(device);
}

}  // namespace

void bind_network(py::module_& m) {
  using py::arg;
  m.attr("PASSES") = py::tuple(py::cast(optional_passes()));
  py::class_<Workspace, std::shared_ptr<Workspace>>(m, "Workspace").def(py::init(&make_workspace));
  py::class_<TrainingState, std::shared_ptr<TrainingState>>(m, "TrainingState")
      .def(py::init([](const std::optional<std::string>& device) {
             const auto made = make_training_state();
             set_device(*made, device);
             return made;
           }),
           arg("device") = "cpu", NoGil())
      .def("set_device", &set_device, arg("device"), NoGil());
  py::class_<Network> network(m, "Network");
  bind_training(m, network);
  network
      .def(py::init([](const Graph& graph, int output, std::shared_ptr<Workspace> workspace) {
             return std::make_unique<Network>(graph, output, std::move(workspace));
           }),
           arg("graph"), arg("output"), arg("workspace") = std::shared_ptr<Workspace>())
      .def(py::init<Graph, std::vector<int>, std::shared_ptr<Workspace>, std::shared_ptr<TrainingState>>(),
           arg("graph"), arg("outputs"), arg("workspace") = std::shared_ptr<Workspace>(),
           arg("state") = std::shared_ptr<TrainingState>())
      .def_property_readonly("weights", &Network::weights)
      .def_property_readonly("graph", &Network::graph)
      .def_property_readonly("outputs", &Network::outputs)
      .def_property("seed", waiting(&Network::seed), waiting(&Network::set_seed))
      .def_property("predictions", waiting(&Network::predictions), waiting(&Network::set_predictions))
      .def_property_readonly("step", waiting(&Network::step))
      .def_property_readonly("device", waiting(&Network::device))
      .def("leave_device", &Network::leave_device, NoGil())
      .def("predict", &predict, arg("x"))
      .def("predict", &predict_all, arg("inputs"))
      .def("predict_into", &predict_into, arg("inputs"), arg("outs").noconvert(), arg("batch_size"),
           arg("seconds"))
      .def(
          "train_step",
          [](Network& network, const py::array& x, const py::array& y,
             const std::optional<IndexArray>& index) { return loss_step(network, true, x, y, index); },
          arg("x"), arg("y"), arg("index") = py::none())
      .def(
          "train_step",
          [](Network& network, const std::vector<py::array>& inputs, const std::optional<IndexArray>& index) {
            return steps(network, Mode::train, inputs, index, std::nullopt, HUGE_VAL).front();
          },
          arg("inputs"), arg("index") = py::none())
      .def(
          "evaluate_step",
          [](Network& network, const py::array& x, const py::array& y,
             const std::optional<IndexArray>& index) { return loss_step(network, false, x, y, index); },
          arg("x"), arg("y"), arg("index") = py::none())
      .def(
          "evaluate_step",
          [](Network& network, const std::vector<py::array>& inputs, const std::optional<IndexArray>& index) {
            return steps(network, Mode::evaluate, inputs, index, std::nullopt, HUGE_VAL).front();
          },
          arg("inputs"), arg("index") = py::none())
      .def(
          "train_steps",
          [](Network& network, const std::vector<py::array>& inputs, int batch_size,
             const std::optional<IndexArray>& index, double seconds, const std::vector<double>& rates) {
            return steps(network, Mode::train, inputs, index, batch_size, seconds, rates);
          },
          arg("inputs"), arg("batch_size"), arg("index"), arg("seconds"),
          arg("rates") = std::vector<double>())
      .def(
          "evaluate_steps",
          [](Network& network, const std::vector<py::array>& inputs, int batch_size,
             const std::optional<IndexArray>& index,
             double seconds) { return steps(network, Mode::evaluate, inputs, index, batch_size, seconds); },
          arg("inputs"), arg("batch_size"), arg("index"), arg("seconds"))
      .def("vjp", &vjp, arg("x"), arg("grad_out").noconvert(), arg("training") = false)
      .def("vjp", &vjp_all, arg("inputs"), arg("grad_outs"), arg("training") = false)
      .def(
          "memory",
          [](Network& network, int n, const std::string& mode) {
            const Mode wanted = to_mode(mode);
            const ReleasedGil released;
            return network.memory(n, wanted);
          },
          arg("batch_size"), arg("mode"))
      .def_property_readonly("arena_bytes", waiting(&Network::arena_bytes))
      .def("plan", &plan, arg("batch_size"), arg("mode"))
      .def("profile", &profile, arg("x"), arg("y"), arg("runs"))
      .def("profile", &profile_all, arg("inputs"), arg("mode"), arg("runs"))
      .def(
          "tune",
          [](Network& network, int n, const std::string& mode) {
            const Mode wanted = to_mode(mode);
            const ReleasedGil released;
            network.tune(n, wanted);
          },
          arg("batch_size"), arg("mode"))
      .def(
          "force_algorithm",
          [](Network& network, const std::string& op, const std::optional<std::string>& algorithm) {
            const std::string wanted = algorithm.value_or("");
            const ReleasedGil released;
            network.force_algorithm(op, wanted);
          },
          arg("op"), arg("algorithm"))
      .def("disable_pass", &Network::disable_pass, arg("name"), arg("disabled") = true, NoGil());
}

}  // namespace cnnfast
