#include "graph/plan.h"

#include "cnnfast/error.h"
#include "ops/op.h"

namespace cnnfast {

namespace {

// Below this many multiply-adds a run stays on the caller's thread: at 50 a nanosecond they take 40 us, in
// which a team would wake up and meet at a dozen barriers.
constexpr int64_t kParallelWork = 2'000'000;
constexpr double kFormulaWork = 5;  // multiply-adds in the time of an element's instruction

// Depth-first execution needs a micro-batch's activations to lie near the core: a core's share of the
// third-level cache is enough. Zen 3, 2026-11, batch 128, one thread: the CIFAR network (4.9 MB) gains 4 % in
// training and 11 % in prediction, the MNIST one (1 MB) 2 to 4 %; memory falls to a third, and on two threads
// beside busy processes a step took 0.7 times as long: its threads meet four times instead of forty.
constexpr int kMicroBatch = kLanes;
constexpr size_t kMostOwnMemory = 6 << 20;

// Values that something trained, or an input, leads to, and that lead to one of the ends.
void mark_needed_gradients(Builder& b, const Draft& draft, const std::vector<int>& ends) {
  std::vector<bool> leads(draft.nodes.size(), false);
  for (const int end : ends) leads[static_cast<size_t>(end)] = true;
  for (size_t i = draft.nodes.size(); i-- > 0;)
    if (leads[i])
      for (const int src : draft.nodes[i].inputs) leads[static_cast<size_t>(src)] = true;
  for (int i = 0; i < static_cast<int>(draft.nodes.size()); ++i) {
    const Node& node = draft.nodes[static_cast<size_t>(i)];
    bool needed = node.as<InputAttrs>() && b.differentiates_input();
    for (const int position : node.params) needed = needed || (moves_params(node) && b.trainable(position));
    for (const int src : node.inputs) needed = needed || (b.needs_grad(src) && !node.stops_gradient);
    b.set_needs_grad(i, needed && leads[static_cast<size_t>(i)]);
  }
}

// Values that there are only after the update: weights as it leaves them, gradients, and what comes of these.
std::vector<bool> follow_update(const Draft& draft) {
  std::vector<bool> follow(draft.nodes.size(), false);
  for (size_t i = 0; i < follow.size(); ++i) {
    const Node& node = draft.nodes[i];
    follow[i] = !node.params.empty() && !moves_params(node) && !node.as<AssignAttrs>();
    for (const int src : node.inputs) follow[i] = follow[i] || follow[static_cast<size_t>(src)];
  }
  return follow;
}

const Op& op_of(const Builder& b, int value) {
  return *b.options.target.op_of(b.node(value));
}

void lower_forward(Builder& b, const std::vector<bool>& follow, bool after_update) {
  for (size_t i = 0; i < follow.size(); ++i)
    if (follow[i] == after_update) op_of(b, static_cast<int>(i)).forward(b, static_cast<int>(i));
}

// From the caller.
void lower_given_gradients(Builder& b, const std::vector<int>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i)
    if (b.needs_grad(outputs[i]))
      b.options.target.given_gradient(b, b.node(outputs[i]), i, b.new_grad(outputs[i]));
}

// After all gradients of parameters: weights take the values that they are assigned.
void lower_assignments(Builder& b, const Draft& draft) {
  for (size_t i = 0; i < draft.nodes.size(); ++i)
    if (draft.nodes[i].as<AssignAttrs>()) op_of(b, static_cast<int>(i)).backward(b, static_cast<int>(i));
}

// Zeros, where no loss or output depends on the value.
void lower_no_gradient(Builder& b, int value) {
  const Node& node = b.node(value);
  const Target& target = b.options.target;
  if (const auto* input = node.as<InputAttrs>(); input && b.differentiates_input()) {
    const int64_t floats = floats_of(node, b.n);
    const auto at = [i = input->number](const Run& run) { return run.grad_inputs[i]; };
    const Where to = [=](const Context& c) { return c.made ? c.made : at(c.run); };
    Step& step = target.fill(b, node, "no gradient", {}, to, floats, 0);
    if (&target != &kCpuTarget) step.transfers.made = floats, step.transfers.at = at;
  }
  if (!moves_params(node)) return;
  for (const int position : node.params)
    if (b.trainable(position))
      target.fill(b, node, "no gradient", {}, grad_of(b.place(position)), b.param(position).size(), 0);
}

void lower_backward(Builder& b, const Draft& draft) {
  for (int i = static_cast<int>(draft.nodes.size()) - 1; i >= 0; --i)
    if (b.needs_grad(i) && b.has_grad(i))
      op_of(b, i).backward(b, i);
    else
      lower_no_gradient(b, i);
}

// That the target has all that the draft needs.
void check_ops(const Draft& draft, const Target& target) {
  for (const Node& node : draft.nodes)
    if (!target.op_of(node))
      fail(node.name, ": the ", target.name, " target has no ", op_of(node).name,
           " yet; run this model on the CPU: model.to(\"cpu\").");
}

double work_of(const Graph& graph, int n) {
  double madds = 0;
  for (size_t i = 0; i < graph.nodes().size(); ++i)
    madds +=
        static_cast<double>(graph.multiply_adds(static_cast<int>(i))) * (graph.nodes()[i].rows == 0 ? 1 : n);
  for (const Node& node : graph.nodes())
    if (const auto* attrs = node.as<FormulaAttrs>())
      madds += static_cast<double>(rows_of(node, n) * node.elems()) * kFormulaWork *
               static_cast<double>(attrs->formula.code.size());
  return madds;
}

// Whether the batch may be cut into micro-batches at all: not where values, or what becomes of them, are of
// all samples at once. Known from shapes alone, as results depend on it.
bool can_cut(const PlanRequest& r) {
  const bool whole_batch = r.mode == Mode::vjp || r.mode == Mode::vjp_training;
  if (whole_batch || r.disabled.count("depth_first") || r.n <= kMicroBatch || r.n % kMicroBatch != 0)
    return false;
  if (&r.target != &kCpuTarget) return false;
  const Draft draft(r.graph, r.outputs);
  for (const Node& node : draft.nodes) {
    if ((op_of(node).mixes_samples && r.mode == Mode::train) || node.as<HostAttrs>()) return false;
    if (node.rows == 0)
      for (const int src : node.inputs)
        if (draft.nodes[static_cast<size_t>(src)].rows > 0) return false;
  }
  for (const int output : draft.outputs)
    if (draft.nodes[static_cast<size_t>(output)].rows == 0) return false;
  return true;
}

}  // namespace

