#include "graph/draft.h"
#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

// What kernels call this pooling; none: they have no name for it.
WindowPool window_pool(const PoolAttrs& pool) {
  const Padding& p = pool.padding;
  const bool is_window = pool.window.h == 2 && pool.window.w == 2 && pool.cells() == 4 &&
                         pool.stride.h == 2 && pool.stride.w == 2 && pool.stride.d == 1 &&
                         pool.dilation.h == 1 && pool.dilation.w == 1 &&
                         p.top + p.bottom + p.left + p.right + p.front + p.back == 0;
  if (!is_window) return WindowPool::none;
  return pool.maximum ? WindowPool::maximum : WindowPool::mean;
}

// The one activation that the kernel applies must be where it applies it.
bool takes_pooling(const Node& node, const Node& pool, WindowPool kind, bool differentiates) {
  const auto* conv = node.as<ConvAttrs>();
  if (!conv || conv->transposed || conv->pool != WindowPool::none) return false;
  const bool mean = kind == WindowPool::mean;
  if ((mean ? pool : node).activation != Activation::none) return false;
  const auto pools = find_conv_algorithm(conv->algorithm)->pools;
  return pools && pools(*conv, kind, differentiates);
}

}  // namespace

void fuse_pool(Draft& draft, bool differentiates) {
  const std::vector<int> consumers = draft.consumers();
  draft.rewrite([&](size_t i) {
    const Node& pool = draft.nodes[i];
    const PoolAttrs* attrs = pool.as<PoolAttrs>();
    const WindowPool kind = attrs ? window_pool(*attrs) : WindowPool::none;
    if (kind == WindowPool::none) return;
    const int src = pool.inputs[0];
    Node& conv = draft.nodes[static_cast<size_t>(src)];
    if (!takes_pooling(conv, pool, kind, differentiates) || consumers[static_cast<size_t>(src)] != 1) return;
    const Image image = conv.image(), pooled = pool.image();
    if (pooled.h != image.h / 2 || pooled.w != image.w / 2) return;  // a partial window hangs over the border
    std::get<ConvAttrs>(conv.attrs).pool = kind;
    conv.dims = pool.dims;
    if (kind == WindowPool::maximum) conv.activation = pool.activation;
    draft.bypass(i);
  });
}

}  // namespace cnnfast
