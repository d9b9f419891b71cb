// Describing networks.
#include "bindings/bind.h"
#include "cnnfast/graph.h"

namespace py = pybind11;

namespace cnnfast {

namespace {

using IntPair = std::pair<int, int>;

Pair to_pair(IntPair p) {
  return {p.first, p.second};
}

DataFormat to_format(const std::string& name) {
  if (name == "channels_last") return DataFormat::channels_last;
  if (name == "channels_first") return DataFormat::channels_first;
  fail("data_format must be \"channels_last\" or \"channels_first\", got \"", name, "\".");
}

Padding to_padding(const py::object& padding) {
  if (py::isinstance<py::str>(padding)) {
    const auto name = padding.cast<std::string>();
    if (name == "valid") return {PadMode::valid};
    if (name == "same") return {PadMode::same};
    fail("padding must be \"valid\", \"same\" or ((top, bottom), (left, right)), got \"", name, "\".");
  }
  const auto [rows, cols] = padding.cast<std::pair<IntPair, IntPair>>();
  return {PadMode::explicit_, rows.first, rows.second, cols.first, cols.second};
}

ActivationKind to_activation(const std::string& name) {
  if (name == "linear") return ActivationKind::linear;
  if (name == "relu") return ActivationKind::relu;
  if (name == "tanh") return ActivationKind::tanh;
  if (name == "sigmoid") return ActivationKind::sigmoid;
  if (name == "softmax") return ActivationKind::softmax;
  fail("activation must be linear, relu, tanh, sigmoid or softmax, got \"", name, "\".");
}

py::list parameters(const Graph& graph) {
  py::list list;
  for (const Parameter& p : graph.params()) {
    py::dict info;
    info["name"] = p.name;
    info["shape"] = py::tuple(py::cast(p.dims));
    info["offset"] = p.offset;
    info["trainable"] = true;
    list.append(info);
  }
  return list;
}

int conv2d(Graph& graph, int src, int filters, IntPair kernel_size, IntPair strides,
           const py::object& padding, IntPair dilation, int groups, bool use_bias,
           const std::string& data_format, const std::string& name) {
  const ConvAttrs attrs{
      filters, to_pair(kernel_size), to_pair(strides), to_padding(padding), to_pair(dilation), groups,
      use_bias};
  return graph.conv2d(src, attrs, to_format(data_format), name);
}

int max_pool2d(Graph& graph, int src, IntPair pool_size, IntPair strides, const py::object& padding,
               bool ceil_mode, const std::string& data_format, const std::string& name) {
  const PoolAttrs attrs{true, to_pair(pool_size), to_pair(strides), to_padding(padding), ceil_mode, false};
  return graph.pool2d(src, attrs, to_format(data_format), name);
}

int average_pool2d(Graph& graph, int src, IntPair pool_size, IntPair strides, const py::object& padding,
                   bool ceil_mode, bool count_include_pad, const std::string& data_format,
                   const std::string& name) {
  const PoolAttrs attrs{false,     to_pair(pool_size), to_pair(strides), to_padding(padding),
                        ceil_mode, count_include_pad};
  return graph.pool2d(src, attrs, to_format(data_format), name);
}

}  // namespace

void bind_graph(py::module_& m) {
  using py::arg;
  py::class_<Graph>(m, "Graph")
      .def(py::init<>())
      .def("input", &Graph::input, arg("shape"), arg("name"))
      .def("conv2d", &conv2d, arg("src"), arg("filters"), arg("kernel_size"), arg("strides"), arg("padding"),
           arg("dilation"), arg("groups"), arg("use_bias"), arg("data_format"), arg("name"))
      .def("max_pool2d", &max_pool2d, arg("src"), arg("pool_size"), arg("strides"), arg("padding"),
           arg("ceil_mode"), arg("data_format"), arg("name"))
      .def("average_pool2d", &average_pool2d, arg("src"), arg("pool_size"), arg("strides"), arg("padding"),
           arg("ceil_mode"), arg("count_include_pad"), arg("data_format"), arg("name"))
      .def(
          "dense",
          [](Graph& graph, int src, int units, bool use_bias, const std::string& name) {
            return graph.dense(src, {units, use_bias}, name);
          },
          arg("src"), arg("units"), arg("use_bias"), arg("name"))
      .def(
          "flatten",
          [](Graph& graph, int src, const std::string& format, const std::string& name) {
            return graph.flatten(src, to_format(format), name);
          },
          arg("src"), arg("data_format"), arg("name"))
      .def("dropout", &Graph::dropout, arg("src"), arg("rate"), arg("name"))
      .def("add", &Graph::add, arg("srcs"), arg("name"))
      .def(
          "activation",
          [](Graph& graph, int src, const std::string& kind, const std::string& name) {
            return graph.activation(src, to_activation(kind), name);
          },
          arg("src"), arg("kind"), arg("name"))
      .def(
          "shape", [](const Graph& graph, int value) { return py::tuple(py::cast(graph.node(value).dims)); },
          arg("value"))
      .def("parameters", &parameters)
      .def("multiply_adds", &Graph::multiply_adds, arg("value"));
}

}  // namespace cnnfast
