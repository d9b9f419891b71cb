// Values that are not computed: weights and constants; the same numbers under other dims; and what becomes of
// a value after the step.
#include "ops/op.h"

namespace cnnfast {

namespace {

// One flat copy, task by task.
template <class From, class To>
Step& copy_step(Builder& b, const Node& node, const char* direction, int64_t floats, std::vector<Buffer> uses,
                From from, To to) {
  return b.step(node, direction, flat_tasks(floats), std::move(uses), [=](const Context& c, int64_t task) {
    std::copy_n(from(c) + task * kFlatTask, flat_size(floats, task), to(c) + task * kFlatTask);
  });
}

auto values_of(ParamPlace param) {
  return [=](const Context& c) { return c.values(param); };
}

auto buffer_of(Buffer buffer) {
  return [=](const Context& c) { return c.at(buffer); };
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
  copy_step(b, node, "backward weights", node.elems(), {grad}, buffer_of(grad),
            [=](const Context& c) { return c.grad(param); });
}

// Of a frozen weight there is none.
void gradient_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const ParamPlace param = b.place(node.params[0]);
  const Buffer to = b.output(value);
  const bool known = b.trains(node.params[0]);
  b.step(node, "forward", flat_tasks(node.elems()), {to},
         [=, size = node.elems()](const Context& c, int64_t task) {
           const int64_t at = task * kFlatTask, some = flat_size(size, task);
           if (known)
             std::copy_n(c.grad(param) + at, some, c.at(to) + at);
           else
             std::fill_n(c.at(to) + at, some, 0.0f);
         });
}

// Once, as packed weights are.
void constant_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const auto values = node.as<ConstantAttrs>()->values;
  const Buffer to = b.kept_output(value);
  Step& step = copy_step(
      b, node, "forward", node.elems(), {to}, [=](const Context&) { return values->data(); }, buffer_of(to));
  step.packs = true;
}

void reshape_forward(Builder& b, int value) {
  const Node& node = b.node(value);
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
