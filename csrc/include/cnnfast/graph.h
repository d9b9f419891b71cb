// A network as its author describes it: numbered nodes with static shapes. Shape rules are enforced here, so
// a mistake is reported when the network is described and names the layer, the rule, what came and what to
// change.
//
// Not thread safe while being built; a finished graph may be read from any thread.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cnnfast/activation.h"
#include "cnnfast/dims.h"
#include "cnnfast/formula.h"
#include "cnnfast/reduction.h"
#include "cnnfast/weight.h"
#include "cnnfast/window_pool.h"

namespace cnnfast {

enum class DataFormat { channels_last, channels_first };
std::string to_string(DataFormat format);

// An image's extents, whatever the order of its axes. A sequence is one of height 1; only a volume has depth.
struct Image {
  int c, h, w;
  int d = 1;
  int64_t pixels() const { return int64_t{d} * h * w; }
};

// One number for each spatial axis; axes that are not there keep the number that changes nothing.
struct Spatial {
  int h, w, d = 1;
};

enum class PadMode { valid, same, explicit_ };
struct Padding {
  PadMode mode = PadMode::valid;
  int top = 0, bottom = 0, left = 0, right = 0, front = 0, back = 0;  // explicit only
};

// Of each channel by its mean and variance over batch and pixels; in prediction, and in training if both
// gamma and beta are frozen, by the moving ones, which follow in training: momentum * old + (1 - momentum) *
// new.
struct BatchNormAttrs {
  float momentum = 0.99f, epsilon = 1e-3f;
  bool scale = true, center = true;  // whether there are gamma and beta
  bool moving = false;               // by the moving ones in training, too
};

// A transposed convolution is the backward-data of its mirror image, the convolution from its output to its
// input. Kernel, stride, padding and dilation are those of the mirror image, and so is the kernel's shape:
// (..., filters / groups, channels).
struct ConvAttrs {
  int filters;
  Spatial kernel, stride = {1, 1};
  Padding padding = {};  // resolved to explicit amounts once the source is known
  Spatial dilation = {1, 1};
  int groups = 1;
  bool use_bias = true;
  int rank = 2;  // spatial axes: 1, 2 or 3
  bool transposed = false;
  Spatial output_padding = {-1, -1, -1};    // transposed only; below 0: whatever the padding's name implies
  WindowPool pool = WindowPool::none;       // fused
  std::optional<BatchNormAttrs> norm = {};  // folded in: its parameters follow the node's own
  std::string algorithm = {};               // its name; chosen by a pass
  std::string weights_algorithm = {};       // of the gradient of its weights, likewise
};

struct PoolAttrs {
  bool maximum;
  Spatial window, stride;
  Padding padding = {};
  bool ceil_mode = false;
  bool count_padding = false;
  int rank = 2;                 // spatial axes: 1, 2 or 3
  Spatial dilation = {1, 1};    // of a maximum
  Spatial outputs = {0, 0, 0};  // of an adaptive pooling, from which its windows follow; 0: it is none
  bool adaptive() const { return outputs.h != 0 || outputs.w != 0; }
  int64_t cells() const { return int64_t{window.d} * window.h * window.w; }
};

struct DenseAttrs {
  int units;
  bool use_bias = true;
};

struct FlattenAttrs {
  bool channels_last_order;  // channels_first images are turned to channels_last before they are flattened
};

struct DropoutAttrs {
  float rate;
  uint32_t layer;  // numbers the dropouts and random streams of a graph: the generator's key must not depend
                   // on passes
};

enum class ActivationKind { linear, relu, tanh, sigmoid, softmax };
Activation kernel_activation(ActivationKind kind);  // none for linear, and for softmax, which no epilogue has
struct ActivationAttrs {
  ActivationKind kind;
};

// A range of cells of an output along one axis, and the cells of the source that it takes, along one of its
// axes; -1 takes one cell again and again.
struct MoveAxis {
  int64_t begin, step, count;
  int from;
  int64_t src_begin, src_step;
};

// A box of cells that are copied from one input.
struct MovePiece {
  int input;
  std::vector<MoveAxis> axes;  // of the output
};

// What is put together of pieces of other values; cells that none of them reaches hold `fill`. Pieces do not
// overlap in the output.
struct MoveAttrs {
  std::vector<MovePiece> pieces;
  float fill = 0;
};

enum class PadFill { constant, reflect, replicate, circular };
// Which channels lie side by side where squares of cells are channels, by ONNX's names: those of a cell, as
// Keras has it, or the cells of a channel, as PyTorch.
enum class DepthOrder { dcr, crd };
struct Range {
  int64_t begin, step, count;  // a step below 0 goes back
};

enum class Layout { plain, blocked, lanes };  // the user's order; nchw16c; chwn16
struct ReorderAttrs {
  Layout to;
};

struct InputAttrs {
  int number;  // of the graph's inputs
};
// The node's only parameter, as a value: as the step finds it, or as the update leaves it.
struct WeightAttrs {
  bool updated = false;
};
struct GradientAttrs {};  // the gradient of the node's only parameter, as the update takes it
struct ConstantAttrs {
  std::shared_ptr<const std::vector<float>> values;
};
struct ReshapeAttrs {};
struct AddAttrs {};

// Of each vector along the last axis of the predictions, against a class number or a vector of the same
// length: -sum_c t_c log softmax(z)_c; the mean over c of the same for sigmoids; the mean of squares.
enum class LossKind { softmax_cross_entropy, sigmoid_cross_entropy, squared_error };
struct LossAttrs {
  LossKind kind;
  bool logits;  // the predictions are logits. Otherwise they are what their activation makes of logits
  bool labels;  // the targets are class numbers
};

// By Keras's definitions: accuracy, whether the largest output is the true class's; equal, the share of
// outputs that are their targets.
enum class MetricKind { accuracy, binary_accuracy, top_k, equal, mean_squared_error, mean_absolute_error };
struct Metric {
  MetricKind kind;
  int k = 1;               // top_k
  float threshold = 0.5f;  // binary_accuracy: larger outputs are ones
};
struct MetricAttrs {
  Metric metric;
  bool labels;
};

struct FormulaAttrs {
  Formula formula;  // of one output
};

// Of axes [first, last) of a row, which become one number; from -1 on those of all rows of the batch, too.
struct ReduceAttrs {
  Reduction kind;
  int first, last;
};

struct MatmulAttrs {};

// Cells of the first input along one of its axes, told by the second one.
struct GatherAttrs {
  int axis;
  bool along;  // there is a cell for each cell beside it; else whole slices are taken
};

struct OrderAttrs {
  bool descending;
};

// What is not the core's, such as a user's function in Python: of whole values in the user's order, n samples
// each where they have rows. One thread calls it, any; it may not throw, nor use networks or weights, and
// what is null is not wanted. Where it returns false the run ends, nothing has changed, and `fail` throws
// why.
class HostFunction {
 public:
  virtual ~HostFunction() = default;
  virtual bool forward(int n, const float* const* srcs, float* dst) = 0;
  virtual bool backward(int n, const float* const* srcs, const float* dst, const float* grad_dst,
                        float* const* grad_srcs) = 0;
  [[noreturn]] virtual void fail() = 0;
};
struct HostAttrs {
  std::shared_ptr<HostFunction> function;
};

// What cells between others are made of. Cubic is Keys's kernel; lanczos3 and lanczos5 see that many cells to
// either side.
enum class Interpolation { nearest, linear, cubic, lanczos3, lanczos5 };
// Where the centres of an axis's cells lie in one of another size, by ONNX's names.
enum class Coordinates { half_pixel, align_corners, asymmetric };
struct Resizing {
  Interpolation interpolation = Interpolation::linear;
  Coordinates coordinates = Coordinates::half_pixel;
  bool antialias = false;  // smaller sizes take all cells that they stand for into account; not nearest
  float cubic = -0.5f;     // the parameter of Keys's kernel: Keras's; PyTorch's is -0.75
  bool repeats = false;    // cells beyond the border are its last cell; else they do not count
  double step = 0;         // cells of the source that one of the target stands for; 0: the ratio of the sizes
};
struct ResizeAttrs {
  int axis;
  Resizing how;
};

// What lies beyond the border, by SciPy's names: constant (k k|a b c|k k), nearest (a a|a b c|c c), reflect
// (b a|a b c|c b), mirror (c b|a b c|b a), wrap (b c|a b c|a b).
enum class Beyond { constant, nearest, reflect, mirror, wrap };
struct Sampling {
  Interpolation interpolation = Interpolation::linear;  // or nearest
  Beyond beyond = Beyond::constant;
  float fill = 0;
};
struct SampleAttrs {
  Sampling how;
  bool channels_first;
};

struct AssignAttrs {};  // what the node's only parameter is after a training step

using Attrs =
    std::variant<InputAttrs, ConvAttrs, PoolAttrs, DenseAttrs, FlattenAttrs, DropoutAttrs, AddAttrs,
                 ActivationAttrs, ReorderAttrs, WeightAttrs, ConstantAttrs, ReshapeAttrs, LossAttrs,
                 MetricAttrs, AssignAttrs, MoveAttrs, BatchNormAttrs, FormulaAttrs, ReduceAttrs, MatmulAttrs,
                 GatherAttrs, OrderAttrs, GradientAttrs, HostAttrs, ResizeAttrs, SampleAttrs>;

struct Node {
  std::string name;
  Attrs attrs;
  std::vector<int> inputs;  // after fuse_add also what a convolution or batch normalization adds
  Dims dims = {};           // of one row of the output; () is one number
  int rows = 1;             // of the output for a sample; 0: one for the whole batch
  DataFormat format = DataFormat::channels_last;
  int decider = -1;  // the value whose layer decided the format; -1: none has, whoever reads it may
  std::vector<int> params = {};              // positions: kernel, then bias
  Activation activation = Activation::none;  // fused into the epilogue
  Layout layout = Layout::plain;             // of the output; chosen by a pass
  std::string refused = {};                  // algorithms that did not take this node, and why
  bool stops_gradient = false;               // what leads here is not differentiated
  Image image() const;                       // of an output that has channels
  int64_t elems() const;                     // of one row of the output
  bool has_channels() const { return dims.size() >= 2 && dims.size() <= 4; }  // one to three spatial axes
  template <class T>
  const T* as() const {
    return std::get_if<T>(&attrs);
  }
};

// Whether gradients of the node's parameters are sought: it uses them before the update.
bool moves_params(const Node& node);

// One use of a weight by a node. Two of them may be of the same weight.
struct Parameter {
  WeightPtr weight;
  int first;       // position of the first use of the weight
  int64_t offset;  // see Graph::offset
  int64_t size() const { return weight->size(); }
  const Dims& dims() const { return weight->dims(); }
};

// Layers with weights bind those that they are given, kernel first; without any they make their own: Glorot
// uniform kernels, drawn by the graph's seed and the number of the weight, and biases of zeros. Weights in
// two places of a graph are used twice, and their gradients add up.
//
// A value has one row a sample, or several where the batch axis was folded with others, or one for the whole
// batch (a weight, a constant, a mean over the batch). Layers take each row of their input for itself.
//
// Nodes that are given the name of an earlier one are numbered: "conv", "conv (2)".
class Graph {
 public:
  explicit Graph(uint64_t seed = 0) : seed_(seed) {}

