// Functions that are not the core's. One task calls one; where it fails, the steps behind it are left out.
#include "ops/op.h"

namespace cnnfast {

namespace {

std::vector<Buffer> sources(Builder& b, const Node& node) {
  std::vector<Buffer> from;
  for (const int src : node.inputs) from.push_back(b.output(src));
  return from;
}

std::vector<const float*> places(const Context& c, const std::vector<Buffer>& buffers) {
  std::vector<const float*> at;
  for (const Buffer buffer : buffers) at.push_back(c.at(buffer));
  return at;
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const std::vector<Buffer> from = sources(b, node);
  const Buffer to = b.output(value);
  std::vector<Buffer> uses = from;
  uses.push_back(to);
  Step& step = b.step(node, "forward", 1, uses,
                      [=, n = b.n, function = node.as<HostAttrs>()->function](const Context& c, int64_t) {
                        if (!function->forward(n, places(c, from).data(), c.at(to)))
                          *c.run.failed = function.get();
                      });
  step.may_fail = true;
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const std::vector<Buffer> from = sources(b, node);
  const Buffer out = b.output(value), grad = b.grad(value);
  std::vector<Buffer> to;
  for (const int src : node.inputs)
    to.push_back(b.needs_grad(src) && !node.stops_gradient ? b.new_grad(src) : Buffer{});
  std::vector<Buffer> uses = from;
  uses.insert(uses.end(), {out, grad});
  for (const Buffer each : to)
    if (each) uses.push_back(each);
  Step& step =
      b.step(node, "backward data", 1, uses,
             [=, n = b.n, function = node.as<HostAttrs>()->function](const Context& c, int64_t) {
               std::vector<float*> grads;
               for (const Buffer each : to) grads.push_back(each ? c.at(each) : nullptr);
               if (!function->backward(n, places(c, from).data(), c.at(out), c.at(grad), grads.data()))
                 *c.run.failed = function.get();
             });
  step.may_fail = true;
}

}  // namespace

const Op kHostOp{"host", forward, backward};

}  // namespace cnnfast
