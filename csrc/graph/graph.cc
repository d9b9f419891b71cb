// Describing a network: the shape rule of every layer, and its parameters.
#include "cnnfast/graph.h"

#include <algorithm>

#include "cnnfast/error.h"
#include "core/sizes.h"
#include "graph/checks.h"
#include "graph/window.h"
#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

// The axes that there are, outermost first.
Dims spatial_dims(const Spatial& s, int rank) {
  const Dims all{s.d, s.h, s.w};
  return {all.end() - rank, all.end()};
}

Dims image_dims(const Image& image, int rank, DataFormat format) {
  Dims dims = spatial_dims({image.h, image.w, image.d}, rank);
  dims.insert(format == DataFormat::channels_first ? dims.begin() : dims.end(), image.c);
  return dims;
}

const char* width_name(int rank) {
  return rank == 1 ? "length" : "width";
}

std::string layer_kind(const ConvAttrs& a) {
  return "Conv" + std::to_string(a.rank) + (a.transposed ? "DTranspose" : "D");
}

void check_rank(const std::string& name, int rank, int most) {
  if (rank < 1 || rank > most) fail(name, ": there may be 1 to ", most, " spatial axes, got ", rank, ".");
}

// One number an axis; axes that are not there keep `idle`.
void check_axes(const std::string& name, const char* what, const Spatial& numbers, int rank, int least,
                int idle) {
  const Dims own = spatial_dims(numbers, rank);
  for (const int64_t number : own) {
    if (number < least) fail(name, ": ", what, " must be at least ", least, ", got ", to_string(own), ".");
    checked_size(number, kMostOfSample, name, ": ", what);
  }
  if ((rank < 3 && numbers.d != idle) || (rank < 2 && numbers.h != idle))
    fail(name, ": ", what, " must be ", idle, " for axes that are not there; got ",
         to_string(spatial_dims(numbers, 3)), " for depth, height and width.");
}

void check_window(const std::string& name, const char* size_name, const Spatial& size, const Spatial& stride,
                  const Padding& p, int rank) {
  check_axes(name, size_name, size, rank, 1, 1);
  check_axes(name, "strides", stride, rank, 1, 1);
  check_axes(name, "padding", {p.top, p.left, p.front}, rank, 0, 0);
  check_axes(name, "padding", {p.bottom, p.right, p.back}, rank, 0, 0);
}

void check_groups(const std::string& name, const ConvAttrs& a, int channels) {
  if (a.filters < 1) fail(name, ": filters must be at least 1, got ", a.filters, ".");
  if (a.groups < 1 || channels % a.groups != 0 || a.filters % a.groups != 0)
    fail(name, ": groups must divide the input's channels and the filters; got groups=", a.groups, ", ",
         channels, " channels and ", a.filters, " filters.");
}

// What kernels and tables of taps count in 32 bits.
void check_taps(const ConvProblem& p, const std::string& name) {
  const std::string kernel = to_string(spatial_dims(p.a.kernel, p.a.rank));
  checked_size(product(Dims{p.a.kernel.d, p.a.kernel.h, p.a.kernel.w, std::max(p.ic(), p.oc())}),
               kMostOfSample, name, ": positions of a kernel ", kernel, " times a group's channels");
  checked_size(count_taps(p.axes()), kMostTaps, name, ": positions of a kernel ", kernel,
               " in all parts of the image that see different ones");
}

// Resolves the padding of one axis of a convolution. Returns how many outputs it has.
int conv_outputs(const std::string& name, const ConvAttrs& a, const Extent& e, int output_padding,
                 int* before, int* after) {
  if (a.transposed) {
    const TransposedOutputs out =
        transposed_outputs(name, e, a.padding.mode, {*before, *after}, output_padding);
    *before = out.cut.before, *after = out.cut.after;
    return out.size;
  }
  if (a.padding.mode == PadMode::same) {
    const Sides sides = same_padding(name, e);
    *before = sides.before, *after = sides.after;
  }
  return window_outputs(name, e, {*before, *after}, false);
}

// The same for one axis of a pooling.
int pool_outputs(const std::string& name, const PoolAttrs& a, const Extent& e, int* before, int* after) {
  if (a.padding.mode == PadMode::same) {
    const Sides sides = same_padding(name, e);
    *before = sides.before, *after = sides.after;
  }
  const int outputs = window_outputs(name, e, {*before, *after}, a.ceil_mode);
  if (!all_windows_see_input(e, *before, outputs))
    fail(name, ": padding must be smaller than the window, or a window would see no input; along the ",
         e.axis, " got padding (", *before, ", ", *after, "), pool_size ", e.kernel, " and dilation ",
         e.dilation, ".");
  return outputs;
}

