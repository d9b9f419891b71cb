#include "graph/checks.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/sizes.h"

namespace cnnfast {

namespace {

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

void check_number(const char* what, double value, double lowest) {
  if (!(value >= lowest && value <= std::numeric_limits<float>::max()))
    fail(what, " must be at least ", lowest, " and finite in float32, got ", value, ".");
}

void check_share(const char* what, double value) {
  if (!(value >= 0 && value < 1)) fail(what, " must be at least 0 and below 1, got ", value, ".");
}

}  // namespace

void check_batch(int n) {
  if (n < 1) fail("a batch needs at least one sample, got ", n, ".");
  checked_size(n, kMostSamples, "the number of samples in a batch");
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

void check_regularizer(const Regularizer& r) {
  check_number("a penalty's factor", r.l1, 0);
  check_number("a penalty's factor", r.l2, 0);
}

void check_constraint(const Constraint& c, const Weight& weight) {
  if (c.kind != Constraint::Kind::norm) return;
  check_number("a norm's minimum", c.minimum, 0);
  check_number("a norm's maximum", c.maximum, c.minimum);
  check_number("a constraint's rate", c.rate, 0);
  if (c.axes == 0 || c.axes >> weight.dims().size() != 0)
    fail("a norm needs at least one axis, and none but those of its weights: ", weight.name(), " has shape ",
         to_string(weight.dims()), ", got the set of bits ", c.axes, ".");
}

void check_metric(const Metric& m) {
  if (m.k < 1) fail("k of a top_k metric must be at least 1, got ", m.k, ".");
  if (std::isnan(m.threshold)) fail("the threshold of a binary_accuracy metric must be a number, got NaN.");
}

void check_optimizer(const OptimizerConfig& o) {
  check_number("learning_rate", o.learning_rate, 0);
  check_share("momentum", o.momentum);
  check_share("beta_1", o.beta1);
  check_share("beta_2", o.beta2);
  check_number("epsilon", o.epsilon, 0);
  if (o.clipping.kind != Clipping::Kind::none) {
    check_number("the limit of clipping", o.clipping.limit, 0);
    if (o.clipping.limit == 0) fail("the limit of clipping must be above 0, got 0.");
  }
}

}  // namespace cnnfast
