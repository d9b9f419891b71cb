#include "ops/loss.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "cnnfast/error.h"
#include "ops/op.h"

namespace cnnfast {

namespace {

constexpr int64_t kRowTask = 64;

bool is_crossentropy(Loss loss) {
  return loss != Loss::mean_squared_error && loss != Loss::none;
}

const char* name_of(Loss loss) {
  switch (loss) {
    case Loss::sparse_categorical_crossentropy:
      return "sparse_categorical_crossentropy";
    case Loss::categorical_crossentropy:
      return "categorical_crossentropy";
    case Loss::binary_crossentropy:
      return "binary_crossentropy";
    default:
      return "mean_squared_error";
  }
}

// One row of what `predict` returns, and what it should have been.
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

// Makes rows of the network's output from those of its last activation's input.
using Finish = std::function<void(const float* from, float* to, int64_t rows, int64_t cols)>;

Finish finish_of(ActivationKind merged, const KernelTable& k) {
  if (merged == ActivationKind::softmax) return k.softmax;
  return [activate = k.activate, kind = kernel_activation(merged)](const float* from, float* to, int64_t rows,
                                                                   int64_t cols) {
    activate(kind, from, to, rows * cols);
  };
}

struct Penalty {
  ParamPlace param;
  int64_t size;
  Regularizer regularizer;
};

// Frozen weights have none: nothing that training does changes theirs.
std::vector<Penalty> penalties_of(const Builder& b, const UpdatePlan& update) {
  std::vector<Penalty> penalties;
  for (size_t i = 0; i < update.regularizers.size(); ++i) {
    const Regularizer& r = update.regularizers[i];
    const int position = static_cast<int>(i);
    if (update.trainable[i] && (r.l1 != 0 || r.l2 != 0))
      penalties.push_back({b.place(position), b.param(position).size(), r});
  }
  return penalties;
}

double penalty_of(const std::vector<Penalty>& penalties, const Context& c) {
  double sum = 0;
  for (const Penalty& p : penalties) {
    const float* const w = c.values(p.param);
    for (int64_t i = 0; i < p.size; ++i)
      sum += p.regularizer.l1 * std::abs(static_cast<double>(w[i])) +
             p.regularizer.l2 * static_cast<double>(w[i]) * w[i];
  }
  return sum;
}

}  // namespace

LossPlan plan_loss(Draft& draft, Loss loss, bool from_logits, std::vector<Metric> metrics) {
  LossPlan plan{loss, from_logits, std::move(metrics)};
  const Node& last = draft.nodes[static_cast<size_t>(draft.output)];
  if (last.dims.size() != 1)
    fail("the loss needs a network whose output is one row a sample, got ", to_string(last.dims),
         ". End the network with Flatten or Dense.");
  if (loss == Loss::sparse_categorical_crossentropy && last.dims[0] < 2)
    fail(name_of(loss), " needs at least two classes, the network has ", last.dims[0],
         " output. Use binary_crossentropy for a single unit.");
  if (!is_crossentropy(loss)) return plan;
  const ActivationKind wanted =
      loss == Loss::binary_crossentropy ? ActivationKind::sigmoid : ActivationKind::softmax;
  const auto* activation = last.as<ActivationAttrs>();
  const ActivationKind kind = activation ? activation->kind : ActivationKind::linear;
  const bool squashes = kind == ActivationKind::softmax || kind == ActivationKind::sigmoid;
  if (from_logits && !squashes) return plan;
  if (!from_logits && kind != wanted) {
    const char* name = wanted == ActivationKind::softmax ? "softmax" : "sigmoid";
    fail(name_of(loss), " needs probabilities: end the network with a ", name,
         " activation, or pass from_logits=True for a network that ends without one.");
  }
  draft.output = last.inputs[0];
  draft.drop_unused();
  plan.merged = kind;
  return plan;
}

void lower_loss(Builder& b, int value, const LossPlan& plan, const UpdatePlan& update) {
  const Node& node = b.node(value);
  const int64_t cols = node.elems(), n = b.n, batch = b.batch;
  const Buffer out = b.output(value), losses = b.buffer(n);
  const bool gradient = b.mode == Mode::train;
  const bool finishes = plan.merged != ActivationKind::linear && !plan.metrics.empty();
  const Buffer finished = finishes ? b.buffer(n * cols) : out;  // what metrics read
  std::vector<Buffer> uses{out, losses, finished};
  Buffer grad;
  if (gradient) {
    grad = b.new_grad(value);
    uses.push_back(grad);
  }
  const auto row_loss = plan.loss == Loss::binary_crossentropy  ? b.k.sigmoid_cross_entropy
                        : plan.loss == Loss::mean_squared_error ? b.k.squared_error
                                                                : b.k.softmax_cross_entropy;
  const Finish finish = finish_of(plan.merged, b.k);
  b.step(node, "loss", ceil_div(n, kRowTask), uses, [=](const Context& c, int64_t task) {
    const int64_t row = task * kRowTask;
    RowLoss r{};
    r.src = c.at(out) + row * cols;
    r.labels = c.run.y.labels ? c.run.y.labels + row : nullptr;
    r.targets = c.run.y.values ? c.run.y.values + row * cols : nullptr;
    r.loss = c.at(losses) + row;
    r.grad = gradient ? c.at(grad) + row * cols : nullptr;
    r.scale = 1.0f / static_cast<float>(batch);
    r.rows = static_cast<int32_t>(std::min(kRowTask, n - row)), r.cols = static_cast<int32_t>(cols);
    row_loss(r);
    if (finishes) finish(r.src, c.at(finished) + row * cols, r.rows, cols);
  });

  const std::vector<Penalty> penalties = penalties_of(b, update);
  const std::vector<Metric> metrics = plan.metrics;
  b.step(node, "metrics", 1, {finished, losses}, [=](const Context& c, int64_t) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += c.at(losses)[i];
    c.run.results[0] = sum / static_cast<double>(n) + penalty_of(penalties, c);
    for (size_t m = 0; m < metrics.size(); ++m) {
      double total = 0;
      for (int64_t i = 0; i < n; ++i) {
        const Row row{c.at(finished) + i * cols, c.run.y.values ? c.run.y.values + i * cols : nullptr,
                      c.run.y.labels ? c.run.y.labels[i] : 0, cols};
        total += metric_of(metrics[m], row);
      }
      c.run.results[m + 1] = total / static_cast<double>(n);
    }
  });
}

}  // namespace cnnfast