// Most cells in one of so many parts of an axis, as adaptive pooling cuts it.
int part_of(int size, int parts) {
  return size % parts == 0 ? size / parts : std::min(size, size / parts + 2);
}

void check_elems(const Node& node) {
  checked_size(node.elems(), kMostOfSample, node.name, ": the number of elements of one sample's output ",
               to_string(node.dims));
}

}  // namespace

std::string to_string(const Dims& dims) {
  std::string text = "(";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + (dims.size() == 1 ? ",)" : ")");
}

std::string to_string(DataFormat format) {
  return format == DataFormat::channels_last ? "channels_last" : "channels_first";
}

Activation kernel_activation(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::relu:
      return Activation::relu;
    case ActivationKind::tanh:
      return Activation::tanh;
    case ActivationKind::sigmoid:
      return Activation::sigmoid;
    case ActivationKind::linear:
    case ActivationKind::softmax:
      break;
  }
  return Activation::none;
}

Image Node::image() const {
  const int rank = static_cast<int>(dims.size()) - 1, first = format == DataFormat::channels_first ? 1 : 0;
  const auto at = [&](int i) { return static_cast<int>(dims[static_cast<size_t>(i)]); };
  const auto axis = [&](int from_last) { return from_last <= rank ? at(first + rank - from_last) : 1; };
  return {first ? at(0) : at(rank), axis(2), axis(1), axis(3)};
}

int64_t Node::elems() const {
  return product(dims);
}

const Node& Graph::node(int value) const {
  if (value < 0 || value >= static_cast<int>(nodes_.size()))
    fail("there is no value ", value, " in this graph.");
  return nodes_[static_cast<size_t>(value)];
}

int Graph::push(Node node) {
  check_elems(node);
  for (const int src : node.inputs) this->node(src);
  const std::string given = node.name;
  int& number = names_[given];  // kept, so that each is tried once
  for (++number; number > 1; ++number) {
    node.name = given + " (" + std::to_string(number) + ")";
    if (names_.try_emplace(node.name, 1).second) break;
  }
  nodes_.push_back(std::move(node));
  return static_cast<int>(nodes_.size()) - 1;
}

int Graph::use(const WeightPtr& weight) {
  const int position = static_cast<int>(params_.size());
  const int first = first_uses_.try_emplace(weight.get(), position).first->second;
  int64_t& end = first == position ? weight_elems_ : repeated_elems_;
  params_.push_back({weight, first, end});
  end += ceil_div(weight->size(), kLanes) * kLanes;
  return position;
}

void Graph::check_room(const std::string& what, int64_t floats) const {
  checked_size(sum(floats, weight_elems_ + repeated_elems_), kMostFloats, what, " the number of all weights");
}

std::vector<Graph::Needed> Graph::kernel_and_bias(const Dims& kernel, int biases) {
  std::vector<Needed> needed{{"kernel", kernel, Initializer::glorot_uniform}};
  if (biases > 0) needed.push_back({"bias", {biases}, Initializer::zeros});
  return needed;
}

std::vector<int> Graph::bind(const std::string& name, const Weights& weights,
                             const std::vector<Needed>& needed) {
  int64_t floats = 0;
  for (const Needed& one : needed) floats = sum(floats, product(one.dims));
  check_room(name + ": with a " + needed[0].kind + " of shape " + to_string(needed[0].dims), floats);
  if (!weights.empty() && weights.size() != needed.size())
    fail(name, ": the layer has ", needed.size(), " arrays of weights, got ", weights.size(), ".");
  Weights bound = weights;
  for (size_t i = 0; i < needed.size(); ++i) {
    const auto& [kind, dims, begins, trainable] = needed[i];
    if (weights.empty()) {
      const uint64_t number = first_uses_.size() + i + 1;
      bound.push_back(std::make_shared<Weight>(name + "/" + kind, dims, begins, seed_ ^ (number << 32)));
      bound[i]->set_trainable(trainable);
    }
    if (!bound[i]) fail(name, ": its ", kind, " is null.");
    if (bound[i]->dims() != dims)
      fail(name, ": its ", kind, " has shape ", to_string(bound[i]->dims()),
           " from its first use, but here it needs ", to_string(dims), "; make a new layer.");
  }
  std::vector<int> positions;
  for (const WeightPtr& weight : bound) positions.push_back(use(weight));
  return positions;
}

