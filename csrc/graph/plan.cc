#include "graph/plan.h"

#include "ops/op.h"

namespace cnnfast {

namespace {

// Below this many multiply-adds a run stays on the caller's thread: at 50 a nanosecond they take 40 us, in
// which a team would wake up and meet at a dozen barriers.
constexpr int64_t kParallelWork = 2'000'000;

// Depth-first execution needs a micro-batch's activations to lie near the core: a core's share of the
// third-level cache is enough. Zen 3, 2026-11, batch 128, one thread: the CIFAR network (4.9 MB) gains 4 % in
// training and 11 % in prediction, the MNIST one (1 MB) 2 to 4 %; memory falls to a third, and on two threads
// beside busy processes a step took 0.7 times as long: it has four barriers instead of forty.
constexpr int kMicroBatch = kLanes;
constexpr size_t kMostOwnMemory = 6 << 20;

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

double work_of(const Graph& graph, int n) {
  double madds = 0;
  for (size_t i = 0; i < graph.nodes().size(); ++i)
    madds += static_cast<double>(graph.multiply_adds(static_cast<int>(i)));
  return madds * n;
}

// Whether the batch may be cut into micro-batches at all. Known from shapes alone, as results depend on it.
bool can_cut(const PlanRequest& r) {
  const bool whole_batch = r.mode == Mode::vjp || r.mode == Mode::vjp_training;
  return !whole_batch && !r.disabled.count("depth_first") && r.n > kMicroBatch && r.n % kMicroBatch == 0;
}

}  // namespace

PassOptions pass_options(const PlanRequest& r, int n) {
  return {n, r.mode, r.precision, r.kernels, r.forced, r.tuning, r.first};
}

Program make_program(const PlanRequest& r, int n) {
  Draft draft(r.graph, r.output);
  LossPlan loss = r.loss;
  if (r.mode == Mode::train || r.mode == Mode::evaluate)
    loss = plan_loss(draft, loss.loss, loss.from_logits, loss.metrics);
  const PassOptions options = pass_options(r, n);
  run_passes(draft, options, r.disabled);

  Builder b(draft, r.graph, options, r.n);
  if (r.mode == Mode::train) plan_update(b, r.update);
  mark_needed_gradients(b, draft);
  const int64_t results = static_cast<int64_t>(loss.metrics.size()) + 1;
  for (int i = 0; i < static_cast<int>(draft.nodes.size()); ++i) op_of(b.node(i)).forward(b, i);
  switch (r.mode) {
    case Mode::predict:
      lower_output(b, draft.output);
      b.join_micro_batches(0);
      break;
    case Mode::evaluate:
      lower_loss(b, draft.output, loss, r.update);
      b.join_micro_batches(results);
      break;
    case Mode::train:
      lower_loss(b, draft.output, loss, r.update);
      lower_backward(b, draft);
      b.sum_uses();
      b.join_micro_batches(results);
      lower_update(b, b.node(draft.output), r.update);
      break;
    case Mode::vjp:
    case Mode::vjp_training:
      lower_given_gradient(b, draft.output);
      lower_backward(b, draft);
      b.sum_uses();
      break;
  }
  const int threads = work_of(r.graph, r.n) < kParallelWork ? 1 : r.threads;
  return b.finish(threads, !r.disabled.count("reuse_memory"));
}

Program make_program(const PlanRequest& r) {
  Program whole = make_program(r, r.n);
  if (!can_cut(r)) return whole;
  Program cut = make_program(r, kMicroBatch);
  return cut.own_memory() <= kMostOwnMemory && cut.floats(1) < whole.floats(1) ? std::move(cut)
                                                                               : std::move(whole);
}

}  // namespace cnnfast