  int input(const Dims& dims, const std::string& name, int rows = 1);
  // Of one row for the whole batch. Training moves a trainable weight by its gradient there, too.
  int weight(const WeightPtr& weight);
  // For what an optimizer or a constraint computes, and assigns, after the update of a training step: a
  // weight as that leaves it, and the gradient of one that values before use, with penalties and clipped.
  int updated_weight(const WeightPtr& weight);
  int gradient(const WeightPtr& weight);
  int constant(const Dims& dims, std::vector<float> values, const std::string& name);
  // The same numbers in the user's order; rows times dims stay as many.
  int reshape(int src, const Dims& dims, int rows, const std::string& name);
  int stop_gradient(int src, const std::string& name);
  // Of these axes of a row, and of the batch's; they are left out. Indices count from 0 along them, in the
  // user's order, and have no gradient; that of equal extremes goes to each in equal shares.
  int reduce(int src, Reduction kind, const std::vector<int>& axes, bool batch, const std::string& name);
  int conv(int src, const ConvAttrs& attrs, DataFormat format, const std::string& name,
           const Weights& weights = {});
  // A convolution of one group a channel; groups and filters of `attrs` are set here. Its kernel's last dims
  // are (channels, multiplier), which in memory is conv's (1, channels * multiplier).
  int depthwise_conv(int src, ConvAttrs attrs, int multiplier, DataFormat format, const std::string& name,
                     const Weights& weights = {});
  int pool(int src, const PoolAttrs& attrs, DataFormat format, const std::string& name);
  // Of each vector along the last axis.
  int dense(int src, const DenseAttrs& attrs, const std::string& name, const Weights& weights = {});
  int flatten(int src, DataFormat format, const std::string& name);
  int dropout(int src, float rate, const std::string& name);
  int add(const std::vector<int>& srcs, const std::string& name);
  int activation(int src, ActivationKind kind, const std::string& name);
  // One input of the formula a value; they are broadcast as NumPy does. Streams of random numbers below
  // kSeededStreams become the graph's own.
  int formula(const Formula& formula, const std::vector<int>& srcs, const std::string& name);
  // NumPy's product of matrices, over shapes that begin with the batch where values have rows: it is the rows
  // of the product, or an axis of matrices. What would be a sum over the batch is refused.
  int matmul(int a, int b, const std::string& name);
  // Slices of `src` along an axis of one row, from 0: NumPy's "take"; or, with gather_along, its cells,
  // NumPy's "take_along_axis". Indices are truncated to whole numbers and count from the end below 0. Inputs
  // of a network that are indices are checked before it runs; others of no cell make NaN, and no gradient.
  int gather(int src, int indices, int axis, const std::string& name);
  int gather_along(int src, int indices, int axis, const std::string& name);
  // Positions of the `count` first cells along the last axis when these are sorted; NaN is above all numbers,
  // of equals the first comes first. It has no gradient.
  int order(int src, int count, bool descending, const std::string& name);
  // Of one row a sample where any of the sources has one.
  int host(std::shared_ptr<HostFunction> function, const std::vector<int>& srcs, const Dims& dims,
           const std::string& name);
  // An axis of one row in another size.
  int resize(int src, int axis, int64_t size, const Resizing& how, const std::string& name);
  // The image read at places between its cells: `at` is (places..., spatial axes), numbers of cells from 0
  // along each, for every row or one for all; the output is (places..., channels), or (channels, places...).
  // What is read at no number is NaN.
  int sample(int src, int at, const Sampling& how, DataFormat format, const std::string& name);
  // Weights: gamma and beta, if there are such, then moving mean and variance, which training does not move
  // by gradients. Channels are at the end that the format names; a value of one axis has its features there.
  int batch_norm(int src, const BatchNormAttrs& attrs, DataFormat format, const std::string& name,
                 const Weights& weights = {});

