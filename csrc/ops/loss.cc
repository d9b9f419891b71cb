#include "ops/loss.h"

#include <algorithm>
#include <cmath>

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

// One row of the network's output, and what it should have been.
struct Row {
  const float* out;
  const float* target;  // null with a label
  int32_t label;
  int64_t cols;
  bool logits;  // of a merged sigmoid or softmax
};

int64_t true_class(const Row& r) {
  return r.target ? std::max_element(r.target, r.target + r.cols) - r.target : r.label;
}

// How many classes score above the true one; ties count for the true class only if it comes first.
int64_t rank_of_truth(const Row& r) {
  const int64_t truth = true_class(r);
  int64_t rank = 0;
  for (int64_t c = 0; c < r.cols; ++c)
    rank += r.out[c] > r.out[truth] || (r.out[c] == r.out[truth] && c < truth) || std::isnan(r.out[truth]);
  return rank;
}

double binary_accuracy(const Row& r) {
  const float threshold = r.logits ? 0.0f : 0.5f;
  int64_t right = 0;
  for (int64_t c = 0; c < r.cols; ++c) right += (r.out[c] > threshold) == (r.target[c] > 0.5f);
  return static_cast<double>(right) / static_cast<double>(r.cols);
}

// Mean distance between output and target; a merged softmax or sigmoid is undone first.
double mean_error(const Row& r, Loss loss, bool squared) {
  double highest = r.out[0], sum = 0;
  const bool softmax = r.logits && loss != Loss::binary_crossentropy;
  if (softmax) {
    for (int64_t c = 0; c < r.cols; ++c) highest = std::max(highest, static_cast<double>(r.out[c]));
    for (int64_t c = 0; c < r.cols; ++c) sum += std::exp(r.out[c] - highest);
  }
  double error = 0;
  for (int64_t c = 0; c < r.cols; ++c) {
    double p = r.out[c];
    if (softmax)
      p = std::exp(p - highest) / sum;
    else if (r.logits)
      p = 1 / (1 + std::exp(-p));
    const double target = r.target ? r.target[c] : (c == r.label);
    error += squared ? (p - target) * (p - target) : std::abs(p - target);
  }
  return error / static_cast<double>(r.cols);
}

double metric_of(const Metric& metric, const Row& row, Loss loss) {
  switch (metric.kind) {
    case MetricKind::accuracy:
      return rank_of_truth(row) == 0;
    case MetricKind::top_k:
      return rank_of_truth(row) < metric.k;
    case MetricKind::binary_accuracy:
      return binary_accuracy(row);
    case MetricKind::mean_squared_error:
      return mean_error(row, loss, true);
    case MetricKind::mean_absolute_error:
      return mean_error(row, loss, false);
  }
  return 0;
}

struct Penalty {
  ParamPlace param;
  int64_t size;
  Regularizer regularizer;
};

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
  if (!is_crossentropy(loss) || from_logits) return plan;
  const ActivationKind wanted =
      loss == Loss::binary_crossentropy ? ActivationKind::sigmoid : ActivationKind::softmax;
  const auto* activation = last.as<ActivationAttrs>();
  if (!activation || activation->kind != wanted) {
    const char* name = wanted == ActivationKind::softmax ? "softmax" : "sigmoid";
    fail(name_of(loss), " needs probabilities: end the network with a ", name,
         " activation, or pass from_logits=True for a network that ends without one.");
  }
  draft.output = last.inputs[0];
  draft.drop_unused();
  plan.from_logits = true;
  return plan;
}

void lower_loss(Builder& b, int value, const LossPlan& plan, const std::vector<Regularizer>& regularizers) {
  const Node& node = b.node(value);
  const int64_t cols = node.elems(), n = b.n, batch = b.batch;
  const Buffer out = b.output(value), losses = b.buffer(n);
  const bool gradient = b.mode == Mode::train;
  std::vector<Buffer> uses{out, losses};
  Buffer grad;
  if (gradient) {
    grad = b.new_grad(value);
    uses.push_back(grad);
  }
  const auto row_loss = plan.loss == Loss::binary_crossentropy  ? b.k.sigmoid_cross_entropy
                        : plan.loss == Loss::mean_squared_error ? b.k.squared_error
                                                                : b.k.softmax_cross_entropy;
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
  });

  std::vector<Penalty> penalties;
  for (size_t i = 0; i < regularizers.size(); ++i)
    if (regularizers[i].l1 != 0 || regularizers[i].l2 != 0)
      penalties.push_back(
          {b.place(static_cast<int>(i)), b.param(static_cast<int>(i)).size(), regularizers[i]});
  const std::vector<Metric> metrics = plan.metrics;
  const Loss loss = plan.loss;
  const bool logits = plan.from_logits && is_crossentropy(loss);
  b.step(node, "metrics", 1, {out, losses}, [=](const Context& c, int64_t) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += c.at(losses)[i];
    c.run.results[0] = sum / static_cast<double>(n) + penalty_of(penalties, c);
    for (size_t m = 0; m < metrics.size(); ++m) {
      double total = 0;
      for (int64_t i = 0; i < n; ++i) {
        const Row row{c.at(out) + i * cols, c.run.y.values ? c.run.y.values + i * cols : nullptr,
                      c.run.y.labels ? c.run.y.labels[i] : 0, cols, logits};
        total += metric_of(metrics[m], row, loss);
      }
      c.run.results[m + 1] = total / static_cast<double>(n);
    }
  });
}

}  // namespace cnnfast
