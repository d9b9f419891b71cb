#include "graph/checks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/sizes.h"
#include "ops/cells.h"

namespace cnnfast {

namespace {

template <class T>
double number_at(const void* data, int64_t at) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + at * int64_t{sizeof(T)}, sizeof(T));
  return static_cast<double>(value);
}

double number_at(const Samples& x, int64_t at) {
  switch (x.dtype) {
    case DType::float32:
      return number_at<float>(x.data, at);
    case DType::float64:
      return number_at<double>(x.data, at);
    case DType::uint8:
      return number_at<uint8_t>(x.data, at);
    case DType::int32:
      return number_at<int32_t>(x.data, at);
  }
  return 0;
}

// Numbers [at, at + elems), which are one row of the caller's.
void check_row(const Samples& x, int64_t row, int64_t elems, const InputRule& rule) {
  for (int64_t at = row * elems; at < (row + 1) * elems; ++at) {
    const double value = number_at(x, at);
    if (rule.classes > 0 &&
        !(value >= 0 && value < static_cast<double>(rule.classes) && value == std::trunc(value)))
      fail("labels must lie between 0 and ", rule.classes - 1, " for ", rule.classes, " outputs; got ", value,
           ".");
    if (rule.cells > 0) check_index(value, rule.cells);
    if (!std::isfinite(value)) fail("targets must be finite, got ", value, " in row ", row, ".");
  }
}

int64_t samples_in(const Batches& batches) {
  return int64_t{batches.n} * batches.count;
}

void check_number(const char* what, double value, double lowest) {
  if (!(value >= lowest && value <= std::numeric_limits<float>::max()))
    fail(what, " must be at least ", lowest, " and finite in float32, got ", value, ".");
}

void check_rates(const Batches& batches) {
  if (!batches.rates.empty() && batches.rates.size() != static_cast<size_t>(batches.count))
    fail("there are ", batches.count, " batches, got ", batches.rates.size(), " learning rates.");
  for (const double rate : batches.rates) check_number("a learning rate", rate, 0);
}

// Of one sample, or of all that there is for the whole batch.
int64_t numbers_of(const Node& node) {
  return node.elems() * std::max(node.rows, 1);
}

void check_share(const char* what, double value) {
  if (!(value >= 0 && value < 1)) fail(what, " must be at least 0 and below 1, got ", value, ".");
}

}  // namespace

void check_index(double index, int64_t cells) {
  if (cell_of(index, cells) < 0)
    fail("indices into ", cells, " cells must lie between ", -cells, " and ", cells - 1, "; got ", index,
         ".");
}

void check_batch(int n) {
  if (n < 1) fail("a batch needs at least one sample, got ", n, ".");
  checked_size(n, kMostSamples, "the number of samples in a batch");
}

void check_samples(const Samples& x, const Batches& batches) {
  check_batch(batches.n);
  if (batches.count < 1) fail("there must be at least one batch, got ", batches.count, ".");
  checked_pointer(x.data, "the samples");
  if (!x.index) return;
  for (int64_t i = 0; i < samples_in(batches); ++i)
    if (x.index[i] < 0 || x.index[i] >= x.rows)
      fail("index must name rows of x, 0 to ", x.rows - 1, "; got ", x.index[i], ".");
}

std::vector<InputRule> rules_of_inputs(const Graph& graph) {
  std::vector<InputRule> rules(graph.inputs().size());
  for (const Node& node : graph.nodes()) {
    if (const auto* gather = node.as<GatherAttrs>())
      if (const auto* input = graph.node(node.inputs[1]).as<InputAttrs>()) {
        int64_t& cells = rules[static_cast<size_t>(input->number)].cells;
        const int64_t own = graph.node(node.inputs[0]).dims[static_cast<size_t>(gather->axis)];
        cells = cells == 0 ? own : std::min(cells, own);
      }
    const auto* loss = node.as<LossAttrs>();
    const auto* metric = node.as<MetricAttrs>();
    if (!loss && !metric) continue;
    const bool labels = loss ? loss->labels : metric->labels;
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      const auto* input = graph.node(node.inputs[i]).as<InputAttrs>();
      if (!input) continue;
      InputRule& rule = rules[static_cast<size_t>(input->number)];
      rule.finite = true;
      if (labels && i == 1) rule.classes = graph.node(node.inputs[0]).dims.back();
    }
  }
  return rules;
}

void check_inputs(std::span<const Samples> inputs, const Batches& batches, const Graph& graph,
                  const std::vector<InputRule>& rules) {
  if (inputs.size() != rules.size()) fail("there are ", rules.size(), " inputs, got ", inputs.size(), ".");
  check_rates(batches);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Samples& x = inputs[i];
    check_samples(x, batches);
    const Node& node = graph.node(graph.inputs()[i]);
    if (x.elems != 0 && x.elems != numbers_of(node))
      fail(node.name, " has ", numbers_of(node), " numbers a sample, got samples of ", x.elems, ".");
    if (!rules[i].finite && rules[i].cells == 0) continue;
    const int64_t rows = node.rows == 0 ? 1 : samples_in(batches);
    for (int64_t row = 0; row < rows; ++row)
      check_row(x, x.index ? x.index[row] : row, numbers_of(node), rules[i]);
  }
}

Samples samples_of_targets(const Targets& y, const Samples& x, const Node& output,
                           const std::vector<InputRule>& rules) {
  if (rules.size() != 2)
    fail("targets of one kind are for objectives of two inputs; this one has ", rules.size(), ".");
  if (rules[1].classes > 0 && !y.labels)
    throw Error(Error::Kind::type, "sparse_categorical_crossentropy needs int32 labels, one a sample.");
  if (rules[1].classes == 0 && !y.values)
    throw Error(Error::Kind::type,
                "this loss needs float32 targets of the output's shape, one row a sample.");
  const int64_t elems = numbers_of(output), classes = output.dims.empty() ? 1 : output.dims.back();
  if (rules[1].classes > 0) return {y.labels, DType::int32, x.index, x.rows, elems / classes};
  return {y.values, DType::float32, x.index, x.rows, elems};
}

void check_objective(const Objective& objective, const Graph& network) {
  const Graph& graph = objective.graph;
  bool fits = graph.inputs().size() >= network.inputs().size();
  for (size_t i = 0; fits && i < network.inputs().size(); ++i) {
    const Node &own = graph.node(graph.inputs()[i]), &other = network.node(network.inputs()[i]);
    fits = own.dims == other.dims && own.rows == other.rows;
  }
  if (!fits) fail("an objective's first inputs must be those of the network, in the same order.");
  if (objective.losses.empty()) fail("an objective needs at least one loss, got none.");
  for (const Objective::Term& term : objective.losses) {
    graph.node(term.value);
    if (!std::isfinite(term.factor)) fail("a loss's factor must be finite, got ", term.factor, ".");
  }
  for (const int metric : objective.metrics) graph.node(metric);
}

void check_alike(const Objective& a, const Objective& b) {
  bool alike = a.metrics.size() == b.metrics.size() && a.graph.inputs().size() == b.graph.inputs().size();
  for (size_t i = 0; alike && i < a.metrics.size(); ++i)
    alike = a.graph.node(a.metrics[i]).elems() == b.graph.node(b.metrics[i]).elems();
  if (!alike) fail("training and evaluation must have the same inputs and report the same metrics.");
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

void check_rate_factor(double factor) {
  check_number("a factor of the learning rate", factor, 0);
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