Weights Graph::weights() const {
  Weights all;
  for (size_t i = 0; i < params_.size(); ++i)
    if (params_[i].first == static_cast<int>(i)) all.push_back(params_[i].weight);
  return all;
}

int64_t Graph::offset(int position) const {
  const Parameter& p = params_[static_cast<size_t>(position)];
  return p.first == position ? p.offset : weight_elems_ + p.offset;
}

Image Graph::image_of(int src, int rank, DataFormat format, const std::string& name,
                      const char* layer) const {
  check_rank(name, rank, 3);
  static const char* const wanted[] = {
      "sequences, (steps, channels) or (channels, steps)",
      "images, (height, width, channels) or (channels, height, width)",
      "volumes, (depth, height, width, channels) or (channels, depth, height, width)"};
  Node view = node(src);
  if (view.dims.size() != static_cast<size_t>(rank) + 1)
    fail(name, ": ", layer, " needs ", wanted[rank - 1], " for one sample; got ", to_string(view.dims),
         ". Give the input a channel axis, for example x[..., None].");
  view.format = format;
  return view.image();
}

int Graph::input(const Dims& dims, const std::string& name, int rows) {
  for (const int64_t d : dims)
    if (d < 1) fail(name, ": every axis of an input must be at least 1, got ", to_string(dims), ".");
  if (rows < 0) fail(name, ": rows must not be negative, got ", rows, ".");
  const int number = static_cast<int>(inputs_.size());
  inputs_.push_back(
      push({.name = name, .attrs = InputAttrs{number}, .inputs = {}, .dims = dims, .rows = rows}));
  return inputs_.back();
}

bool moves_params(const Node& node) {
  const auto* weight = node.as<WeightAttrs>();
  return !(weight && weight->updated) && !node.as<GradientAttrs>() && !node.as<AssignAttrs>();
}

int Graph::push_weight(const WeightPtr& weight, Attrs attrs, const char* suffix) {
  if (!weight) fail("a weight that is to be a value is null.");
  Node made{.name = weight->name() + suffix,
            .attrs = std::move(attrs),
            .inputs = {},
            .dims = weight->dims(),
            .rows = 0};
  check_elems(made);
  const auto known = first_uses_.find(weight.get());
  if (known != first_uses_.end() && !moves_params(made)) {
    made.params = {known->second};
  } else {
    check_room(weight->name(), weight->size());
    made.params = {use(weight)};
  }
  return push(std::move(made));
}

int Graph::weight(const WeightPtr& weight) {
  return push_weight(weight, WeightAttrs{}, "");
}

int Graph::updated_weight(const WeightPtr& weight) {
  return push_weight(weight, WeightAttrs{.updated = true}, "/updated");
}

int Graph::gradient(const WeightPtr& weight) {
  if (weight && !first_uses_.count(weight.get()))
    fail(weight->name(), " has no gradient in this graph, which does not use it.");
  return push_weight(weight, GradientAttrs{}, "/gradient");
}

int Graph::constant(const Dims& dims, std::vector<float> values, const std::string& name) {
  if (product(dims) != static_cast<int64_t>(values.size()))
    fail(name, ": a constant of shape ", to_string(dims), " needs ", product(dims), " values, got ",
         values.size(), ".");
  return push({.name = name,
               .attrs = ConstantAttrs{std::make_shared<const std::vector<float>>(std::move(values))},
               .inputs = {},
               .dims = dims,
               .rows = 0});
}

int Graph::reshape(int src, const Dims& dims, int rows, const std::string& name) {
  const Node& in = node(src);
  const auto numbers = [](const Dims& d, int r) { return product(product(d), std::max(r, 1)); };
  if (rows < 0 || (rows == 0) != (in.rows == 0) || numbers(dims, rows) != numbers(in.dims, in.rows))
    fail(name, ": ", to_string(in.dims), ", ", in.rows, " rows a sample, cannot become ", to_string(dims),
         ", ", rows, " rows a sample: the numbers must be as many.");
  return push({.name = name, .attrs = ReshapeAttrs{}, .inputs = {src}, .dims = dims, .rows = rows});
}

int Graph::stop_gradient(int src, const std::string& name) {
  const Node& in = node(src);
  return push({.name = name,
               .attrs = ReshapeAttrs{},
               .inputs = {src},
               .dims = in.dims,
               .rows = in.rows,
               .stops_gradient = true});
}

