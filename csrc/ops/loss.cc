// Losses that have kernels: one number for each vector of predictions, and its gradient in the same pass
// where it is known what the loss as a whole makes of it.
#include <cmath>
#include <optional>

#include "cnnfast/error.h"
#include "ops/input.h"
#include "ops/op.h"
#include "ops/rows.h"

namespace cnnfast {

namespace {

using Kernel = void (*)(const RowLoss&);

Kernel kernel_of(LossKind kind, const KernelTable& k) {
  switch (kind) {
    case LossKind::softmax_cross_entropy:
      return k.softmax_cross_entropy;
    case LossKind::sigmoid_cross_entropy:
      return k.sigmoid_cross_entropy;
    case LossKind::squared_error:
      break;
  }
  return k.squared_error;
}

// What a task's rows are given: either labels or values, the other is null.
struct Given {
  const int32_t* labels;
  const float *values, *weights;  // weights: or null
};

// What all steps of one loss know.
struct Rows {
  LossKind kind;
  bool labels;
  VectorTasks tasks;
  Buffer from;
  Reader targets;
  std::optional<Reader> weights;
  int64_t rows_a_weight;
  Kernel kernel;

  Rows(Builder& b, const Node& node)
      : kind(node.as<LossAttrs>()->kind),
        labels(node.as<LossAttrs>()->labels),
        tasks(vector_tasks(b.source(node), b.n)),
        from(b.output(node.inputs[0])),
        targets(b, node.inputs[1]),
        rows_a_weight(1),
        kernel(kernel_of(kind, b.k)) {
    if (node.inputs.size() < 3) return;
    weights.emplace(b, node.inputs[2]);
    rows_a_weight = b.source(node, 2).dims.empty() ? node.elems() : 1;
  }

  std::vector<Buffer> uses(std::initializer_list<Buffer> more) const {
    std::vector<Buffer> all{from};
    for (const Buffer buffer : more)
      if (buffer) all.push_back(buffer);
    if (targets.buffer()) all.push_back(targets.buffer());
    if (weights && weights->buffer()) all.push_back(weights->buffer());
    return all;
  }

  // Of targets, weights, and losses that nobody wants.
  int64_t scratch() const { return tasks.some * ((labels ? 1 : tasks.cols) + 2); }
  float* spare(const Context& c) const { return c.scratch + scratch() - tasks.some; }

  Given given(const Context& c, int64_t task) const {
    const int64_t row = tasks.begin(task), n = tasks.size(task), cols = tasks.cols;
    Given all{};
    if (labels)
      all.labels = targets.labels(c, row, n, c.scratch);
    else
      all.values = targets.floats(c, row * cols, n * cols, c.scratch);
    if (weights) {
      const int64_t first = row / rows_a_weight, last = (row + n - 1) / rows_a_weight;
      all.weights = weights->floats(c, first, last - first + 1, spare(c) - tasks.some);
    }
    return all;
  }
  float weight(const Given& given, int64_t task, int64_t i) const {
    const int64_t row = tasks.begin(task);
    return given.weights ? given.weights[(row + i) / rows_a_weight - row / rows_a_weight] : 1.0f;
  }

  // Losses of a task's rows, and scale times their gradients (or none: null); with `rates`, times those.
  void run(const Context& c, int64_t task, float* loss, float* grad, float scale, const float* rates) const {
    const Given all = given(c, task);
    RowLoss r{};
    r.src = c.at(from) + tasks.begin(task) * tasks.cols;
    r.labels = all.labels, r.targets = all.values;
    r.loss = loss, r.grad = grad, r.scale = scale;
    r.rows = static_cast<int32_t>(tasks.size(task)), r.cols = static_cast<int32_t>(tasks.cols);
    if (!all.weights && !rates && !computes_labels()) return kernel(r);
    r.rows = 1;
    for (int64_t i = 0; i < tasks.size(task); ++i) run_row(r, i, weight(all, task, i), scale, rates);
  }

 private:
  bool computes_labels() const { return labels && targets.buffer(); }