  // One number for each vector along the last axis of the predictions. Targets are class numbers where they
  // lack that axis, otherwise of the predictions' shape. Unless these are logits, they must come from a
  // softmax or sigmoid, as the loss has it; that of logits, too, is left out by the loss. `weights`, of one
  // number a row or a vector, multiply the losses; -1: there are none, and no gradients either.
  int loss(LossKind kind, int predictions, int targets, bool from_logits, const std::string& name,
           int weights = -1);
  // Likewise; it has no gradient.
  int metric(const Metric& metric, int predictions, int targets, const std::string& name);
  // After a training step, and only then, the weight takes the value, which has one row for the whole batch.
  void assign(const WeightPtr& weight, int value);

  // Moves. Axes are those of one sample, from 0; lists have an entry for each. Padding by reflection leaves
  // out the border's own cells, as NumPy's "reflect"; "replicate" is its "edge", "circular" its "wrap".
  int concatenate(const std::vector<int>& srcs, int axis, const std::string& name);
  int pad(int src, const std::vector<std::pair<int64_t, int64_t>>& sides, PadFill fill, float value,
          const std::string& name);
  int slice(int src, const std::vector<Range>& ranges, const std::string& name);
  int permute(int src, const std::vector<int>& order, const std::string& name);
  int repeat(int src, const std::vector<int64_t>& times, const std::string& name);  // of each cell
  int tile(int src, const std::vector<int64_t>& times, const std::string& name);    // of the whole
  // Squares of `block` x `block` cells from channels, or into channels.
  int depth_to_space(int src, int block, DataFormat format, const std::string& name,
                     DepthOrder order = DepthOrder::dcr);
  int space_to_depth(int src, int block, DataFormat format, const std::string& name,
                     DepthOrder order = DepthOrder::dcr);

