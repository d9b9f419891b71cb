// Describing a network: the shape rule of every layer, and its parameters.
#include "cnnfast/graph.h"

#include <algorithm>
#include <limits>

#include "cnnfast/error.h"
#include "kernels/kernel_table.h"

namespace cnnfast {

namespace {

// A program addresses a sample's plane with 32-bit offsets; 2^28 floats are one gigabyte of one sample.
constexpr int64_t kMaxElems = int64_t{1} << 28;

int64_t product(const Dims& dims) {
  int64_t n = 1;
  for (const int64_t d : dims) n *= d;
  return n;
}

Dims image_dims(const Image& image, DataFormat format) {
  if (format == DataFormat::channels_first) return {image.c, image.h, image.w};
  return {image.h, image.w, image.c};
}

struct Extent {  // one spatial axis
  int size, kernel, stride, dilation;
  int reach() const { return (kernel - 1) * dilation + 1; }
};

// "same" keeps ceil(size / stride) outputs and puts the odd cell of padding at the end, as Keras does.
void resolve_same(const Extent& e, int* before, int* after) {
  const int out = (e.size + e.stride - 1) / e.stride;
  const int total = std::max(0, (out - 1) * e.stride + e.reach() - e.size);
  *before = total / 2;
  *after = total - total / 2;
}

Padding resolve(const Padding& padding, const Extent& h, const Extent& w) {
  Padding p = padding;
  if (p.mode == PadMode::same) {
    resolve_same(h, &p.top, &p.bottom);
    resolve_same(w, &p.left, &p.right);
  }
  p.mode = PadMode::explicit_;
  return p;
}

int out_size(const std::string& name, const char* axis, const Extent& e, int before, int after,
             bool ceil_mode) {
  const int padded = e.size + before + after;
  if (e.reach() > padded) {
    fail(name, ": the window must not be larger than its input: ", axis, " is ", e.size, " plus ",
         before + after, " of padding, the window spans ", e.reach(), " (size ", e.kernel, ", dilation ",
         e.dilation, "). Use a smaller window, padding=\"same\" or a larger input.");
  }
  int out = (padded - e.reach()) / e.stride + 1;
  // A partial window counts, unless all of it would lie in the padding after the input.
  if (ceil_mode && (padded - e.reach()) % e.stride != 0 && out * e.stride < e.size + before) ++out;
  return out;
}

void check_positive(const std::string& name, const char* what, Pair p) {
  if (p.h < 1 || p.w < 1) fail(name, ": ", what, " must be at least 1, got (", p.h, ", ", p.w, ").");
}

void check_padding(const std::string& name, const Padding& p) {
  if (p.top < 0 || p.bottom < 0 || p.left < 0 || p.right < 0)
    fail(name, ": padding must not be negative, got ((", p.top, ", ", p.bottom, "), (", p.left, ", ", p.right,
         ")).");
}

}  // namespace

std::string to_string(const Dims& dims) {
  std::string text = "(";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + (dims.size() == 1 ? ",)" : ")");
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
  const auto at = [&](int i) { return static_cast<int>(dims[static_cast<size_t>(i)]); };
  if (format == DataFormat::channels_first) return {at(0), at(1), at(2)};
  return {at(2), at(0), at(1)};
}

int64_t Node::elems() const {
  return product(dims);
}
int64_t Parameter::size() const {
  return product(dims);
}

const Node& Graph::node(int value) const {
  if (value < 0 || value >= static_cast<int>(nodes_.size()))
    fail("there is no value ", value, " in this graph.");
  return nodes_[static_cast<size_t>(value)];
}

int Graph::push(Node node) {
  if (node.elems() > kMaxElems)
    fail(node.name, ": one sample's output ", to_string(node.dims), " has ", node.elems(),
         " elements; the limit is ", kMaxElems, ".");
  for (const int src : node.inputs) this->node(src);
  nodes_.push_back(std::move(node));
  return static_cast<int>(nodes_.size()) - 1;
}

int Graph::new_param(const std::string& name, const Dims& dims) {
  params_.push_back({name, dims, param_elems_});
  // Every parameter starts on a cache line, so that kernels may read whole vectors of a bias.
  param_elems_ += (params_.back().size() + kLanes - 1) / kLanes * kLanes;
  return static_cast<int>(params_.size()) - 1;
}

Image Graph::image_of(int src, DataFormat format, const std::string& name, const char* layer) const {
  Node view = node(src);
  if (view.dims.size() != 3)
    fail(name, ": ", layer,
         " needs images, (height, width, channels) or (channels, height, width) for one sample; got ",
         to_string(view.dims), ". Give the input a channel axis, for example x[..., None].");
  view.format = format;
  return view.image();
}

int Graph::input(const Dims& dims, const std::string& name) {
  if (dims.empty()) fail(name, ": an input needs at least one axis besides the batch, got ().");
  for (const int64_t d : dims) {
    if (d < 1 || d > std::numeric_limits<int32_t>::max())
      fail(name, ": every axis of an input must be at least 1, got ", to_string(dims), ".");
  }
  return push({.name = name, .attrs = InputAttrs{}, .inputs = {}, .dims = dims});
}

int Graph::conv2d(int src, const ConvAttrs& attrs, DataFormat format, const std::string& name) {
  const Image in = image_of(src, format, name, "Conv2D");
  check_positive(name, "kernel_size", attrs.kernel);
  check_positive(name, "strides", attrs.stride);
  check_positive(name, "dilation_rate", attrs.dilation);
  check_padding(name, attrs.padding);
  if (attrs.filters < 1) fail(name, ": filters must be at least 1, got ", attrs.filters, ".");
  if (attrs.groups < 1 || in.c % attrs.groups != 0 || attrs.filters % attrs.groups != 0)
    fail(name, ": groups must divide the input's channels and the filters; got groups=", attrs.groups, ", ",
         in.c, " channels and ", attrs.filters, " filters.");
  ConvAttrs a = attrs;
  const Extent h{in.h, a.kernel.h, a.stride.h, a.dilation.h}, w{in.w, a.kernel.w, a.stride.w, a.dilation.w};
  a.padding = resolve(a.padding, h, w);
  const Image out{a.filters, out_size(name, "height", h, a.padding.top, a.padding.bottom, false),
                  out_size(name, "width", w, a.padding.left, a.padding.right, false)};
  Node node{.name = name, .attrs = a, .inputs = {src}, .dims = image_dims(out, format), .format = format};
  node.params.push_back(new_param(name + "/kernel", {a.kernel.h, a.kernel.w, in.c / a.groups, a.filters}));
  if (a.use_bias) node.params.push_back(new_param(name + "/bias", {a.filters}));
  return push(std::move(node));
}

int Graph::pool2d(int src, const PoolAttrs& attrs, DataFormat format, const std::string& name) {
  const Image in = image_of(src, format, name, attrs.maximum ? "MaxPooling2D" : "AveragePooling2D");
  check_positive(name, "pool_size", attrs.window);
  check_positive(name, "strides", attrs.stride);
  check_padding(name, attrs.padding);
  if (attrs.window.h * static_cast<int64_t>(attrs.window.w) > 256)
    fail(name, ": a pooling window may have at most 256 cells, got ", attrs.window.h, " x ", attrs.window.w,
         ".");
  PoolAttrs a = attrs;
  const Extent h{in.h, a.window.h, a.stride.h, 1}, w{in.w, a.window.w, a.stride.w, 1};
  a.padding = resolve(a.padding, h, w);
  if (a.padding.top >= a.window.h || a.padding.bottom >= a.window.h || a.padding.left >= a.window.w ||
      a.padding.right >= a.window.w)
    fail(name, ": padding must be smaller than the window, or a window would see no input; got padding ((",
         a.padding.top, ", ", a.padding.bottom, "), (", a.padding.left, ", ", a.padding.right,
         ")) and pool_size (", a.window.h, ", ", a.window.w, ").");
  const Image out{in.c, out_size(name, "height", h, a.padding.top, a.padding.bottom, a.ceil_mode),
                  out_size(name, "width", w, a.padding.left, a.padding.right, a.ceil_mode)};
  return push({.name = name, .attrs = a, .inputs = {src}, .dims = image_dims(out, format), .format = format});
}

int Graph::dense(int src, const DenseAttrs& attrs, const std::string& name) {
  const Dims& in = node(src).dims;
  if (in.size() != 1)
    fail(name, ": Dense needs one axis of features a sample, got ", to_string(in),
         ". Put a Flatten before it.");
  if (attrs.units < 1) fail(name, ": units must be at least 1, got ", attrs.units, ".");
  Node made{.name = name, .attrs = attrs, .inputs = {src}, .dims = {attrs.units}};
  made.params.push_back(new_param(name + "/kernel", {in[0], attrs.units}));
  if (attrs.use_bias) made.params.push_back(new_param(name + "/bias", {attrs.units}));
  return push(std::move(made));
}

int Graph::flatten(int src, DataFormat format, const std::string& name) {
  const Node& in = node(src);
  const bool turn = format == DataFormat::channels_first && in.dims.size() == 3;
  return push({.name = name, .attrs = FlattenAttrs{turn}, .inputs = {src}, .dims = {in.elems()}});
}

int Graph::dropout(int src, float rate, const std::string& name) {
  if (!(rate >= 0.0f && rate < 1.0f)) fail(name, ": rate must be in [0, 1), got ", rate, ".");
  const Node& in = node(src);
  return push({.name = name,
               .attrs = DropoutAttrs{rate, dropouts_++},
               .inputs = {src},
               .dims = in.dims,
               .format = in.format});
}

int Graph::add(const std::vector<int>& srcs, const std::string& name) {
  if (srcs.size() < 2) fail(name, ": Add needs at least two inputs, got ", srcs.size(), ".");
  const Dims dims = node(srcs[0]).dims;
  DataFormat format = node(srcs[0]).format;
  bool decided = false;  // an input has the format of whoever reads it
  for (const int src : srcs) {
    const Node& operand = node(src);
    if (operand.dims != dims)
      fail(name, ": Add needs inputs of one shape, got ", to_string(dims), " and ", to_string(operand.dims),
           ".");
    if (dims.size() != 3 || operand.as<InputAttrs>()) continue;
    if (decided && operand.format != format)
      fail(name, ": Add needs inputs of one data_format, got channels_last and channels_first.");
    format = operand.format;
    decided = true;
  }
  return push({.name = name, .attrs = AddAttrs{}, .inputs = srcs, .dims = dims, .format = format});
}

int Graph::activation(int src, ActivationKind kind, const std::string& name) {
  const Node& in = node(src);
  return push(
      {.name = name, .attrs = ActivationAttrs{kind}, .inputs = {src}, .dims = in.dims, .format = in.format});
}

int64_t Graph::multiply_adds(int value) const {
  const Node& made = node(value);
  if (const auto* conv = made.as<ConvAttrs>()) {
    const Dims& kernel = params_[static_cast<size_t>(made.params[0])].dims;
    return made.elems() * conv->kernel.h * conv->kernel.w * kernel[2];
  }
  if (made.as<DenseAttrs>()) return params_[static_cast<size_t>(made.params[0])].size();
  return 0;
}

}  // namespace cnnfast
