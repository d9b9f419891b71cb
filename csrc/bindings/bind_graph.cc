// Describing networks.
#include <optional>

#include "bindings/bind.h"
#include "cnnfast/graph.h"
#include "ops/op.h"

namespace py = pybind11;

namespace cnnfast {

DataFormat to_format(const std::string& name) {
  if (name == "channels_last") return DataFormat::channels_last;
  if (name == "channels_first") return DataFormat::channels_first;
  fail("data_format must be \"channels_last\" or \"channels_first\", got \"", name, "\".");
}

namespace {

using Ints = std::vector<int>;  // one for each spatial axis, outermost first

Spatial to_spatial(const Ints& ints) {
  const size_t rank = ints.size();
  return {rank > 1 ? ints[rank - 2] : 1, ints[rank - 1], rank > 2 ? ints[0] : 1};
}

// How many spatial axes there are, which all arguments must agree on.
int rank_of(std::initializer_list<size_t> sizes) {
  for (const size_t size : sizes)
    if (size < 1 || size > 3 || size != *sizes.begin())
      fail("sizes, strides, padding and dilation need one entry for each of the 1 to 3 spatial axes, got ",
           *sizes.begin(), " and ", size, ".");
  return static_cast<int>(*sizes.begin());
}

Padding to_padding(const py::object& padding, int rank) {
  if (py::isinstance<py::str>(padding)) {
    const auto name = padding.cast<std::string>();
    if (name == "valid") return {PadMode::valid};
    if (name == "same") return {PadMode::same};
    fail("padding must be \"valid\", \"same\" or a (before, after) for each axis, got \"", name, "\".");
  }
  const auto sides = padding.cast<std::vector<std::pair<int, int>>>();
  rank_of({static_cast<size_t>(rank), sides.size()});
  Ints before, after;
  for (const auto& [first, last] : sides) before.push_back(first), after.push_back(last);
  Spatial from = to_spatial(before), to = to_spatial(after);
  if (rank < 3) from.d = to.d = 0;
  if (rank < 2) from.h = to.h = 0;
  return {PadMode::explicit_, from.h, to.h, from.w, to.w, from.d, to.d};
}

ActivationKind to_activation(const std::string& name) {
  if (name == "linear") return ActivationKind::linear;
  if (name == "relu") return ActivationKind::relu;
  if (name == "tanh") return ActivationKind::tanh;
  if (name == "sigmoid") return ActivationKind::sigmoid;
  if (name == "softmax") return ActivationKind::softmax;
  fail("activation must be linear, relu, tanh, sigmoid or softmax, got \"", name, "\".");
}

ConvAttrs conv_attrs(int filters, const Ints& kernel_size, const Ints& strides, const py::object& padding,
                     const Ints& dilation, int groups, bool use_bias) {
  const int rank = rank_of({kernel_size.size(), strides.size(), dilation.size()});
  return {filters,
          to_spatial(kernel_size),
          to_spatial(strides),
          to_padding(padding, rank),
          to_spatial(dilation),
          groups,
          use_bias,
          rank};
}

int conv(Graph& graph, int src, int filters, const Ints& kernel_size, const Ints& strides,
         const py::object& padding, const Ints& dilation, int groups, bool use_bias,
         const std::string& data_format, const std::string& name, const Weights& weights) {
  return graph.conv(src, conv_attrs(filters, kernel_size, strides, padding, dilation, groups, use_bias),
                    to_format(data_format), name, weights);
}

int depthwise_conv(Graph& graph, int src, int depth_multiplier, const Ints& kernel_size, const Ints& strides,
                   const py::object& padding, const Ints& dilation, bool use_bias,
                   const std::string& data_format, const std::string& name, const Weights& weights) {
  const ConvAttrs attrs = conv_attrs(0, kernel_size, strides, padding, dilation, 0, use_bias);
  return graph.depthwise_conv(src, attrs, depth_multiplier, to_format(data_format), name, weights);
}

int conv_transpose(Graph& graph, int src, int filters, const Ints& kernel_size, const Ints& strides,
                   const py::object& padding, const std::optional<Ints>& output_padding, const Ints& dilation,
                   int groups, bool use_bias, const std::string& data_format, const std::string& name,
                   const Weights& weights) {
  ConvAttrs attrs = conv_attrs(filters, kernel_size, strides, padding, dilation, groups, use_bias);
  attrs.transposed = true;
  if (output_padding) {
    const int rank = rank_of({kernel_size.size(), output_padding->size()});
    attrs.output_padding = to_spatial(*output_padding);
    if (rank < 3) attrs.output_padding.d = -1;
    if (rank < 2) attrs.output_padding.h = -1;
  }
  return graph.conv(src, attrs, to_format(data_format), name, weights);
}

PoolAttrs pool_attrs(bool maximum, const Ints& pool_size, const Ints& strides, const py::object& padding,
                     bool ceil_mode, bool count_padding) {
  const int rank = rank_of({pool_size.size(), strides.size()});
  return {maximum,
          to_spatial(pool_size),
          to_spatial(strides),
          to_padding(padding, rank),
          ceil_mode,
          count_padding,
          rank};
}

int max_pool(Graph& graph, int src, const Ints& pool_size, const Ints& strides, const py::object& padding,
             bool ceil_mode, const std::string& data_format, const std::string& name,
             const std::optional<Ints>& dilation) {
  PoolAttrs attrs = pool_attrs(true, pool_size, strides, padding, ceil_mode, false);
  if (dilation) {
    rank_of({pool_size.size(), dilation->size()});
    attrs.dilation = to_spatial(*dilation);
  }
  return graph.pool(src, attrs, to_format(data_format), name);
}

int adaptive_pool(Graph& graph, int src, bool maximum, const Ints& output_size,
                  const std::string& data_format, const std::string& name) {
  PoolAttrs attrs{maximum, {1, 1}, {1, 1}};
  attrs.rank = rank_of({output_size.size()});
  attrs.outputs = to_spatial(output_size);
  return graph.pool(src, attrs, to_format(data_format), name);
}

int average_pool(Graph& graph, int src, const Ints& pool_size, const Ints& strides, const py::object& padding,
                 bool ceil_mode, bool count_include_pad, const std::string& data_format,
                 const std::string& name) {
  return graph.pool(src, pool_attrs(false, pool_size, strides, padding, ceil_mode, count_include_pad),
                    to_format(data_format), name);
}

Metric to_metric(const std::string& kind, int k, float threshold) {
  if (kind == "accuracy") return {MetricKind::accuracy};
  if (kind == "binary_accuracy") return {MetricKind::binary_accuracy, 1, threshold};
  if (kind == "top_k") return {MetricKind::top_k, k};
  if (kind == "equal") return {MetricKind::equal};
  if (kind == "mean_squared_error") return {MetricKind::mean_squared_error};
  if (kind == "mean_absolute_error") return {MetricKind::mean_absolute_error};
  fail(
      "metric must be accuracy, binary_accuracy, top_k, equal, mean_squared_error or mean_absolute_error, "
      "got "
      "\"",
      kind, "\".");
}

LossKind to_loss(const std::string& kind) {
  if (kind == "softmax_cross_entropy") return LossKind::softmax_cross_entropy;
  if (kind == "sigmoid_cross_entropy") return LossKind::sigmoid_cross_entropy;
  if (kind == "squared_error") return LossKind::squared_error;
  fail("loss must be softmax_cross_entropy, sigmoid_cross_entropy or squared_error, got \"", kind, "\".");
}

Reduction to_reduction(const std::string& kind) {
  if (kind == "sum") return Reduction::sum;
  if (kind == "product") return Reduction::product;
  if (kind == "max") return Reduction::max;
  if (kind == "min") return Reduction::min;
  if (kind == "mean") return Reduction::mean;
  if (kind == "argmax") return Reduction::argmax;
  if (kind == "argmin") return Reduction::argmin;
  fail("reduction must be sum, product, max, min, mean, argmax or argmin, got \"", kind, "\".");
}

// What kind of node makes a value; an activation by its name.
std::string maker(const Graph& graph, int value) {
  const Node& node = graph.node(value);
  const auto* activation = node.as<ActivationAttrs>();
  if (!activation) return op_of(node).name;
  switch (activation->kind) {
    case ActivationKind::linear:
      return "linear";
    case ActivationKind::relu:
      return "relu";
    case ActivationKind::tanh:
      return "tanh";
    case ActivationKind::sigmoid:
      return "sigmoid";
    case ActivationKind::softmax:
      break;
  }
  return "softmax";
}

int constant(Graph& graph, const FloatArray& values, const std::string& name) {
  check_layout(values, "values");
  return graph.constant(dims_of(values), {values.data(), values.data() + values.size()}, name);
}

FormulaOp to_formula_op(const std::string& name) {
  for (int op = 0; op < kFormulaOps; ++op)
    if (name == to_string(static_cast<FormulaOp>(op))) return static_cast<FormulaOp>(op);
  fail("there is no formula instruction \"", name, "\".");
}

// One instruction on values (whole numbers) and constants (floats). Random numbers have the shape of their
// operand; with a seed, of 30 bits, they are those of this seed alone.
int formula(Graph& graph, const std::string& name_of_op, const py::list& operands, const std::string& name,
            const std::optional<uint32_t>& seed) {
  const FormulaOp op = to_formula_op(name_of_op);
  Formula made;
  std::vector<int> args, srcs;
  for (const py::handle operand : operands) {
    if (py::isinstance<py::float_>(operand)) {
      args.push_back(made.constant(operand.cast<float>()));
      continue;
    }
    srcs.push_back(operand.cast<int>());
    args.push_back(made.input(static_cast<int>(srcs.size()) - 1));
  }
  if (op == FormulaOp::random)
    made.outputs = {made.random(seed ? kSeededStreams | static_cast<int>(*seed % kSeededStreams) : 0)};
  else
    made.outputs = {
        made.push(op, args.at(0), args.size() > 1 ? args[1] : -1, args.size() > 2 ? args[2] : -1)};
  return graph.formula(made, srcs, name);
}

}  // namespace

void bind_graph(py::module_& m) {
  using py::arg;
  py::class_<Graph> graph(m, "Graph");
  graph.def(py::init<>())
      .def(py::init<const Graph&>(), arg("begin"))
      .def("copy", [](const Graph& graph) { return Graph(graph); })
      .def("input", &Graph::input, arg("shape"), arg("name"), arg("rows") = 1)
      .def("weight", &Graph::weight, arg("weight"))
      .def("updated_weight", &Graph::updated_weight, arg("weight"))
      .def("gradient", &Graph::gradient, arg("weight"))
      .def("constant", &constant, arg("values").noconvert(), arg("name"))
      .def("reshape", &Graph::reshape, arg("src"), arg("shape"), arg("rows"), arg("name"))
      .def("stop_gradient", &Graph::stop_gradient, arg("src"), arg("name"))
      .def(
          "reduce",
          [](Graph& graph, int src, const std::string& kind, const Ints& axes, bool batch,
             const std::string& name) { return graph.reduce(src, to_reduction(kind), axes, batch, name); },
          arg("src"), arg("kind"), arg("axes"), arg("batch"), arg("name"))
      .def(
          "loss",
          [](Graph& graph, const std::string& kind, int predictions, int targets, bool from_logits,
             const std::string& name, const std::optional<int>& weights) {
            return graph.loss(to_loss(kind), predictions, targets, from_logits, name, weights.value_or(-1));
          },
          arg("kind"), arg("predictions"), arg("targets"), arg("from_logits"), arg("name"),
          arg("weights") = py::none())
      .def(
          "metric",
          [](Graph& graph, const std::string& kind, int predictions, int targets, const std::string& name,
             int k, float threshold) {
            return graph.metric(to_metric(kind, k, threshold), predictions, targets, name);
          },
          arg("kind"), arg("predictions"), arg("targets"), arg("name"), arg("k") = 1, arg("threshold") = 0.5f)
      .def("assign", &Graph::assign, arg("weight"), arg("value"))
      .def("conv", &conv, arg("src"), arg("filters"), arg("kernel_size"), arg("strides"), arg("padding"),
           arg("dilation"), arg("groups"), arg("use_bias"), arg("data_format"), arg("name"),
           arg("weights") = Weights())
      .def("depthwise_conv", &depthwise_conv, arg("src"), arg("depth_multiplier"), arg("kernel_size"),
           arg("strides"), arg("padding"), arg("dilation"), arg("use_bias"), arg("data_format"), arg("name"),
           arg("weights") = Weights())
      .def("conv_transpose", &conv_transpose, arg("src"), arg("filters"), arg("kernel_size"), arg("strides"),
           arg("padding"), arg("output_padding"), arg("dilation"), arg("groups"), arg("use_bias"),
           arg("data_format"), arg("name"), arg("weights") = Weights())
      .def("max_pool", &max_pool, arg("src"), arg("pool_size"), arg("strides"), arg("padding"),
           arg("ceil_mode"), arg("data_format"), arg("name"), arg("dilation") = py::none())
      .def("adaptive_pool", &adaptive_pool, arg("src"), arg("maximum"), arg("output_size"),
           arg("data_format"), arg("name"))
      .def("average_pool", &average_pool, arg("src"), arg("pool_size"), arg("strides"), arg("padding"),
           arg("ceil_mode"), arg("count_include_pad"), arg("data_format"), arg("name"))
      .def(
          "dense",
          [](Graph& graph, int src, int units, bool use_bias, const std::string& name,
             const Weights& weights) {
            return graph.dense(src, {units, use_bias}, name, weights);
          },
          arg("src"), arg("units"), arg("use_bias"), arg("name"), arg("weights") = Weights())
      .def(
          "flatten",
          [](Graph& graph, int src, const std::string& format, const std::string& name) {
            return graph.flatten(src, to_format(format), name);
          },
          arg("src"), arg("data_format"), arg("name"))
      .def("dropout", &Graph::dropout, arg("src"), arg("rate"), arg("name"))
      .def("add", &Graph::add, arg("srcs"), arg("name"))
      .def(
          "batch_norm",
          [](Graph& graph, int src, float momentum, float epsilon, bool scale, bool center,
             const std::string& data_format, const std::string& name, const Weights& weights, bool moving) {
            return graph.batch_norm(src, {momentum, epsilon, scale, center, moving}, to_format(data_format),
                                    name, weights);
          },
          arg("src"), arg("momentum"), arg("epsilon"), arg("scale"), arg("center"), arg("data_format"),
          arg("name"), arg("weights") = Weights(), arg("moving") = false)
      .def(
          "activation",
          [](Graph& graph, int src, const std::string& kind, const std::string& name) {
            return graph.activation(src, to_activation(kind), name);
          },
          arg("src"), arg("kind"), arg("name"))
      .def("formula", &formula, arg("op"), arg("operands"), arg("name"), arg("seed") = py::none())
      .def("matmul", &Graph::matmul, arg("a"), arg("b"), arg("name"))
      .def("gather", &Graph::gather, arg("src"), arg("indices"), arg("axis"), arg("name"))
      .def("gather_along", &Graph::gather_along, arg("src"), arg("indices"), arg("axis"), arg("name"))
      .def("order", &Graph::order, arg("src"), arg("count"), arg("descending"), arg("name"))
      .def(
          "shape", [](const Graph& graph, int value) { return py::tuple(py::cast(graph.node(value).dims)); },
          arg("value"))
      .def(
          "rows", [](const Graph& graph, int value) { return graph.node(value).rows; }, arg("value"))
      .def("maker", &maker, arg("value"))
      .def_property_readonly("size", [](const Graph& graph) { return graph.nodes().size(); })
      .def_property_readonly("inputs", &Graph::inputs)
      .def_property_readonly("weights", &Graph::weights)
      .def("multiply_adds", &Graph::multiply_adds, arg("value"));
  bind_moves(graph);
  bind_host(graph);
  bind_resize(graph);
}

}  // namespace cnnfast
