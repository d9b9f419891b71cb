// A network as its author describes it: numbered nodes with static shapes. Shape rules are enforced here, so
// a mistake is reported when the network is described and names the layer, the rule, what came and what to
// change.
//
// Not thread safe while being built; a finished graph may be read from any thread.
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "cnnfast/activation.h"

namespace cnnfast {

enum class DataFormat { channels_last, channels_first };
std::string to_string(DataFormat format);

using Dims = std::vector<int64_t>;  // without the batch, in the order the user sees
std::string to_string(const Dims& dims);

// An image's extents, whatever the order of its axes. A sequence is one of height 1; only a volume has depth.
struct Image {
  int c, h, w;
  int d = 1;
  int64_t pixels() const { return int64_t{d} * h * w; }
};

struct Pair {
  int h, w;
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

// A transposed convolution is the backward-data of its mirror image, the convolution from its output to its
// input. Kernel, stride, padding and dilation are those of the mirror image, and so is the kernel's shape:
// (..., filters / groups, channels).
struct ConvAttrs {
  int filters;
  Spatial kernel, stride;
  Padding padding;  // resolved to explicit amounts once the source is known
  Spatial dilation;
  int groups;
  bool use_bias;
  int rank = 2;  // spatial axes: 1, 2 or 3
  bool transposed = false;
  Spatial output_padding = {-1, -1, -1};  // transposed only; below 0: whatever the padding's name implies
  bool pool = false;                      // a fused 2x2 maximum
  std::string algorithm = {};             // its name; chosen by a pass
  std::string weights_algorithm = {};     // of the gradient of its weights, likewise
};

struct PoolAttrs {
  bool maximum;
  Pair window, stride;
  Padding padding;
  bool ceil_mode;
  bool count_padding;
  int rank = 2;  // spatial axes: 1 or 2
};

struct DenseAttrs {
  int units;
  bool use_bias;
};

struct FlattenAttrs {
  bool channels_last_order;  // channels_first images are turned to channels_last before they are flattened
};

struct DropoutAttrs {
  float rate;
  uint32_t layer;  // numbers the dropouts of a graph: the generator's key must not depend on passes
};

enum class ActivationKind { linear, relu, tanh, sigmoid, softmax };
Activation kernel_activation(ActivationKind kind);  // none for linear, and for softmax, which no epilogue has
struct ActivationAttrs {
  ActivationKind kind;
};

enum class Layout { plain, blocked, lanes };  // the user's order; nchw16c; chwn16
struct ReorderAttrs {
  Layout to;
};

struct InputAttrs {};
struct AddAttrs {};

using Attrs = std::variant<InputAttrs, ConvAttrs, PoolAttrs, DenseAttrs, FlattenAttrs, DropoutAttrs, AddAttrs,
                           ActivationAttrs, ReorderAttrs>;

struct Node {
  std::string name;
  Attrs attrs;
  std::vector<int> inputs;  // of a convolution: its source and, after fuse_add, what is added to its sums
  Dims dims = {};           // of the output
  DataFormat format = DataFormat::channels_last;
  int decider = -1;  // the value whose layer decided the format; -1: none has, whoever reads it may
  std::vector<int> params = {};              // positions: kernel, then bias
  Activation activation = Activation::none;  // fused into the epilogue
  Layout layout = Layout::plain;             // of the output; chosen by a pass
  std::string refused = {};                  // algorithms that did not take this node, and why
  Image image() const;                       // of an output that has channels
  int64_t elems() const;                     // of one sample's output
  bool has_channels() const { return dims.size() >= 2 && dims.size() <= 4; }  // one to three spatial axes
  template <class T>
  const T* as() const {
    return std::get_if<T>(&attrs);
  }
};

struct Parameter {
  std::string name;
  Dims dims;
  int64_t offset;  // floats, into the flat buffer
  int64_t size() const;
};

class Graph {
 public:
  int input(const Dims& dims, const std::string& name);
  int conv(int src, const ConvAttrs& attrs, DataFormat format, const std::string& name);
  // A convolution of one group a channel; groups and filters of `attrs` are set here. Its kernel's last dims
  // are (channels, multiplier), which in memory is conv's (1, channels * multiplier).
  int depthwise_conv(int src, ConvAttrs attrs, int multiplier, DataFormat format, const std::string& name);
  int pool(int src, const PoolAttrs& attrs, DataFormat format, const std::string& name);
  int dense(int src, const DenseAttrs& attrs, const std::string& name);
  int flatten(int src, DataFormat format, const std::string& name);
  int dropout(int src, float rate, const std::string& name);
  int add(const std::vector<int>& srcs, const std::string& name);
  int activation(int src, ActivationKind kind, const std::string& name);

  const Node& node(int value) const;
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Parameter>& params() const { return params_; }
  int64_t param_elems() const { return param_elems_; }
  // Multiply-adds of one sample in the node that makes this value.
  int64_t multiply_adds(int value) const;

 private:
  int push(Node node);
  int push(Node node, const Dims& kernel, int64_t biases);  // with parameters; 0: there is no bias
  Image image_of(int src, int rank, DataFormat format, const std::string& name, const char* layer) const;

  std::vector<Node> nodes_;
  std::vector<Parameter> params_;
  int64_t param_elems_ = 0;
  uint32_t dropouts_ = 0;
};

}  // namespace cnnfast
