#include "graph/checks.h"

#include <algorithm>
#include <cmath>

namespace cnnfast {

namespace {

constexpr int kMostSamples = 1 << 24;

int64_t row_of(const Samples& x, int i) {
  return x.index ? x.index[i] : i;
}

void check_labels(const int32_t* labels, int n, int64_t classes) {
  for (int i = 0; i < n; ++i)
    if (labels[i] < 0 || labels[i] >= classes)
      fail("labels must lie between 0 and ", classes - 1, " for ", classes, " outputs; got ", labels[i], ".");
}

void check_finite(const float* row, int64_t columns, int64_t number) {
  for (int64_t c = 0; c < columns; ++c)
    if (!std::isfinite(row[c])) fail("targets must be finite, got ", row[c], " in row ", number, ".");
}

}  // namespace

void check_batch(int n) {
  if (n < 1) fail("a batch needs at least one sample, got ", n, ".");
  if (n > kMostSamples) fail("a batch may have at most ", kMostSamples, " samples, got ", n, ".");
}

void check_samples(const Samples& x, int n) {
  check_batch(n);
  checked_pointer(x.data, "the samples");
  if (!x.index) return;
  for (int i = 0; i < n; ++i)
    if (x.index[i] < 0 || x.index[i] >= x.rows)
      fail("index must name rows of x, 0 to ", x.rows - 1, "; got ", x.index[i], ".");
}

Targets checked_targets(const Targets& y, const Samples& x, int n, Loss loss, int64_t columns,
                        GatheredTargets* rows) {
  if (loss == Loss::sparse_categorical_crossentropy) {
    if (!y.labels)
      throw Error(Error::Kind::type, "sparse_categorical_crossentropy needs int32 labels, one a sample.");
    const int32_t* labels = y.labels;
    if (x.index) {
      rows->labels.resize(static_cast<size_t>(n));
      for (int i = 0; i < n; ++i) rows->labels[static_cast<size_t>(i)] = y.labels[row_of(x, i)];
      labels = rows->labels.data();
    }
    check_labels(labels, n, columns);
    return {labels, nullptr};
  }
  if (!y.values)
    throw Error(Error::Kind::type,
                "this loss needs float32 targets of the output's shape, one row a sample.");
  for (int i = 0; i < n; ++i) check_finite(y.values + row_of(x, i) * columns, columns, row_of(x, i));
  if (!x.index) return {nullptr, y.values};
  rows->values.resize(static_cast<size_t>(n * columns));
  for (int i = 0; i < n; ++i)
    std::copy_n(y.values + row_of(x, i) * columns, columns, rows->values.data() + i * columns);
  return {nullptr, rows->values.data()};
}

}  // namespace cnnfast