PassOptions pass_options(const PlanRequest& r, int n) {
  return {n, r.mode, r.precision, r.kernels, r.forced, r.tuning, r.first, r.target};
}

Program make_program(const PlanRequest& r, int n) {
  Draft draft(r.graph, r.outputs);
  const PassOptions options = pass_options(r, n);
  run_passes(draft, options, r.disabled);
  check_ops(draft, r.target);
  const std::vector<int>& outputs = draft.outputs;

  Builder b(draft, r.graph, options, r.n);
  std::vector<int> ends = outputs;
  if (r.mode == Mode::train) {
    const auto calls_out = [](const Node& node) { return node.as<HostAttrs>() != nullptr; };
    const bool at_once =
        r.target.has_layouts && std::none_of(draft.nodes.begin(), draft.nodes.end(), calls_out);
    plan_update(b, r.update, at_once);
    ends.resize(r.objective->losses.size());
  }
  mark_needed_gradients(b, draft, ends);
  if (r.mode == Mode::train) set_loss_rates(b, outputs, *r.objective);
  const std::vector<bool> follow = follow_update(draft);
  if (!r.disabled.count("place_inside"))
    for (int i = static_cast<int>(draft.nodes.size()); i-- > 0;) r.target.place_sources(b, i);
  lower_forward(b, follow, false);
  switch (r.mode) {
    case Mode::predict:
      r.target.outputs(b, outputs);
      b.join_micro_batches(0);
      break;
    case Mode::evaluate:
      r.target.results(b, outputs, *r.objective, r.update);
      b.join_micro_batches(results_of(*r.objective));
      break;
    case Mode::train:
      r.target.results(b, outputs, *r.objective, r.update);
      lower_backward(b, draft);
      b.sum_uses();
      b.join_micro_batches(results_of(*r.objective));
      r.target.update(b, b.node(outputs[0]), r.update);
      lower_forward(b, follow, true);
      lower_assignments(b, draft);
      break;
    case Mode::vjp:
    case Mode::vjp_training:
      lower_given_gradients(b, outputs);
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
