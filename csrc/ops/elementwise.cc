// Activations that no producer took in, and additions.
#include "ops/op.h"
#include "ops/rows.h"

namespace cnnfast {

namespace {

void activation_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ActivationKind kind = node.as<ActivationAttrs>()->kind;
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  if (kind == ActivationKind::softmax) {  // over the last axis, as the user sees it
    const VectorTasks tasks = vector_tasks(node, b.n);
    const auto softmax = b.k.softmax;
    b.step(node, "forward", tasks.count(), {from, to}, [=](const Context& c, int64_t task) {
      const int64_t at = tasks.begin(task) * tasks.cols;
      softmax(c.at(from) + at, c.at(to) + at, tasks.size(task), tasks.cols);
    });
    return;
  }
  const int64_t floats = floats_of(node, b.n);
  const auto activate = b.k.activate;
  b.step(node, "forward", flat_tasks(floats), {from, to}, [=](const Context& c, int64_t task) {
    const int64_t at = task * kFlatTask;
    activate(kernel_activation(kind), c.at(from) + at, c.at(to) + at, flat_size(floats, task));
  });
}

void activation_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ActivationKind kind = node.as<ActivationAttrs>()->kind;
  const Buffer grad = b.grad(value);
  if (kind == ActivationKind::linear) return b.share_grad(node.inputs[0], grad);
  const Buffer out = b.output(value), grad_src = b.new_grad(node.inputs[0]);
  if (kind == ActivationKind::softmax) {
    const VectorTasks tasks = vector_tasks(node, b.n);
    const auto softmax_grad = b.k.softmax_grad;
    b.step(node, "backward", tasks.count(), {out, grad, grad_src}, [=](const Context& c, int64_t task) {
      const int64_t at = tasks.begin(task) * tasks.cols;
      softmax_grad(c.at(out) + at, c.at(grad) + at, c.at(grad_src) + at, tasks.size(task), tasks.cols);
    });
    return;
  }
  const int64_t floats = floats_of(node, b.n);
  const auto activate_grad = b.k.activate_grad;
  b.step(node, "backward", flat_tasks(floats), {out, grad, grad_src}, [=](const Context& c, int64_t task) {
    const int64_t at = task * kFlatTask;
    activate_grad(kernel_activation(kind), c.at(out) + at, c.at(grad) + at, c.at(grad_src) + at,
                  flat_size(floats, task));
  });
}

void add_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t floats = floats_of(node, b.n);
  const Buffer to = b.output(value);
  const auto add = b.k.add;
  const auto activate = b.k.activate;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const Buffer left = i == 1 ? b.output(node.inputs[0]) : to, right = b.output(node.inputs[i]);
    const Activation kind = i + 1 == node.inputs.size() ? node.activation : Activation::none;
    b.step(node, "forward", flat_tasks(floats), {left, right, to}, [=](const Context& c, int64_t task) {
      const int64_t at = task * kFlatTask, size = flat_size(floats, task);
      add(c.at(left) + at, c.at(right) + at, c.at(to) + at, size);
      if (kind != Activation::none) activate(kind, c.at(to) + at, c.at(to) + at, size);
    });
  }
}

void add_backward(Builder& b, int value) {
  const Buffer grad = b.grad_before_activation(value);
  for (const int src : b.node(value).inputs)
    if (b.needs_grad(src)) b.share_grad(src, grad);
}

}  // namespace

const Op kActivationOp{"activation", activation_forward, activation_backward};
const Op kAddOp{"add", add_forward, add_backward};

}  // namespace cnnfast
