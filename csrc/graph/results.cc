#include "graph/results.h"

#include <cmath>

namespace cnnfast {

namespace {

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

struct Total {
  Buffer from;
  int64_t floats;
  double factor, divisor;  // of their sum
};
struct Sums {
  Buffer from;
  int64_t rows, elems;
};

double sum_of(const Total& loss, const Context& c) {
  double sum = 0;
  for (int64_t i = 0; i < loss.floats; ++i) sum += c.at(loss.from)[i];
  return sum;
}

// The whole batch's loss is the mean of the micro-batches', of which each stands for all.
Total total_of(const Objective::Term& term, const Node& node, const Builder& b, Buffer from) {
  const double parts = term.sum && node.rows > 0 ? static_cast<double>(b.batch) / b.n : 1.0;
  return {from, floats_of(node, b.n), term.factor * parts, divisor_of(term, node, b.n)};
}

double* add_rows(const Sums& sums, const Context& c, double* to) {
  std::fill_n(to, sums.elems, 0.0);
  const float* from = c.at(sums.from);
  for (int64_t row = 0; row < sums.rows; ++row)
    for (int64_t i = 0; i < sums.elems; ++i) to[i] += *from++;
  return to + sums.elems;
}

}  // namespace

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

double divisor_of(const Objective::Term& term, const Node& node, int n) {
  return term.sum ? 1.0 : static_cast<double>(rows_of(node, n)) * static_cast<double>(node.elems());
}

std::vector<int> outputs_of(const Objective& objective, Mode mode) {
  std::vector<int> values;
  for (const Objective::Term& term : objective.losses) values.push_back(term.value);
  values.insert(values.end(), objective.metrics.begin(), objective.metrics.end());
  const std::vector<int>& assigned = objective.graph.assignments();
  if (mode == Mode::train) values.insert(values.end(), assigned.begin(), assigned.end());
  return values;
}

int64_t results_of(const Objective& objective) {
  int64_t numbers = 1;
  for (const int metric : objective.metrics) numbers += objective.graph.node(metric).elems();
  return numbers;
}

void set_loss_rates(Builder& b, const std::vector<int>& outputs, const Objective& objective) {
  for (size_t i = 0; i < objective.losses.size(); ++i) {
    const Node& node = b.node(outputs[i]);
    const Objective::Term& term = objective.losses[i];
    b.set_loss_rate(outputs[i], static_cast<float>(term.factor / divisor_of(term, node, b.batch)));
  }
}

void lower_results(Builder& b, const std::vector<int>& outputs, const Objective& objective,
                   const UpdatePlan& update) {
  std::vector<Total> losses;
  std::vector<Sums> metrics;
  std::vector<Buffer> uses;
  for (size_t i = 0; i < objective.losses.size() + objective.metrics.size(); ++i) {
    const Node& node = b.node(outputs[i]);
    uses.push_back(b.output(outputs[i]));
    if (i < objective.losses.size())
      losses.push_back(total_of(objective.losses[i], node, b, uses.back()));
    else
      metrics.push_back({uses.back(), b.rows(node), node.elems()});
  }
  const std::vector<Penalty> penalties = penalties_of(b, update);
  b.step(b.node(outputs[0]), "results", 1, uses, [=](const Context& c, int64_t) {
    double total = penalty_of(penalties, c);
    for (const Total& loss : losses) total += loss.factor * (sum_of(loss, c) / loss.divisor);
    double* to = c.run.results;
    *to++ = total;
    for (const Sums& sums : metrics) to = add_rows(sums, c, to);
  });
}

}  // namespace cnnfast