  void run_row(RowLoss r, int64_t i, float weight, float scale, const float* rates) const {
    const int64_t at = i * r.cols;
    r.src += at, r.loss += i, r.scale = scale * weight * (rates ? rates[i] : 1.0f);
    if (r.grad) r.grad += at;
    if (r.labels) r.labels += i;
    if (r.targets) r.targets += at;
    if (r.labels && (*r.labels < 0 || *r.labels >= r.cols)) {  // samples have been checked, values have not
      *r.loss = std::nanf("");
      if (r.grad) std::fill_n(r.grad, r.cols, *r.loss);
      return;
    }
    kernel(r);
    *r.loss *= weight;
  }
};

// d loss / d targets of one row.
void target_gradient(LossKind kind, const float* src, const float* targets, float rate, float* grad,
                     int64_t cols) {
  const float mean = rate / static_cast<float>(cols), top = *std::max_element(src, src + cols);
  float total = 0;
  for (int64_t c = 0; c < cols; ++c) total += std::exp(src[c] - top);
  const float log_total = top + std::log(total);
  for (int64_t c = 0; c < cols; ++c) {
    if (kind == LossKind::softmax_cross_entropy)
      grad[c] = rate * (log_total - src[c]);
    else
      grad[c] = mean * (kind == LossKind::squared_error ? 2 * (targets[c] - src[c]) : -src[c]);
  }
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Rows rows(b, node);
  const float rate = b.known_grad(value);
  const Buffer to = b.output(value);
  const Buffer grad = rate != 0 && b.needs_grad(node.inputs[0]) ? b.new_grad(node.inputs[0]) : Buffer{};
  Step& step =
      b.step(node, "loss", rows.tasks.count(), rows.uses({to, grad}), [=](const Context& c, int64_t task) {
        const int64_t row = rows.tasks.begin(task);
        rows.run(c, task, c.at(to) + row, grad ? c.at(grad) + row * rows.tasks.cols : nullptr, rate, nullptr);
      });
  step.scratch = rows.scratch();
}

void backward_targets(Builder& b, int value, const Rows& rows, Buffer rates) {
  const Node& node = b.node(value);
  const Buffer grad = b.new_grad(node.inputs[1]);
  Step& step =
      b.step(node, "backward targets", rows.tasks.count(), rows.uses({rates, grad}),
             [=](const Context& c, int64_t task) {
               const Given all = rows.given(c, task);
               const int64_t row = rows.tasks.begin(task), cols = rows.tasks.cols;
               for (int64_t i = 0; i < rows.tasks.size(task); ++i)
                 target_gradient(rows.kind, c.at(rows.from) + (row + i) * cols, all.values + i * cols,
                                 rows.weight(all, task, i) * c.at(rates)[row + i],
                                 c.at(grad) + (row + i) * cols, cols);
             });
  step.scratch = rows.scratch();
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const bool by_targets = b.needs_grad(node.inputs[1]) && !node.as<LossAttrs>()->labels;
  if (node.inputs.size() > 2 && b.needs_grad(node.inputs[2]))
    fail(node.name, ": weights of a loss have no gradient; multiply the loss by them instead.");
  const bool done = b.known_grad(value) != 0;  // by the forward step
  if (done && !by_targets) return;
  const Rows rows(b, node);
  const Buffer rates = b.grad(value);
  if (by_targets) backward_targets(b, value, rows, rates);
  if (done || !b.needs_grad(node.inputs[0])) return;
  const Buffer grad = b.new_grad(node.inputs[0]);
  Step& step = b.step(
      node, "backward", rows.tasks.count(), rows.uses({rates, grad}), [=](const Context& c, int64_t task) {
        const int64_t row = rows.tasks.begin(task);
        rows.run(c, task, rows.spare(c), c.at(grad) + row * rows.tasks.cols, 1.0f, c.at(rates) + row);
      });
  step.scratch = rows.scratch();
}

}  // namespace

const Op kLossOp{"loss", forward, backward};

}  // namespace cnnfast