int Graph::conv(int src, const ConvAttrs& attrs, DataFormat format, const std::string& name,
                const Weights& weights) {
  return push_conv(src, attrs, 0, format, name, weights);
}

// With a multiplier the kernel's last dims are (channels, multiplier).
int Graph::push_conv(int src, ConvAttrs a, int multiplier, DataFormat format, const std::string& name,
                     const Weights& weights) {
  const Image in = image_of(src, a.rank, format, name, layer_kind(a).c_str());
  check_window(name, "kernel_size", a.kernel, a.stride, a.padding, a.rank);
  check_axes(name, "dilation_rate", a.dilation, a.rank, 1, 1);
  check_groups(name, a, in.c);
  Padding& p = a.padding;
  const auto outputs = [&](const char* axis, int size, int Spatial::*at, int* before, int* after) {
    return conv_outputs(name, a, {axis, size, a.kernel.*at, a.stride.*at, a.dilation.*at},
                        a.output_padding.*at, before, after);
  };
  const int h = outputs("height", in.h, &Spatial::h, &p.top, &p.bottom);
  const int w = outputs(width_name(a.rank), in.w, &Spatial::w, &p.left, &p.right);
  const int d = outputs("depth", in.d, &Spatial::d, &p.front, &p.back);
  p.mode = PadMode::explicit_;
  Node node{.name = name,
            .attrs = a,
            .inputs = {src},
            .dims = image_dims({a.filters, h, w, d}, a.rank, format),
            .rows = this->node(src).rows,
            .format = format,
            .decider = static_cast<int>(nodes_.size())};
  Dims kernel = spatial_dims(a.kernel, a.rank);
  kernel.push_back(multiplier > 0 ? in.c : (a.transposed ? a.filters : in.c) / a.groups);
  kernel.push_back(multiplier > 0 ? multiplier : a.transposed ? in.c : a.filters);
  check_elems(node);
  check_taps(conv_problem(this->node(src), node, 1), name);
  node.params = bind(name, weights, kernel_and_bias(kernel, a.use_bias ? a.filters : 0));
  return push(std::move(node));
}

int Graph::depthwise_conv(int src, ConvAttrs attrs, int multiplier, DataFormat format,
                          const std::string& name, const Weights& weights) {
  const int channels = image_of(src, attrs.rank, format, name, ("Depthwise" + layer_kind(attrs)).c_str()).c;
  if (multiplier < 1) fail(name, ": depth_multiplier must be at least 1, got ", multiplier, ".");
  const int64_t filters = product(channels, multiplier);
  attrs.filters = static_cast<int>(checked_size(filters, kMostOfSample, name, ": depth_multiplier ",
                                                multiplier, " times ", channels, " channels"));
  attrs.groups = channels;
  return push_conv(src, attrs, multiplier, format, name, weights);
}

int Graph::pool(int src, const PoolAttrs& attrs, DataFormat format, const std::string& name) {
  const std::string kind = std::string(attrs.maximum ? "Max" : "Average") + "Pooling";
  check_rank(name, attrs.rank, 3);
  const Image in = image_of(src, attrs.rank, format, name, (kind + std::to_string(attrs.rank) + "D").c_str());
  PoolAttrs a = attrs;
  if (a.adaptive()) {
    check_axes(name, "output_size", a.outputs, a.rank, 1, 1);
    a.window = {part_of(in.h, a.outputs.h), part_of(in.w, a.outputs.w), part_of(in.d, a.outputs.d)};
    a.stride = {1, 1};
  }
  check_window(name, "pool_size", a.window, a.stride, a.padding, a.rank);
  check_axes(name, "dilation_rate", a.dilation, a.rank, 1, 1);
  if (!a.maximum && product(spatial_dims(a.dilation, 3)) != 1)
    fail(name, ": only the windows of a maximum may be dilated.");
  checked_size(product(spatial_dims(a.window, 3)), kMostOfSample, name, ": cells of a pooling window");
  Padding& p = a.padding;
  const auto outputs = [&](const char* axis, int size, int Spatial::*at, int* before, int* after) {
    if (a.adaptive()) return a.outputs.*at;
    return pool_outputs(name, a, {axis, size, a.window.*at, a.stride.*at, a.dilation.*at}, before, after);
  };
  const int h = outputs("height", in.h, &Spatial::h, &p.top, &p.bottom);
  const int w = outputs(width_name(a.rank), in.w, &Spatial::w, &p.left, &p.right);
  const int d = outputs("depth", in.d, &Spatial::d, &p.front, &p.back);
  p.mode = PadMode::explicit_;
  return push({.name = name,
               .attrs = a,
               .inputs = {src},
               .dims = image_dims({in.c, h, w, d}, a.rank, format),
               .rows = node(src).rows,
               .format = format,
               .decider = static_cast<int>(nodes_.size())});
}

