#include "graph/draft.h"
#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

bool is_lane_wise_window(const PoolAttrs& pool) {
  const Padding& p = pool.padding;
  return pool.maximum && pool.window.h == 2 && pool.window.w == 2 && pool.cells() == 4 &&
         pool.stride.h == 2 && pool.stride.w == 2 && pool.stride.d == 1 && pool.dilation.h == 1 &&
         pool.dilation.w == 1 && p.top + p.bottom + p.left + p.right + p.front + p.back == 0;
}

bool takes_pooling(const Node& node) {
  const auto* conv = node.as<ConvAttrs>();
  if (!conv || conv->transposed || conv->pool || node.activation != Activation::none) return false;
  const auto pools = find_conv_algorithm(conv->algorithm)->pools;
  return pools && pools(*conv);
}

}  // namespace

void fuse_pool(Draft& draft) {
  const std::vector<int> consumers = draft.consumers();
  draft.rewrite([&](size_t i) {
    const Node& pool = draft.nodes[i];
    const PoolAttrs* attrs = pool.as<PoolAttrs>();
    if (!attrs || !is_lane_wise_window(*attrs)) return;
    const int src = pool.inputs[0];
    Node& conv = draft.nodes[static_cast<size_t>(src)];
    if (!takes_pooling(conv) || consumers[static_cast<size_t>(src)] != 1) return;
    const Image image = conv.image(), pooled = pool.image();
    if (pooled.h != image.h / 2 || pooled.w != image.w / 2) return;  // a partial window hangs over the border
    std::get<ConvAttrs>(conv.attrs).pool = true;
    conv.dims = pool.dims;
    conv.activation = pool.activation;
    draft.bypass(i);
  });
}

}  // namespace cnnfast
