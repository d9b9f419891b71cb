// Values that are not computed: weights and constants; the same numbers under other dims; and what becomes of
// a value after the step.
#include "ops/op.h"

namespace cnnfast {

namespace {

Step& copy_step(Builder& b, const Node& node, const char* direction, int64_t floats,
                const std::vector<Buffer>& uses, const Where& from, const Where& to) {
  return b.options.target.copy(b, node, direction, uses, from, to, floats);
}

void weight_forward(Builder& b, int value) {
  if (!b.imported(value)) return;
  const Node& node = b.node(value);
  const Buffer to = b.output(value);
  copy_step(b, node, "forward", node.elems(), {to}, values_of(b.place(node.params[0])), buffer_of(to));
}

void weight_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ParamPlace param = b.place(node.params[0]);
  const Buffer grad = b.grad(value);
  copy_step(b, node, "backward weights", node.elems(), {grad}, buffer_of(grad), grad_of(param));
}

// Of a frozen weight there is none.
void gradient_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ParamPlace param = b.place(node.params[0]);
  const Buffer to = b.output(value);
  if (b.trains(node.params[0]))
    copy_step(b, node, "forward", node.elems(), {to}, grad_of(param), buffer_of(to));
  else
    b.options.target.fill(b, node, "forward", {to}, buffer_of(to), node.elems(), 0);
}

// Once, as packed weights are.
void constant_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const auto values = node.as<ConstantAttrs>()->values;
  const Buffer to = b.kept_output(value);
  const Where from = [=](const Context&) { return const_cast<float*>(values->data()); };
  Step& step = copy_step(b, node, "forward", node.elems(), {to}, from, buffer_of(to));
  step.packs = true;
}

void reshape_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  if (b.is_inside(node.inputs[0], value, 0)) return;
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  copy_step(b, node, "forward", floats_of(node, b.n), {from, to}, buffer_of(from), buffer_of(to));
}

void reshape_backward(Builder& b, int value) {
  b.share_grad(b.node(value).inputs[0], b.grad(value));
}

// The last thing that a training program does.
void assign_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer from = b.output(node.inputs[0]);
  const int position = node.params[0];
  Step& step =
      copy_step(b, node, "assign", node.elems(), {from}, buffer_of(from), values_of(b.place(position)));
  step.spoils = b.packs(position);
}

void nothing(Builder&, int) {}

}  // namespace

const Op kGradientOp{"gradient", gradient_forward, nothing};
const Op kWeightOp{"weight", weight_forward, weight_backward};
const Op kConstantOp{"constant", constant_forward, nothing};
const Op kReshapeOp{"reshape", reshape_forward, reshape_backward};
const Op kAssignOp{"assign", nothing, assign_backward};

}  // namespace cnnfast
