// Dropout. The mask of an element depends on seed, layer, step, sample and its place in the sample alone.
#include <cmath>

#include "ops/op.h"

namespace cnnfast {

namespace {

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const DropoutAttrs& attrs = *node.as<DropoutAttrs>();
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  const Buffer mask = b.saved(value, "mask") = b.buffer(ceil_div(floats_of(node, b.n), 4));
  // A value with channels in the user's order has elements that are numbered as they lie: it never meets a
  // 16-lane one.
  const bool plain = node.layout == Layout::plain;
  const Image image = plain ? Image{1, 1, static_cast<int>(node.elems())} : node.image();
  Dropout d{};
  d.hw = image.pixels();
  d.layer = attrs.layer;
  d.threshold = static_cast<uint32_t>(std::ldexp(static_cast<double>(attrs.rate), 32));
  d.scale = 1.0f / (1.0f - attrs.rate);
  d.lane_is = plain ? 0 : node.layout == Layout::blocked ? 1 : 2;
  const int64_t plane_floats = image.pixels() * (plain ? 1 : kLanes);
  const int64_t planes = plain ? b.rows(node) : planes_of(node, b.n), per_sample = ceil_div(image.c, kLanes);
  const int64_t rows = node.rows;
  const auto dropout = b.k.dropout;
  b.step(node, "forward", planes, {from, to, mask}, [=](const Context& c, int64_t plane) {
    Dropout one = d;
    one.src = c.at(from) + plane * plane_floats;
    one.dst = c.at(to) + plane * plane_floats;
    one.mask = c.as<uint8_t>(mask) + plane * plane_floats;
    if (d.lane_is == 0) {
      one.sample = static_cast<int32_t>(plane);
    } else if (d.lane_is == 1) {
      one.sample = static_cast<int32_t>(plane / per_sample);
      one.plane = static_cast<int32_t>(plane % per_sample * kLanes);
    } else {
      one.sample = static_cast<int32_t>(plane / image.c * kLanes);
      one.plane = static_cast<int32_t>(plane % image.c);
    }
    one.sample += static_cast<int32_t>(c.run.first_sample * rows);
    one.step = static_cast<uint32_t>(c.run.step);
    one.seed = c.run.seed;
    dropout(one);
  });
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad(value), mask = b.saved(value, "mask"), grad_src = b.new_grad(node.inputs[0]);
  const int64_t floats = floats_of(node, b.n);
  const float scale = 1.0f / (1.0f - node.as<DropoutAttrs>()->rate);
  const auto dropout_grad = b.k.dropout_grad;
  b.step(node, "backward", flat_tasks(floats), {grad, mask, grad_src}, [=](const Context& c, int64_t task) {
    const int64_t at = task * kFlatTask;
    dropout_grad(c.at(grad) + at, c.as<uint8_t>(mask) + at, scale, c.at(grad_src) + at,
                 flat_size(floats, task));
  });
}

}  // namespace

const Op kDropoutOp{"dropout", forward, backward};

}  // namespace cnnfast
