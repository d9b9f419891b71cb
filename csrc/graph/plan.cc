#include "graph/plan.h"

#include "ops/op.h"

namespace cnnfast {

namespace {

// Below this many multiply-adds a run stays on the caller's thread: at 50 a nanosecond they take 40 us, in
// which a team would wake up and meet at a dozen barriers.
constexpr int64_t kParallelWork = 2'000'000;

void mark_needed_gradients(Builder& b, const Draft& draft) {
  for (int i = 0; i < static_cast<int>(draft.nodes.size()); ++i) {
    const Node& node = draft.nodes[static_cast<size_t>(i)];
    bool needed = node.as<InputAttrs>() && b.differentiates_input();
    for (const int position : node.params) needed = needed || b.trainable(position);
    for (const int src : node.inputs) needed = needed || b.needs_grad(src);
    b.set_needs_grad(i, needed);
  }
}

// Copies the network's output to the caller, or its gradient from there.
void lower_output(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t elems = node.elems();
  const Buffer out = b.output(value);
  b.step(node, "output", b.n, {out}, [=](const Context& c, int64_t sample) {
    std::copy_n(c.at(out) + sample * elems, elems, c.run.out + sample * elems);
  });
}

void lower_given_gradient(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t elems = node.elems();
  const Buffer grad = b.new_grad(value);
  b.step(node, "given gradient", b.n, {grad}, [=](const Context& c, int64_t sample) {
    std::copy_n(c.run.grad_out + sample * elems, elems, c.at(grad) + sample * elems);
  });
}

void lower_backward(Builder& b, const Draft& draft) {
  for (int i = static_cast<int>(draft.nodes.size()) - 1; i >= 0; --i)
    if (b.needs_grad(i)) op_of(b.node(i)).backward(b, i);
}

int64_t work_of(const Graph& graph, int n) {
  int64_t madds = 0;
  for (size_t i = 0; i < graph.nodes().size(); ++i) madds += graph.multiply_adds(static_cast<int>(i));
  return madds * n;
}

}  // namespace

PassOptions pass_options(const PlanRequest& r) {
  return {r.n, r.mode, r.precision, r.forced, r.kernels.isa, r.tuning, r.first};
}

Program make_program(const PlanRequest& r) {
  Draft draft(r.graph, r.output);
  LossPlan loss = r.loss;
  if (r.mode == Mode::train || r.mode == Mode::evaluate)
    loss = plan_loss(draft, loss.loss, loss.from_logits, loss.metrics);
  run_passes(draft, pass_options(r), r.disabled);

  Builder b(draft, r.graph, r.kernels, r.n, r.mode);
  if (r.mode == Mode::train) b.set_trainable(r.update.trainable);
  mark_needed_gradients(b, draft);
  for (int i = 0; i < static_cast<int>(draft.nodes.size()); ++i) op_of(b.node(i)).forward(b, i);
  switch (r.mode) {
    case Mode::predict:
      lower_output(b, draft.output);
      break;
    case Mode::evaluate:
      lower_loss(b, draft.output, loss, r.update.regularizers);
      break;
    case Mode::train:
      lower_loss(b, draft.output, loss, r.update.regularizers);
      lower_backward(b, draft);
      lower_update(b, b.node(draft.output), r.graph.params(), r.update);
      break;
    case Mode::vjp:
    case Mode::vjp_training:
      lower_given_gradient(b, draft.output);
      lower_backward(b, draft);
      break;
  }
  const int threads = work_of(r.graph, r.n) < kParallelWork ? 1 : r.threads;
  return b.finish(threads, !r.disabled.count("reuse_memory"));
}

}  // namespace cnnfast