  const Node& node(int value) const;
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<int>& inputs() const { return inputs_; }
  const std::vector<int>& assignments() const { return assignments_; }
  const std::vector<int>& assigned_params() const { return assigned_params_; }  // that training steps set
  const std::vector<Parameter>& params() const { return params_; }
  Weights weights() const;  // each once, in the order of their first uses
  // Where a parameter lies in flat buffers of floats: first the weights in their order, each on a cache line,
  // then what is used again. weight_elems() of them hold all weights, param_elems() all parameters.
  int64_t offset(int position) const;
  int64_t weight_elems() const { return weight_elems_; }
  int64_t param_elems() const { return weight_elems_ + repeated_elems_; }
  // Multiply-adds in the node that makes this value: of one sample, or of the one row that it has.
  int64_t multiply_adds(int value) const;

 private:
  int push(Node node);
  int push_move(std::vector<int> srcs, std::vector<MovePiece> pieces, const Dims& dims, float fill,
                const std::string& name);
  int push_conv(int src, ConvAttrs attrs, int multiplier, DataFormat format, const std::string& name,
                const Weights& weights);
  // What a layer needs of its weights.
  struct Needed {
    const char* kind;
    Dims dims;
    Initializer begins;
    bool trainable = true;
  };
  static std::vector<Needed> kernel_and_bias(const Dims& kernel, int biases);
  std::vector<int> bind(const std::string& name, const Weights& weights, const std::vector<Needed>& needed);
  void check_room(const std::string& what, int64_t floats) const;  // beside all weights so far
  int use(const WeightPtr& weight);
  int push_weight(const WeightPtr& weight, Attrs attrs, const char* suffix);
  bool compares_labels(const std::string& name, int predictions, int targets) const;
  Image image_of(int src, int rank, DataFormat format, const std::string& name, const char* layer) const;

  uint64_t seed_;
  std::vector<Node> nodes_;
  std::vector<int> inputs_, assignments_, assigned_params_;
  std::map<std::string, int> names_;  // how many nodes were given each
  std::vector<Parameter> params_;
  std::map<const Weight*, int> first_uses_;
  int64_t weight_elems_ = 0, repeated_elems_ = 0;
  uint32_t dropouts_ = 0;
};

}  // namespace cnnfast
