// The CPU's steps that belong to no op.
#include "graph/target.h"

#include "graph/builder.h"
#include "graph/results.h"
#include "ops/move.h"
#include "ops/op.h"

namespace cnnfast {

namespace {

const Op* cpu_op(const Node& node) {
  return &op_of(node);
}

void outputs(Builder& b, const std::vector<int>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Node& node = b.node(outputs[i]);
    const int64_t elems = node.elems(), rows = node.rows;
    const Buffer out = b.output(outputs[i]);
    b.step(node, "output", b.rows(node), {out}, [=](const Context& c, int64_t row) {
      const int64_t to = c.run.first_sample * rows + row;
      std::copy_n(c.at(out) + row * elems, elems, c.run.outputs[i] + to * elems);
    });
  }
}

void given_gradient(Builder& b, const Node& node, size_t number, Buffer grad) {
  const int64_t elems = node.elems();
  b.step(node, "given gradient", b.rows(node), {grad}, [=](const Context& c, int64_t row) {
    std::copy_n(c.run.grad_outputs[number] + row * elems, elems, c.at(grad) + row * elems);
  });
}

Step& fill(Builder& b, const Node& node, const char* direction, const std::vector<Buffer>& uses,
           const Where& to, int64_t floats, float value) {
  return b.step(node, direction, flat_tasks(floats), uses, [=](const Context& c, int64_t task) {
    std::fill_n(to(c) + task * kFlatTask, flat_size(floats, task), value);
  });
}

Step& copy(Builder& b, const Node& node, const char* direction, const std::vector<Buffer>& uses,
           const Where& from, const Where& to, int64_t floats) {
  return b.step(node, direction, flat_tasks(floats), uses, [=](const Context& c, int64_t task) {
    std::copy_n(from(c) + task * kFlatTask, flat_size(floats, task), to(c) + task * kFlatTask);
  });
}

Step& add(Builder& b, const Node& node, const char* direction, const std::vector<Buffer>& uses,
          const Where& x, const Where& y, const Where& to, int64_t floats) {
  return b.step(node, direction, flat_tasks(floats), uses,
                [=, add = b.k.add](const Context& c, int64_t task) {
                  const int64_t at = task * kFlatTask;
                  add(x(c) + at, y(c) + at, to(c) + at, flat_size(floats, task));
                });
}

void activation_gradient(Builder& b, const Node& node, Buffer out, Buffer after, Buffer before) {
  const int64_t floats = floats_of(node, b.n);
  b.step(node, "activation gradient", flat_tasks(floats), {out, after, before},
         [=, kind = node.activation, activate_grad = b.k.activate_grad](const Context& c, int64_t task) {
           const int64_t at = task * kFlatTask;
           activate_grad(kind, c.at(out) + at, c.at(after) + at, c.at(before) + at, flat_size(floats, task));
         });
}

}  // namespace

const Target kCpuTarget{"cpu",        true, cpu_op, outputs, given_gradient,      lower_results,
                        lower_update, fill, copy,   add,     activation_gradient, place_sources};

}  // namespace cnnfast
