// Losses and metrics: a number for each vector of predictions.
#include "cnnfast/error.h"
#include "cuda/kernels/kernels.h"
#include "cuda/lower.h"
#include "graph/builder.h"
#include "ops/rows.h"

namespace cnnfast::cuda {

namespace {

RowKind kind_of(LossKind kind) {
  switch (kind) {
    case LossKind::softmax_cross_entropy:
      return RowKind::softmax_cross_entropy;
    case LossKind::sigmoid_cross_entropy:
      return RowKind::sigmoid_cross_entropy;
    case LossKind::squared_error:
      break;
  }
  return RowKind::squared_error;
}

struct LossStep {
  RowKind kind;
  bool labels;
  Buffer from, targets, weights;  // weights: or none
  int64_t rows, cols, rows_a_weight;

  LossStep(Builder& b, const Node& node)
      : kind(kind_of(node.as<LossAttrs>()->kind)),
        labels(node.as<LossAttrs>()->labels),
        from(b.output(node.inputs[0])),
        targets(b.output(node.inputs[1])),
        rows_a_weight(1) {
    const VectorTasks vectors = vector_tasks(b.source(node), b.n);
    rows = vectors.rows, cols = vectors.cols;
    if (node.inputs.size() < 3) return;
    weights = b.output(node.inputs[2]);
    rows_a_weight = b.source(node, 2).dims.empty() ? node.elems() : 1;
  }
  std::vector<Buffer> uses(std::initializer_list<Buffer> more) const {
    std::vector<Buffer> all{from, targets};
    if (weights) all.push_back(weights);
    for (const Buffer buffer : more)
      if (buffer) all.push_back(buffer);
    return all;
  }
  RowLosses at(const Context& c) const {
    return {kind, labels, c.at(from),   c.at(targets), weights ? c.at(weights) : nullptr,
            rows, cols,   rows_a_weight};
  }
};

void loss_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const LossStep loss(b, node);
  const float rate = b.known_grad(value);
  const Buffer to = b.output(value);
  const Buffer grad = rate != 0 && b.needs_grad(node.inputs[0]) ? b.new_grad(node.inputs[0]) : Buffer{};
  launch(b, node, "loss", loss.uses({to, grad}), [=](const Context& c) {
    row_losses(stream_of(c), loss.at(c), c.at(to), grad ? c.at(grad) : nullptr, rate, nullptr);
  });
}

void loss_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const bool by_targets = b.needs_grad(node.inputs[1]) && !node.as<LossAttrs>()->labels;
  if (node.inputs.size() > 2 && b.needs_grad(node.inputs[2]))
    fail(node.name, ": weights of a loss have no gradient; multiply the loss by them instead.");
  const bool done = b.known_grad(value) != 0;  // by the forward step
  const bool by_predictions = !done && b.needs_grad(node.inputs[0]);
  if (!by_targets && !by_predictions) return;
  const LossStep loss(b, node);
  const Buffer rates = b.grad(value);
  if (by_targets) {
    const Buffer grad = b.new_grad(node.inputs[1]);
    launch(b, node, "backward targets", loss.uses({rates, grad}),
           [=](const Context& c) { row_target_grads(stream_of(c), loss.at(c), c.at(rates), c.at(grad)); });
  }
  if (!by_predictions) return;
  const Buffer grad = b.new_grad(node.inputs[0]);
  launch(b, node, "backward", loss.uses({rates, grad}), [=](const Context& c) {
    row_losses(stream_of(c), loss.at(c), nullptr, c.at(grad), 1, c.at(rates));
  });
}

RowMetric kind_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::accuracy:
      return RowMetric::accuracy;
    case MetricKind::binary_accuracy:
      return RowMetric::binary_accuracy;
    case MetricKind::top_k:
      return RowMetric::top_k;
    case MetricKind::equal:
      return RowMetric::equal;
    case MetricKind::mean_squared_error:
      return RowMetric::mean_squared_error;
    case MetricKind::mean_absolute_error:
      break;
  }
  return RowMetric::mean_absolute_error;
}

void metric_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const MetricAttrs attrs = *node.as<MetricAttrs>();
  const VectorTasks rows = vector_tasks(b.source(node), b.n);
  const Buffer from = b.output(node.inputs[0]), targets = b.output(node.inputs[1]), to = b.output(value);
  launch(b, node, "forward", {from, targets, to}, [=, kind = kind_of(attrs.metric.kind)](const Context& c) {
    row_metrics(stream_of(c), kind, attrs.metric.k, attrs.metric.threshold, attrs.labels, c.at(from),
                c.at(targets), c.at(to), rows.rows, rows.cols);
  });
}

void metric_backward(Builder& b, int value) {
  fail(b.node(value).name, ": a metric has no gradient; use a loss.");
}

}  // namespace

const Op kLoss{"loss", loss_forward, loss_backward};
const Op kMetric{"metric", metric_forward, metric_backward};

}  // namespace cnnfast::cuda
