#include <utility>

#include "graph/draft.h"

namespace cnnfast {

namespace {

bool is_one(const Spatial& s) {
  return s.d == 1 && s.h == 1 && s.w == 1;
}

bool is_none(const Padding& p) {
  return p.top == 0 && p.bottom == 0 && p.left == 0 && p.right == 0 && p.front == 0 && p.back == 0;
}

// Of single pixels, without an activation: then it is affine.
bool takes_means(const Node& node) {
  const auto* conv = node.as<ConvAttrs>();
  return conv && !conv->transposed && is_one(conv->kernel) && is_one(conv->stride) &&
         is_none(conv->padding) && node.activation == Activation::none;
}

// Whose windows are whole, and fewer than pixels.
bool shrinks(const PoolAttrs& pool) {
  return !pool.maximum && !pool.adaptive() && is_none(pool.padding) && !pool.ceil_mode &&
         !is_one(pool.stride);
}

}  // namespace

void pool_before_conv(Draft& draft) {
  const std::vector<int> consumers = draft.consumers();
  for (Node& pool : draft.nodes) {
    const auto* attrs = pool.as<PoolAttrs>();
    if (!attrs || !shrinks(*attrs)) continue;
    Node& conv = draft.nodes[static_cast<size_t>(pool.inputs[0])];
    if (!takes_means(conv) || conv.format != pool.format ||
        consumers[static_cast<size_t>(pool.inputs[0])] != 1)
      continue;
    const Node& src = draft.nodes[static_cast<size_t>(conv.inputs[0])];
    if (src.format != pool.format) continue;
    // The two nodes change places: the earlier one becomes the pooling, of as many channels as its source.
    const size_t channel = pool.format == DataFormat::channels_first ? 0 : pool.dims.size() - 1;
    conv.dims = pool.dims;
    conv.dims[channel] = src.dims[channel];
    std::swap(conv.attrs, pool.attrs);
    std::swap(conv.name, pool.name);
    std::swap(conv.params, pool.params);
  }
}

}  // namespace cnnfast
