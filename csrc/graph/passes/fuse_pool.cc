#include "graph/draft.h"

namespace cnnfast {

namespace {

bool is_lane_wise_window(const PoolAttrs& pool) {
  const Padding& p = pool.padding;
  return pool.maximum && pool.window.h == 2 && pool.window.w == 2 && pool.stride.h == 2 &&
         pool.stride.w == 2 && p.top + p.bottom + p.left + p.right == 0;
}

bool is_unpadded(const ConvAttrs& conv) {
  const Padding& p = conv.padding;
  return p.top + p.bottom + p.left + p.right == 0;
}

}  // namespace

void fuse_pool(Draft& draft) {
  const std::vector<int> consumers = draft.consumers();
  for (size_t i = 0; i < draft.nodes.size(); ++i) {
    const Node& pool = draft.nodes[i];
    const PoolAttrs* attrs = pool.as<PoolAttrs>();
    if (!attrs || !is_lane_wise_window(*attrs)) continue;
    const int src = pool.inputs[0];
    Node& conv = draft.nodes[static_cast<size_t>(src)];
    ConvAttrs* conv_attrs = std::get_if<ConvAttrs>(&conv.attrs);
    if (!conv_attrs || conv_attrs->transposed || conv.layout != Layout::lanes ||
        conv.activation != Activation::none || conv_attrs->pool || !is_unpadded(*conv_attrs) ||
        consumers[static_cast<size_t>(src)] != 1)
      continue;
    const Image image = conv.image(), pooled = pool.image();
    if (pooled.h != image.h / 2 || pooled.w != image.w / 2)
      continue;  // a partial window hangs over the border
    conv_attrs->pool = true;
    conv.dims = pool.dims;
    conv.activation = pool.activation;
    draft.bypass(static_cast<int>(i));
  }
  draft.drop_unused();
}

}  // namespace cnnfast
