// Metrics: one number for each vector of predictions.
#include <cmath>

#include "cnnfast/error.h"
#include "ops/input.h"
#include "ops/op.h"
#include "ops/rows.h"

namespace cnnfast {

namespace {

// One vector of what `predict` returns, and what it should have been.
struct Row {
  const float* out;
  const float* target;  // null with a label
  int32_t label;
  int64_t cols;
};

int64_t true_class(const Row& r) {
  return r.target ? std::max_element(r.target, r.target + r.cols) - r.target : r.label;
}

// Whether the true class is the first of the largest outputs. NaN is never right.
bool is_largest(const Row& r) {
  const int64_t truth = true_class(r);
  for (int64_t c = 0; c < r.cols; ++c)
    if (r.out[c] > r.out[truth] || (r.out[c] == r.out[truth] && c < truth)) return false;
  return !std::isnan(r.out[truth]);
}

// Whether fewer than k outputs are larger than the true class's. Where an output is not finite, nothing is.
bool is_among_largest(const Row& r, int k) {
  const float truth = r.out[true_class(r)];
  int64_t larger = 0;
  for (int64_t c = 0; c < r.cols; ++c) {
    if (!std::isfinite(r.out[c])) return false;
    larger += r.out[c] > truth;
  }
  return larger < k;
}

// Mean over the columns of of(output, target).
template <class Of>
double row_mean(const Row& r, Of of) {
  double total = 0;
  for (int64_t c = 0; c < r.cols; ++c) total += of(r.out[c], r.target ? r.target[c] : float(c == r.label));
  return total / static_cast<double>(r.cols);
}

double metric_of(const Metric& metric, const Row& row) {
  switch (metric.kind) {
    case MetricKind::accuracy:
      return is_largest(row);
    case MetricKind::top_k:
      return is_among_largest(row, metric.k);
    case MetricKind::equal:
      return row_mean(row, [](double out, double target) { return out == target; });
    case MetricKind::binary_accuracy:
      return row_mean(row, [&](float out, float target) { return (out > metric.threshold) == target; });
    case MetricKind::mean_squared_error:
      return row_mean(row, [](double out, double target) { return (out - target) * (out - target); });
    case MetricKind::mean_absolute_error:
      return row_mean(row, [](double out, double target) { return std::abs(out - target); });
  }
  return 0;
}

void forward(Builder& b, int value) {
  const Node &node = b.node(value), &src = b.source(node);
  const MetricAttrs attrs = *node.as<MetricAttrs>();
  const VectorTasks tasks = vector_tasks(src, b.n);
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  const Reader targets(b, node.inputs[1]);
  std::vector<Buffer> uses{from, to};
  if (targets.buffer()) uses.push_back(targets.buffer());
  Step& step = b.step(node, "forward", tasks.count(), uses, [=](const Context& c, int64_t task) {
    const int64_t row = tasks.begin(task), n = tasks.size(task), cols = tasks.cols;
    const int32_t* labels = attrs.labels ? targets.labels(c, row, n, c.scratch) : nullptr;
    const float* values = attrs.labels ? nullptr : targets.floats(c, row * cols, n * cols, c.scratch);
    for (int64_t i = 0; i < n; ++i) {
      const int32_t label = labels ? labels[i] : 0;
      const Row one{c.at(from) + (row + i) * cols, values ? values + i * cols : nullptr, label, cols};
      const bool known = label >= 0 && label < cols;
      c.at(to)[row + i] = known ? static_cast<float>(metric_of(attrs.metric, one)) : std::nanf("");
    }
  });
  step.scratch = tasks.some * (attrs.labels ? 1 : tasks.cols);
}

void backward(Builder& b, int value) {
  fail(b.node(value).name, ": a metric has no gradient; use a loss.");
}

}  // namespace

const Op kMetricOp{"metric", forward, backward};

}  // namespace cnnfast
