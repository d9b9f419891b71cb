// Softmax, losses and metrics: of rows, each by a team of threads.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/team.cuh"

namespace cnnfast::cuda {

namespace {

template <class Team>
__device__ float top_of(Team team, const float* row, int64_t cols) {
  float top = row[0];
  for (int64_t c = team.rank(); c < cols; c += Team::kSize) top = row[c] > top ? row[c] : top;
  return team.all(top, [](float a, float b) { return a > b ? a : b; });
}

template <class Team>
__device__ float total_of(Team team, const float* row, float top, int64_t cols) {
  float total = 0;
  for (int64_t c = team.rank(); c < cols; c += Team::kSize) total += expf(row[c] - top);
  return team.sum(total);
}

// One row's loss, and rate times its gradient, if there is room for it.
template <class Team>
__device__ float softmax_loss(Team team, const float* z, const float* targets, int64_t label, bool labels,
                              float* grad, float rate, int64_t cols) {
  const float top = top_of(team, z, cols), total = total_of(team, z, top, cols), log_total = logf(total);
  float weight = labels ? 1 : 0, dot = labels ? z[label] - top : 0;
  if (!labels) {
    for (int64_t c = team.rank(); c < cols; c += Team::kSize)
      weight += targets[c], dot += targets[c] * (z[c] - top);
    weight = team.sum(weight), dot = team.sum(dot);
  }
  for (int64_t c = team.rank(); grad && c < cols; c += Team::kSize) {
    const float t = labels ? static_cast<float>(c == label) : targets[c];
    grad[c] = expf(z[c] - top) * (rate * weight / total) - rate * t;
  }
  return log_total * weight - dot;
}

template <class Team>
__device__ float mean_loss(Team team, RowKind kind, const float* z, const float* targets, float* grad,
                           float rate, int64_t cols) {
  float sum = 0;
  for (int64_t c = team.rank(); c < cols; c += Team::kSize) {
    const float x = z[c], t = targets[c];
    const bool squares = kind == RowKind::squared_error;
    sum += squares ? (x - t) * (x - t) : (x > 0 ? x : 0) - x * t + log1pf(expf(-fabsf(x)));
    if (grad) grad[c] = rate / static_cast<float>(cols) * (squares ? 2 * (x - t) : sigmoid_of(x) - t);
  }
  return team.sum(sum) / static_cast<float>(cols);
}

// A number as that of a class; below 0: none.
__device__ int64_t label_of(float number, int64_t cols) {
  return number >= 0 && number < static_cast<float>(cols) ? static_cast<int64_t>(number) : -1;
}

// The first of the largest; NaN is none.
template <class Team>
__device__ int64_t largest_of(Team team, const float* row, int64_t cols) {
  int64_t best = 0;
  for (int64_t c = team.rank(); c < cols; c += Team::kSize)
    if (row[c] > row[best] || (row[c] == row[best] && c < best)) best = c;
  return team.all(
      best, [=](int64_t a, int64_t b) { return row[a] > row[b] || (row[a] == row[b] && a < b) ? a : b; });
}

template <class Team>
__device__ bool is_largest(Team team, const float* row, int64_t truth, int64_t cols) {
  int beaten = 0;
  for (int64_t c = team.rank(); c < cols; c += Team::kSize)
    beaten += row[c] > row[truth] || (row[c] == row[truth] && c < truth);
  return team.sum(beaten) == 0 && !isnan(row[truth]);
}

template <class Team>
__device__ bool is_among_largest(Team team, const float* row, int64_t truth, int k, int64_t cols) {
  int64_t larger = 0, none = 0;
  for (int64_t c = team.rank(); c < cols; c += Team::kSize)
    larger += row[c] > row[truth], none += !isfinite(row[c]);
  return team.sum(larger) < k && team.sum(none) == 0;
}

__device__ double metric_term(RowMetric kind, float threshold, float out, float target) {
  switch (kind) {
    case RowMetric::equal:
      return out == target;
    case RowMetric::binary_accuracy:
      return static_cast<float>(out > threshold) == target;
    case RowMetric::mean_squared_error:
      return (static_cast<double>(out) - static_cast<double>(target)) *
             (static_cast<double>(out) - static_cast<double>(target));
    default:
      return fabs(static_cast<double>(out) - static_cast<double>(target));
  }
}

struct Softmax {
  const float* from;
  float* to;
  int64_t cols;
  template <class Team>
  __device__ void operator()(Team team, int64_t row) const {
    const float* const z = from + row * cols;
    const float top = top_of(team, z, cols), total = total_of(team, z, top, cols);
    for (int64_t c = team.rank(); c < cols; c += Team::kSize) to[row * cols + c] = expf(z[c] - top) / total;
  }
};

struct SoftmaxGrad {
  const float *out, *grad;
  float* to;
  int64_t cols;
  template <class Team>
  __device__ void operator()(Team team, int64_t row) const {
    const int64_t at = row * cols;
    float dot = 0;
    for (int64_t c = team.rank(); c < cols; c += Team::kSize) dot += out[at + c] * grad[at + c];
    dot = team.sum(dot);
    for (int64_t c = team.rank(); c < cols; c += Team::kSize) to[at + c] = out[at + c] * (grad[at + c] - dot);
  }
};

struct Losses {
  RowLosses l;
  float *loss, *grad;
  float scale;
  const float* rates;
  template <class Team>
  __device__ void operator()(Team team, int64_t row) const {
    const float* const z = l.from + row * l.cols;
    float* const to = grad ? grad + row * l.cols : nullptr;
    const float weight = l.weights ? l.weights[row / l.rows_a_weight] : 1;
    const float rate = scale * weight * (rates ? rates[row] : 1);
    const int64_t label = l.labels ? label_of(l.targets[row], l.cols) : 0;
    float made = nanf("");
    if (label < 0)
      for (int64_t c = team.rank(); to && c < l.cols; c += Team::kSize) to[c] = made;
    else if (l.kind == RowKind::softmax_cross_entropy)
      made = weight * softmax_loss(team, z, l.targets + row * l.cols, label, l.labels, to, rate, l.cols);
    else
      made = weight * mean_loss(team, l.kind, z, l.targets + row * l.cols, to, rate, l.cols);
    if (loss && team.rank() == 0) loss[row] = made;
  }
};

struct TargetGrads {
  RowLosses l;
  const float* rates;
  float* grad;
  template <class Team>
  __device__ void operator()(Team team, int64_t row) const {
    const float *const z = l.from + row * l.cols, *const t = l.targets + row * l.cols;
    const float rate = rates[row] * (l.weights ? l.weights[row / l.rows_a_weight] : 1);
    const float mean = rate / static_cast<float>(l.cols);
    float log_total = 0;
    if (l.kind == RowKind::softmax_cross_entropy) {
      const float top = top_of(team, z, l.cols);
      log_total = top + logf(total_of(team, z, top, l.cols));
    }
    for (int64_t c = team.rank(); c < l.cols; c += Team::kSize)
      grad[row * l.cols + c] = l.kind == RowKind::softmax_cross_entropy   ? rate * (log_total - z[c])
                               : l.kind == RowKind::sigmoid_cross_entropy ? mean * -z[c]
                                                                          : mean * 2 * (t[c] - z[c]);
  }
};

struct Metrics {
  RowMetric kind;
  int k;
  float threshold;
  bool labels;
  const float *from, *targets;
  float* to;
  int64_t cols;
  template <class Team>
  __device__ void operator()(Team team, int64_t row) const {
    const float made = metric(team, from + row * cols, targets + (labels ? row : row * cols));
    if (team.rank() == 0) to[row] = made;
  }
  template <class Team>
  __device__ float metric(Team team, const float* out, const float* of) const {
    const int64_t truth = labels ? label_of(of[0], cols) : largest_of(team, of, cols);
    if (truth < 0) return nanf("");
    if (kind == RowMetric::accuracy) return is_largest(team, out, truth, cols);
    if (kind == RowMetric::top_k) return is_among_largest(team, out, truth, k, cols);
    double sum = 0;
    for (int64_t c = team.rank(); c < cols; c += Team::kSize)
      sum += metric_term(kind, threshold, out[c], labels ? static_cast<float>(c == truth) : of[c]);
    return static_cast<float>(team.sum(sum) / static_cast<double>(cols));
  }
};

}  // namespace

void softmax(cudaStream_t stream, const float* from, float* to, int64_t rows, int64_t cols) {
  by_rows(stream, rows, cols, Softmax{from, to, cols});
}

void softmax_grad(cudaStream_t stream, const float* out, const float* grad, float* to, int64_t rows,
                  int64_t cols) {
  by_rows(stream, rows, cols, SoftmaxGrad{out, grad, to, cols});
}

void row_losses(cudaStream_t stream, const RowLosses& l, float* loss, float* grad, float scale,
                const float* rates) {
  by_rows(stream, l.rows, l.cols, Losses{l, loss, grad, scale, rates});
}

void row_target_grads(cudaStream_t stream, const RowLosses& l, const float* rates, float* grad) {
  by_rows(stream, l.rows, l.cols, TargetGrads{l, rates, grad});
}

void row_metrics(cudaStream_t stream, RowMetric kind, int k, float threshold, bool labels, const float* from,
                 const float* targets, float* to, int64_t rows, int64_t cols) {
  by_rows(stream, rows, cols, Metrics{kind, k, threshold, labels, from, targets, to, cols});
}

void add_up(cudaStream_t stream, const float* from, int64_t n, double factor, double* to, bool adds) {
  sums(
      stream, 1, n, [=] __device__(int64_t, int64_t i) { return factor * static_cast<double>(from[i]); },
      [=] __device__(int64_t, double sum) { to[0] = (adds ? to[0] : 0) + sum; });
}

void add_columns(cudaStream_t stream, const float* from, int64_t rows, int64_t cols, double* to) {
  sums(
      stream, cols, rows, [=] __device__(int64_t c, int64_t row) { return from[row * cols + c]; },
      [=] __device__(int64_t c, double sum) { to[c] = sum; });
}

}  // namespace cnnfast::cuda
