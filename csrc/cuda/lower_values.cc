// Ops that compute nothing or each element alone: the caller's samples, constants, activations, sums,
// dropout.
#include <cmath>

#include "cuda/images.h"
#include "cuda/kernels/kernels.h"
#include "cuda/lower.h"
#include "graph/builder.h"
#include "ops/input.h"
#include "ops/rows.h"

namespace cnnfast::cuda {

namespace {

void input_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int number = node.as<InputAttrs>()->number;
  const int64_t floats = floats_of(node, b.n), elems = node.elems() * std::max(node.rows, 1);
  const Buffer to = b.output(value);
  Step& step = launch(b, node, "forward", {to},
                      [=](const Context& c) { copy(stream_of(c), c.at(to), c.given, floats); });
  step.transfers.given = floats;
  step.transfers.gather = [=](const Run& run, float* here) {
    gather_samples(run.inputs[number], elems, 0, floats, here);
  };
}

void input_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t floats = floats_of(node, b.n);
  const Buffer grad = b.grad(value);
  Step& step = launch(b, node, "backward", {grad},
                      [=](const Context& c) { copy(stream_of(c), c.made, c.at(grad), floats); });
  step.transfers.made = floats;
  step.transfers.at = [number = node.as<InputAttrs>()->number](const Run& run) {
    return run.grad_inputs[number];
  };
}

void nothing(Builder&, int) {}

// Sent once, when the program is made.
void constant_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const std::vector<float>& values = *node.as<ConstantAttrs>()->values;
  const auto there = std::make_shared<const Memory>(sizeof(float) * values.size());
  copy_to_device(there->data(), values.data(), there->size());
  const Buffer to = b.output(value);
  launch(b, node, "forward", {to}, [=, floats = node.elems()](const Context& c) {
    copy(stream_of(c), c.at(to), static_cast<const float*>(there->data()), floats);
  });
}

void activation_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ActivationKind kind = node.as<ActivationAttrs>()->kind;
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  if (kind == ActivationKind::softmax) {  // over the last axis
    launch(b, node, "forward", {from, to}, [=, rows = vector_tasks(node, b.n)](const Context& c) {
      softmax(stream_of(c), c.at(from), c.at(to), rows.rows, rows.cols);
    });
    return;
  }
  launch(b, node, "forward", {from, to}, [=, floats = floats_of(node, b.n)](const Context& c) {
    activate(stream_of(c), kernel_activation(kind), c.at(to), c.at(from), floats);
  });
}

void activation_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ActivationKind kind = node.as<ActivationAttrs>()->kind;
  const Buffer grad = b.grad(value);
  if (kind == ActivationKind::linear) return b.share_grad(node.inputs[0], grad);
  const Buffer out = b.output(value), to = b.new_grad(node.inputs[0]);
  if (kind == ActivationKind::softmax) {
    launch(b, node, "backward", {out, grad, to}, [=, rows = vector_tasks(node, b.n)](const Context& c) {
      softmax_grad(stream_of(c), c.at(out), c.at(grad), c.at(to), rows.rows, rows.cols);
    });
    return;
  }
  launch(b, node, "backward", {out, grad, to}, [=, floats = floats_of(node, b.n)](const Context& c) {
    activate_grad(stream_of(c), kernel_activation(kind), c.at(to), c.at(out), c.at(grad), floats);
  });
}

void add_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t floats = floats_of(node, b.n);
  std::vector<Buffer> uses{b.output(value)};
  for (const int src : node.inputs) uses.push_back(b.output(src));
  launch(b, node, "forward", uses, [=, kind = node.activation](const Context& c) {
    float* const to = c.at(uses[0]);
    for (size_t i = 2; i < uses.size(); ++i)
      add(stream_of(c), to, i == 2 ? c.at(uses[1]) : to, c.at(uses[i]), floats);
    if (uses.size() == 2) copy(stream_of(c), to, c.at(uses[1]), floats);
    if (kind != Activation::none) activate(stream_of(c), kind, to, to, floats);
  });
}

void add_backward(Builder& b, int value) {
  const Buffer grad = b.grad_before_activation(value);
  for (const int src : b.node(value).inputs)
    if (b.needs_grad(src)) b.share_grad(src, grad);
}

void dropout_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const DropoutAttrs& attrs = *node.as<DropoutAttrs>();
  const int64_t rows = b.rows(node);
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  const Buffer mask = b.saved(value, "mask") = b.buffer(ceil_div(floats_of(node, b.n), 4));
  const auto threshold = static_cast<uint32_t>(std::ldexp(static_cast<double>(attrs.rate), 32));
  launch(
      b, node, "forward", {from, to, mask},
      [=, layer = attrs.layer, scale = 1.0f / (1.0f - attrs.rate), row = random_row(node)](const Context& c) {
        dropout(stream_of(c), varying_of(c), layer, threshold, scale, row, c.at(from), c.at(to),
                c.as<uint8_t>(mask), rows);
      });
}

void dropout_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad(value), mask = b.saved(value, "mask"), to = b.new_grad(node.inputs[0]);
  const float scale = 1.0f / (1.0f - node.as<DropoutAttrs>()->rate);
  launch(b, node, "backward", {grad, mask, to}, [=, floats = floats_of(node, b.n)](const Context& c) {
    dropout_grad(stream_of(c), c.at(grad), c.as<uint8_t>(mask), scale, c.at(to), floats);
  });
}

}  // namespace

const Op kInput{"input", input_forward, input_backward};
const Op kConstant{"constant", constant_forward, nothing};
const Op kActivation{"activation", activation_forward, activation_backward};
const Op kAdd{"add", add_forward, add_backward};
const Op kDropout{"dropout", dropout_forward, dropout_backward};

}  // namespace cnnfast::cuda
