// Convolution: what is to be computed, and the algorithms that compute it. An algorithm is one file; its
// place in conv_list.cc is the order in which the planner asks.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "cnnfast/precision.h"
#include "graph/builder.h"
#include "ops/conv/geometry.h"

namespace cnnfast {

inline int64_t blocks_of(int channels) {
  return ceil_div(channels, kLanes);
}

// That of a fused pooling, of windows of two cells side by side.
inline PoolAxis halved_axis(int size) {
  return {size, size / 2, 2, 2};
}

// Of a transposed convolution this is its mirror image: `in` is the node's output, `out` its input, and it
// has no bias.
struct ConvProblem {
  Image in, out;  // out before a fused pooling
  ConvAttrs a;
  int n;
  // For the choice of an algorithm only.
  Precision precision = Precision::exact;  // the class it must keep
  bool training = false;                   // the weights change before every run
  bool native_bf16 = false;                // a pair of products takes one instruction

  int ic() const { return in.c / a.groups; }  // of one group
  int oc() const { return out.c / a.groups; }
  bool counts_taps(int channels) const;  // whether lists of taps for each of these may be made
  bool pools() const { return a.pool != WindowPool::none; }
  Image pooled() const { return pools() ? Image{out.c, out.h / 2, out.w / 2} : out; }
  int taps() const { return a.kernel.d * a.kernel.h * a.kernel.w; }
  bool strided() const { return std::max({a.stride.d, a.stride.h, a.stride.w}) > 1; }
  Axes axes() const {
    return {{in.d, out.d, a.kernel.d, a.stride.d, a.padding.front, a.dilation.d},
            {in.h, out.h, a.kernel.h, a.stride.h, a.padding.top, a.dilation.h},
            {in.w, out.w, a.kernel.w, a.stride.w, a.padding.left, a.dilation.w}};
  }
};

// One pass over the images, in either direction: what it reads, what it writes, and what it does on the way.
struct ConvPass {
  const char* direction;  // of the node
  Buffer from, to;
  ParamSource kernel = {}, bias = {};  // the bias is added, or there is none
  Activation activation = Activation::none;
  Buffer residual = {};                // added before the activation, lies as `to` does; or none
  WindowPool pool = WindowPool::none;  // what `to` takes
  Buffer pool_index = {};  // the position 0..3 of each maximum, in bytes that lie as `to` does; or none

  std::vector<Buffer> uses(Buffer packed) const {
    std::vector<Buffer> all{from, to, packed};
    for (const Buffer other : {residual, pool_index, bias.made})
      if (other) all.push_back(other);
    return all;
  }
};

ConvProblem conv_problem(const Node& src, const Node& conv, int n);
// Of a node with a normalization: the kernel and the bias that have it in them.
void fold_norm(Builder&, const Node&, const ConvProblem&, ConvPass&);
std::string to_string(const ConvProblem& problem);  // all that decides how long it takes, on one line

// What reading weights costs that the second-level cache does not hold, as a cost of algorithms: the products
// of that time at full speed (Zen 3, 2026-11).
inline double far_weights(double weights) {
  constexpr double kNear = 1 << 16, kProducts = 13;
  return std::max(0.0, weights - kNear) * kProducts;
}

struct ConvAlgorithm {
  const char* name;
  Layout layout;                              // of source and output
  bool reads_plain;                           // the source may also be in the user's order
  std::string (*refuse)(const ConvProblem&);  // why not, for a person; empty: it takes the problem
  double (*cost)(const ConvProblem&);         // model, in multiply-adds at full speed
  // From `in` to `out` of the problem, and back. The forward pass of a transposed convolution is
  // backward_data, and its backward-data is forward.
  void (*forward)(Builder&, int value, const ConvProblem&, const ConvPass&);
  void (*backward_data)(Builder&, int value, const ConvProblem&, const ConvPass&);
  // src lies as `in` does and grad_out as `out`, or as the pooled output with `unpools`. Also writes the
  // gradient of the bias, if the problem has one.
  void (*backward_weights)(Builder&, int value, const ConvProblem&, Buffer src, Buffer grad_out);
  double (*weights_cost)(const ConvProblem&) = nullptr;  // of backward_weights, as cost; null: the same
  bool adds_residual = false;                            // both passes take one
  // Whether forward takes this pooling and, if something is differentiated, notes down its winners; null:
  // none.
  bool (*pools)(const ConvAttrs&, WindowPool, bool differentiates) = nullptr;
  bool unpools = false;  // backward_weights does, if pooling is fused
};

// Whether a value is read by nothing but convolutions over bfloat16: then whoever can may write it so, to the
// buffer that is saved as "bfloat16".
bool is_read_in_bf16(const Builder& b, int value);

const std::vector<const ConvAlgorithm*>& conv_algorithms();
const ConvAlgorithm* find_conv_algorithm(const std::string& name);  // null: there is none
extern const ConvAlgorithm kConvBlockedAlgorithm, kConvLanesAlgorithm, kConvWinogradAlgorithm,
    kConvWinogradF2Algorithm, kConvWinogradF6Algorithm, kConvWinogradS2Algorithm, kConvWinogradS2F5Algorithm,
    kConvDepthwiseAlgorithm, kConvGroupedAlgorithm, kConvBf16Algorithm, kConvPixelsAlgorithm;
// Whose backward_weights is the cheapest in the layout of the forward algorithm, for a source in that layout
// or in the user's order.
const ConvAlgorithm& cheapest_weights(const ConvAlgorithm& forward, const ConvProblem&, Layout source);

// The order of the partial sums of a weight gradient is part of the result: it depends on shapes alone.
// `units` are the samples or blocks of samples to be summed, `floats` the size of one partial.
int64_t partial_sums(int64_t units, int64_t floats);

}  // namespace cnnfast