int Graph::dense(int src, const DenseAttrs& attrs, const std::string& name, const Weights& weights) {
  const Dims& in = node(src).dims;
  if (in.empty()) fail(name, ": Dense needs an axis of features, got one number a row.");
  if (attrs.units < 1) fail(name, ": units must be at least 1, got ", attrs.units, ".");
  Node made{.name = name, .attrs = attrs, .inputs = {src}, .dims = in, .rows = node(src).rows};
  made.dims.back() = attrs.units;
  check_elems(made);
  made.params =
      bind(name, weights, kernel_and_bias({in.back(), attrs.units}, attrs.use_bias ? attrs.units : 0));
  return push(std::move(made));
}

int Graph::flatten(int src, DataFormat format, const std::string& name) {
  const Node& in = node(src);
  const bool turn = format == DataFormat::channels_first && in.has_channels();
  return push(
      {.name = name, .attrs = FlattenAttrs{turn}, .inputs = {src}, .dims = {in.elems()}, .rows = in.rows});
}

int Graph::dropout(int src, float rate, const std::string& name) {
  if (!(rate >= 0.0f && rate < 1.0f)) fail(name, ": rate must be in [0, 1), got ", rate, ".");
  const Node& in = node(src);
  return push({.name = name,
               .attrs = DropoutAttrs{rate, dropouts_++},
               .inputs = {src},
               .dims = in.dims,
               .rows = in.rows,
               .format = in.format,
               .decider = in.decider});
}

int Graph::add(const std::vector<int>& srcs, const std::string& name) {
  if (srcs.size() < 2) fail(name, ": Add needs at least two inputs, got ", srcs.size(), ".");
  const Node& like = node(srcs[0]);
  Node made{.name = name, .attrs = AddAttrs{}, .inputs = srcs, .dims = like.dims, .rows = like.rows};
  for (const int src : srcs) {
    const Node& operand = node(src);
    if (operand.rows != made.rows)
      fail(name, ": Add needs inputs of as many rows a sample, got ", made.rows, " and ", operand.rows, ".");
    if (operand.dims != made.dims)
      fail(name, ": Add needs inputs of one shape, got ", to_string(made.dims), " and ",
           to_string(operand.dims), ".");
    if (operand.decider < 0) continue;
    if (made.decider >= 0 && operand.format != made.format)
      fail(name, ": Add needs inputs of one data_format, got ", to_string(made.format), " from ",
           node(made.decider).name, " and ", to_string(operand.format), " from ", node(operand.decider).name,
           ". Give both layers the same data_format.");
    made.format = operand.format, made.decider = operand.decider;
  }
  return push(std::move(made));
}

int Graph::batch_norm(int src, const BatchNormAttrs& attrs, DataFormat format, const std::string& name,
                      const Weights& weights) {
  const Node& in = node(src);
  if (in.dims.empty() || in.dims.size() > 4)
    fail(name, ": batch normalization needs one to four axes a sample, got ", to_string(in.dims), ".");
  if (!(attrs.epsilon >= 0)) fail(name, ": epsilon must be at least 0, got ", attrs.epsilon, ".");
  if (!(attrs.momentum >= 0 && attrs.momentum <= 1))
    fail(name, ": momentum must be in [0, 1], got ", attrs.momentum, ".");
  Node made{.name = name,
            .attrs = attrs,
            .inputs = {src},
            .dims = in.dims,
            .rows = in.rows,
            .format = format,
            .decider = in.has_channels() ? static_cast<int>(nodes_.size()) : -1};
  const Dims channels{format == DataFormat::channels_first ? in.dims.front() : in.dims.back()};
  std::vector<Needed> needed;
  if (attrs.scale) needed.push_back({"gamma", channels, Initializer::ones});
  if (attrs.center) needed.push_back({"beta", channels, Initializer::zeros});
  needed.push_back({"moving_mean", channels, Initializer::zeros, false});
  needed.push_back({"moving_variance", channels, Initializer::ones, false});
  made.params = bind(name, weights, needed);
  assigned_params_.insert(assigned_params_.end(), made.params.end() - 2, made.params.end());
  return push(std::move(made));
}

