// Softmax, losses and metrics: a row a thread.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/sum.cuh"

namespace cnnfast::cuda {

namespace {

__device__ float top_of(const float* row, int64_t cols) {
  float top = row[0];
  for (int64_t c = 1; c < cols; ++c) top = row[c] > top ? row[c] : top;
  return top;
}

__device__ float total_of(const float* row, float top, int64_t cols) {
  float total = 0;
  for (int64_t c = 0; c < cols; ++c) total += expf(row[c] - top);
  return total;
}

// One row's loss, and rate times its gradient, if there is room for it.
__device__ float softmax_loss(const float* z, const float* targets, int64_t label, bool labels, float* grad,
                              float rate, int64_t cols) {
  const float top = top_of(z, cols), total = total_of(z, top, cols), log_total = logf(total);
  float weight = labels ? 1 : 0, dot = labels ? z[label] - top : 0;
  for (int64_t c = 0; !labels && c < cols; ++c) weight += targets[c], dot += targets[c] * (z[c] - top);
  for (int64_t c = 0; grad && c < cols; ++c) {
    const float t = labels ? static_cast<float>(c == label) : targets[c];
    grad[c] = expf(z[c] - top) * (rate * weight / total) - rate * t;
  }
  return log_total * weight - dot;
}

__device__ float mean_loss(RowKind kind, const float* z, const float* targets, float* grad, float rate,
                           int64_t cols) {
  float sum = 0;
  for (int64_t c = 0; c < cols; ++c) {
    const float x = z[c], t = targets[c];
    const bool squares = kind == RowKind::squared_error;
    sum += squares ? (x - t) * (x - t) : (x > 0 ? x : 0) - x * t + log1pf(expf(-fabsf(x)));
    if (grad) grad[c] = rate / static_cast<float>(cols) * (squares ? 2 * (x - t) : sigmoid_of(x) - t);
  }
  return sum / static_cast<float>(cols);
}

// A number as that of a class; below 0: none.
__device__ int64_t label_of(float number, int64_t cols) {
  return number >= 0 && number < static_cast<float>(cols) ? static_cast<int64_t>(number) : -1;
}

__device__ bool is_largest(const float* row, int64_t truth, int64_t cols) {
  for (int64_t c = 0; c < cols; ++c)
    if (row[c] > row[truth] || (row[c] == row[truth] && c < truth)) return false;
  return !isnan(row[truth]);
}

__device__ bool is_among_largest(const float* row, int64_t truth, int k, int64_t cols) {
  int64_t larger = 0;
  for (int64_t c = 0; c < cols; ++c) {
    if (!isfinite(row[c])) return false;
    larger += row[c] > row[truth];
  }
  return larger < k;
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

}  // namespace

void softmax(cudaStream_t stream, const float* from, float* to, int64_t rows, int64_t cols) {
  each(stream, rows, [=] __device__(int64_t row) {
    const float* const z = from + row * cols;
    const float top = top_of(z, cols), total = total_of(z, top, cols);
    for (int64_t c = 0; c < cols; ++c) to[row * cols + c] = expf(z[c] - top) / total;
  });
}

void softmax_grad(cudaStream_t stream, const float* out, const float* grad, float* to, int64_t rows,
                  int64_t cols) {
  each(stream, rows, [=] __device__(int64_t row) {
    const int64_t at = row * cols;
    float dot = 0;
    for (int64_t c = 0; c < cols; ++c) dot += out[at + c] * grad[at + c];
    for (int64_t c = 0; c < cols; ++c) to[at + c] = out[at + c] * (grad[at + c] - dot);
  });
}

void row_losses(cudaStream_t stream, const RowLosses& l, float* loss, float* grad, float scale,
                const float* rates) {
  each(stream, l.rows, [=] __device__(int64_t row) {
    const float* const z = l.from + row * l.cols;
    float* const to = grad ? grad + row * l.cols : nullptr;
    const float weight = l.weights ? l.weights[row / l.rows_a_weight] : 1;
    const float rate = scale * weight * (rates ? rates[row] : 1);
    const int64_t label = l.labels ? label_of(l.targets[row], l.cols) : 0;
    float made = nanf("");
    if (label < 0)
      for (int64_t c = 0; to && c < l.cols; ++c) to[c] = made;
    else if (l.kind == RowKind::softmax_cross_entropy)
      made = weight * softmax_loss(z, l.targets + row * l.cols, label, l.labels, to, rate, l.cols);
    else
      made = weight * mean_loss(l.kind, z, l.targets + row * l.cols, to, rate, l.cols);
    if (loss) loss[row] = made;
  });
}

void row_target_grads(cudaStream_t stream, const RowLosses& l, const float* rates, float* grad) {
  each(stream, l.rows, [=] __device__(int64_t row) {
    const float *const z = l.from + row * l.cols, *const t = l.targets + row * l.cols;
    const float rate = rates[row] * (l.weights ? l.weights[row / l.rows_a_weight] : 1);
    const float mean = rate / static_cast<float>(l.cols);
    float log_total = 0;
    if (l.kind == RowKind::softmax_cross_entropy) {
      const float top = top_of(z, l.cols);
      log_total = top + logf(total_of(z, top, l.cols));
    }
    for (int64_t c = 0; c < l.cols; ++c)
      grad[row * l.cols + c] = l.kind == RowKind::softmax_cross_entropy   ? rate * (log_total - z[c])
                               : l.kind == RowKind::sigmoid_cross_entropy ? mean * -z[c]
                                                                          : mean * 2 * (t[c] - z[c]);
  });
}

void row_metrics(cudaStream_t stream, RowMetric kind, int k, float threshold, bool labels, const float* from,
                 const float* targets, float* to, int64_t rows, int64_t cols) {
  each(stream, rows, [=] __device__(int64_t row) {
    const float *out = from + row * cols, *of = targets + (labels ? row : row * cols);
    int64_t truth = labels ? label_of(of[0], cols) : 0;
    if (truth < 0) return static_cast<void>(to[row] = nanf(""));
    for (int64_t c = 1; !labels && c < cols; ++c) truth = of[c] > of[truth] ? c : truth;
    if (kind == RowMetric::accuracy) return static_cast<void>(to[row] = is_largest(out, truth, cols));
    if (kind == RowMetric::top_k) return static_cast<void>(to[row] = is_among_largest(out, truth, k, cols));
    double sum = 0;
    for (int64_t c = 0; c < cols; ++c)
      sum += metric_term(kind, threshold, out[c], labels ? static_cast<float>(c == truth) : of[c]);
    to[row] = static_cast<float>(sum / static_cast<double>(cols));
  });
}

void add_up(cudaStream_t stream, const float* from, int64_t n, double factor, double l1, double l2,
            double* to, bool adds) {
  sums(
      stream, 1, n,
      [=] __device__(int64_t, int64_t i) {
        const double x = from[i];
        return factor * x + l1 * fabs(x) + l2 * x * x;
      },
      [=] __device__(int64_t, double sum) { to[0] = (adds ? to[0] : 0) + sum; });
}

void add_columns(cudaStream_t stream, const float* from, int64_t rows, int64_t cols, double* to) {
  sums(
      stream, cols, rows, [=] __device__(int64_t c, int64_t row) { return from[row * cols + c]; },
      [=] __device__(int64_t c, double sum) { to[c] = sum; });
}

}  // namespace cnnfast::cuda
