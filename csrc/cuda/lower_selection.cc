// Ops that take cells which other values tell: gather, order.
#include "cnnfast/error.h"
#include "cuda/kernels/kernels.h"
#include "cuda/lower.h"
#include "graph/builder.h"
#include "ops/gather.h"
#include "ops/operand.h"
#include "ops/rows.h"

namespace cnnfast::cuda {

namespace {

Gathering gathering_of(const Builder& b, const Node& node) {
  const Gather from = gather_of(b, node);
  check_axes(node.name, from.axes.size(), kMostBoxAxes);
  Gathering g{};
  g.cells = from.cells, g.step = from.step;
  for (const GatherAxis& axis : from.axes) {
    g.size[g.axes] = axis.size, g.src[g.axes] = axis.src;
    g.index[g.axes++] = axis.index;
  }
  return g;
}

void gather_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Operand src(b, node.inputs[0]), index(b, node.inputs[1]);
  const Buffer to = b.output(value);
  Step& step = launch(b, node, "forward", {to}, [=, g = gathering_of(b, node)](const Context& c) {
    gather(stream_of(c), g, src.at(c), index.at(c), c.at(to));
  });
  src.declare(step), index.declare(step);
}

void gather_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  if (!b.needs_grad(node.inputs[0])) return;  // indices have none
  const Gathering g = gathering_of(b, node);
  const Operand index(b, node.inputs[1]);
  const Buffer grad = b.grad(value), to = b.new_grad(node.inputs[0]), scratch = b.buffer(gather_scratch(g));
  Step& step = launch(b, node, "backward", {grad, scratch, to}, [=](const Context& c) {
    gather_grad(stream_of(c), g, c.at(grad), index.at(c), c.at(scratch), c.at(to));
  });
  index.declare(step);
}

void order_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const VectorTasks vectors = vector_tasks(b.source(node), b.n);
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  const Buffer scratch = b.buffer(order_scratch(vectors.rows, vectors.cols));
  launch(b, node, "forward", {from, scratch, to},
         [=, count = node.dims.back(), descending = node.as<OrderAttrs>()->descending](const Context& c) {
           order(stream_of(c), c.at(from), vectors.rows, vectors.cols, count, descending, c.at(scratch),
                 c.at(to));
         });
}

void no_gradient(Builder&, int) {}

}  // namespace

const Op kGather{"gather", gather_forward, gather_backward};
const Op kOrder{"order", order_forward, no_gradient};

}  // namespace cnnfast::cuda