int Graph::activation(int src, ActivationKind kind, const std::string& name) {
  const Node& in = node(src);
  if (kind == ActivationKind::softmax && in.dims.empty())
    fail(name, ": a softmax needs an axis to run along, got one number a row.");
  return push({.name = name,
               .attrs = ActivationAttrs{kind},
               .inputs = {src},
               .dims = in.dims,
               .rows = in.rows,
               .format = in.format,
               .decider = in.decider});
}

// Whether the targets are class numbers; refuses what does not fit.
bool Graph::compares_labels(const std::string& name, int predictions, int targets) const {
  const Node &out = node(predictions), &target = node(targets);
  if (out.dims.empty()) fail(name, ": the predictions need at least one axis besides the batch, got ().");
  const Dims vectors(out.dims.begin(), out.dims.end() - 1);
  if (out.rows != target.rows || (target.dims != out.dims && target.dims != vectors))
    fail(name, ": targets must have the predictions' shape ", to_string(out.dims), ", or ",
         to_string(vectors), " for class numbers, and as many rows; got ", to_string(target.dims), ".");
  return target.dims == vectors;
}

int Graph::loss(LossKind kind, int predictions, int targets, bool from_logits, const std::string& name,
                int weights) {
  const Node& out = node(predictions);
  const bool labels = compares_labels(name, predictions, targets);
  const bool softmax = kind == LossKind::softmax_cross_entropy;
  if (labels && !softmax)
    fail(name, " needs targets of the predictions' shape ", to_string(out.dims), ", got class numbers.");
  if (labels && out.dims.back() < 2)
    fail(name, " needs at least two classes, the network has ", out.dims.back(),
         " output. Use binary_crossentropy for a single unit.");
  const auto* activation = out.as<ActivationAttrs>();
  const ActivationKind wanted = softmax ? ActivationKind::softmax : ActivationKind::sigmoid;
  if (kind != LossKind::squared_error && !from_logits && (!activation || activation->kind != wanted))
    fail(name, " needs probabilities: end the network with a ", softmax ? "softmax" : "sigmoid",
         " activation, or pass from_logits=True for a network that ends without one.");
  Node made{.name = name,
            .attrs = LossAttrs{kind, from_logits, labels},
            .inputs = {predictions, targets},
            .dims = {out.dims.begin(), out.dims.end() - 1},
            .rows = out.rows};
  if (weights >= 0) {
    const Node& factors = node(weights);
    if (factors.rows != out.rows || (!factors.dims.empty() && factors.dims != made.dims))
      fail(name, ": weights must be one number a row, or of the losses' shape ", to_string(made.dims),
           "; got ", to_string(factors.dims), ".");
    made.inputs.push_back(weights);
  }
  return push(std::move(made));
}

int Graph::metric(const Metric& metric, int predictions, int targets, const std::string& name) {
  check_metric(metric);
  const bool labels = compares_labels(name, predictions, targets);
  const Node& out = node(predictions);
  return push({.name = name,
               .attrs = MetricAttrs{metric, labels},
               .inputs = {predictions, targets},
               .dims = {out.dims.begin(), out.dims.end() - 1},
               .rows = out.rows});
}

void Graph::assign(const WeightPtr& weight, int value) {
  if (!weight) fail("a weight that is to be assigned is null.");
  const Node& from = node(value);
  if (from.rows != 0 || from.dims != weight->dims())
    fail(weight->name(), " has shape ", to_string(weight->dims()),
         " and takes one value for the whole batch, got ", to_string(from.dims), ", ", from.rows,
         " rows a sample.");
  check_room(weight->name(), weight->size());
  const int position = use(weight);
  assigned_params_.push_back(position);
  assignments_.push_back(push({.name = weight->name() + "/assign",
                               .attrs = AssignAttrs{},
                               .inputs = {value},
                               .dims = from.dims,
                               .rows = 0,
                               .params = {position}}));
}

int64_t Graph::multiply_adds(int value) const {
  const Node& made = node(value);
  const int64_t rows = std::max(made.rows, 1);
  if (const auto* conv = made.as<ConvAttrs>()) {
    const Node& outer = conv->transposed ? node(made.inputs[0]) : made;
    Node inner = conv->transposed ? made : node(made.inputs[0]);
    inner.format = made.format;
    const Spatial& k = conv->kernel;
    return product(Dims{outer.elems(), k.d, k.h, k.w, inner.image().c / conv->groups, rows});
  }
  if (made.as<DenseAttrs>() || made.as<MatmulAttrs>())
    return product(Dims{node(made.inputs[0]).dims.back(), made.elems(), rows});
  return 0;
}

}  // namespace cnnfast
