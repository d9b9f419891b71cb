// Moving values between layouts: reorders that the layout pass inserted, and Flatten.
#include "ops/op.h"

namespace cnnfast {

namespace {

// How one task's sixteen lanes lie in the user's order. A task is sixteen samples of one channel range
// (lanes) or one block of sixteen channels of one sample (blocked).
struct Lanes {
  Shuffle shuffle;
  int64_t plain_at, packed_at;
};

Lanes lanes_of(Layout packed, const Image& image, bool channels_first, int n, int64_t task) {
  const int64_t pixels = image.pixels(), sample = pixels * image.c;
  const int64_t channel_step = channels_first ? pixels : 1, pixel_step = channels_first ? 1 : image.c;
  Lanes l;
  l.shuffle.b_stride = pixel_step;
  l.shuffle.n_b = static_cast<int32_t>(pixels);
  if (packed == Layout::lanes) {
    l.shuffle.lane_stride = sample;
    l.shuffle.lanes = static_cast<int32_t>(std::min<int64_t>(kLanes, n - task * kLanes));
    l.shuffle.a_stride = channel_step;
    l.shuffle.n_a = image.c;
    l.plain_at = task * kLanes * sample;
    l.packed_at = task * kLanes * sample;
  } else {
    const int64_t blocks = ceil_div(image.c, kLanes), block = task % blocks, s = task / blocks;
    l.shuffle.lane_stride = channel_step;
    l.shuffle.lanes = static_cast<int32_t>(std::min<int64_t>(kLanes, image.c - block * kLanes));
    l.shuffle.a_stride = 0;
    l.shuffle.n_a = 1;
    l.plain_at = s * sample + block * kLanes * channel_step;
    l.packed_at = (s * blocks + block) * pixels * kLanes;
  }
  return l;
}

struct Move {
  Layout packed;  // the side that is not in the user's order
  Image image;
  bool channels_first;  // order of the plain side
};

int64_t tasks_of(const Move& m, int n) {
  return m.packed == Layout::lanes ? ceil_div(n, kLanes) : n * ceil_div(m.image.c, kLanes);
}

void to_packed(Builder& b, const Node& node, const char* direction, const Move& m, Buffer plain,
               Buffer packed) {
  const auto gather16 = b.k.gather16;
  const int n = b.rows(node);
  b.step(node, direction, tasks_of(m, n), {plain, packed}, [=](const Context& c, int64_t task) {
    const Lanes l = lanes_of(m.packed, m.image, m.channels_first, n, task);
    gather16(l.shuffle, c.at(plain) + l.plain_at, c.at(packed) + l.packed_at);
  });
}

void to_plain(Builder& b, const Node& node, const char* direction, const Move& m, Buffer packed,
              Buffer plain) {
  const auto scatter16 = b.k.scatter16;
  const int n = b.rows(node);
  b.step(node, direction, tasks_of(m, n), {plain, packed}, [=](const Context& c, int64_t task) {
    const Lanes l = lanes_of(m.packed, m.image, m.channels_first, n, task);
    scatter16(l.shuffle, c.at(packed) + l.packed_at, c.at(plain) + l.plain_at);
  });
}

// Both sides in a user's order: a copy, or a turn from (c, h, w) to (h, w, c) and back.
void copy_plain(Builder& b, const Node& node, const char* direction, int64_t elems, Buffer from, Buffer to) {
  b.step(node, direction, b.rows(node), {from, to}, [=](const Context& c, int64_t sample) {
    std::copy_n(c.at(from) + sample * elems, elems, c.at(to) + sample * elems);
  });
}

void turn_plain(Builder& b, const Node& node, const char* direction, const Image& image,
                bool to_channels_last, Buffer from, Buffer to) {
  const int64_t rows = to_channels_last ? image.c : image.pixels(),
                cols = to_channels_last ? image.pixels() : image.c;
  b.step(node, direction, b.rows(node), {from, to}, [=](const Context& c, int64_t sample) {
    const float* in = c.at(from) + sample * rows * cols;
    float* out = c.at(to) + sample * rows * cols;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t col = 0; col < cols; ++col) out[col * rows + r] = in[r * cols + col];
  });
}

void reorder_forward(Builder& b, int value) {
  const Node &node = b.node(value), &src = b.source(node);
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  if (src.layout == node.layout) return copy_plain(b, node, "forward", node.elems(), from, to);
  const bool first = src.format == DataFormat::channels_first;
  if (node.layout == Layout::plain)
    return to_plain(b, node, "forward", {src.layout, src.image(), first}, from, to);
  to_packed(b, node, "forward", {node.layout, src.image(), first}, from, to);
}

void reorder_backward(Builder& b, int value) {
  const Node &node = b.node(value), &src = b.source(node);
  const Buffer grad = b.grad(value);
  if (src.layout == node.layout) return b.share_grad(node.inputs[0], grad);
  const Buffer grad_src = b.new_grad(node.inputs[0]);
  const bool first = src.format == DataFormat::channels_first;
  if (node.layout == Layout::plain)
    return to_packed(b, node, "backward", {src.layout, src.image(), first}, grad, grad_src);
  to_plain(b, node, "backward", {node.layout, src.image(), first}, grad, grad_src);
}

bool flattens_channels_first(const Node& flatten, const Node& src) {
  return src.format == DataFormat::channels_first && !flatten.as<FlattenAttrs>()->channels_last_order;
}

void flatten_forward(Builder& b, int value) {
  const Node &node = b.node(value), &src = b.source(node);
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  if (src.layout != Layout::plain)
    return to_plain(b, node, "forward", {src.layout, src.image(), flattens_channels_first(node, src)}, from,
                    to);
  if (node.as<FlattenAttrs>()->channels_last_order)
    return turn_plain(b, node, "forward", src.image(), true, from, to);
  copy_plain(b, node, "forward", node.elems(), from, to);
}

void flatten_backward(Builder& b, int value) {
  const Node &node = b.node(value), &src = b.source(node);
  const Buffer grad = b.grad(value);
  if (src.layout == Layout::plain && !node.as<FlattenAttrs>()->channels_last_order)
    return b.share_grad(node.inputs[0], grad);
  const Buffer grad_src = b.new_grad(node.inputs[0]);
  if (src.layout != Layout::plain)
    return to_packed(b, node, "backward", {src.layout, src.image(), flattens_channels_first(node, src)}, grad,
                     grad_src);
  turn_plain(b, node, "backward", src.image(), false, grad, grad_src);
}

}  // namespace

const Op kReorderOp{"reorder", reorder_forward, reorder_backward};
const Op kFlattenOp{"flatten", flatten_forward, flatten_backward};

}  // namespace cnnfast
