#include "cnnfast/objective.h"

#include "cnnfast/error.h"
#include "core/sizes.h"

namespace cnnfast {

namespace {

struct Named {
  const char* name;
  LossKind kind;
};

Named named(Loss loss) {
  switch (loss) {
    case Loss::sparse_categorical_crossentropy:
      return {"sparse_categorical_crossentropy", LossKind::softmax_cross_entropy};
    case Loss::categorical_crossentropy:
      return {"categorical_crossentropy", LossKind::softmax_cross_entropy};
    case Loss::binary_crossentropy:
      return {"binary_crossentropy", LossKind::sigmoid_cross_entropy};
    case Loss::mean_squared_error:
      return {"mean_squared_error", LossKind::squared_error};
    case Loss::none:
      break;
  }
  fail("an objective needs a loss, got none.");
}

}  // namespace

Objective make_objective(Graph graph, int output, Loss loss, bool from_logits,
                         const std::vector<Metric>& metrics) {
  const Named wanted = named(loss);
  const Node out = graph.node(output);
  Dims dims = out.dims;
  if (loss == Loss::sparse_categorical_crossentropy && !dims.empty()) dims.pop_back();
  const int targets = graph.input(dims, "targets", out.rows);
  const int value = graph.loss(wanted.kind, output, targets, from_logits, wanted.name);
  const int rows = static_cast<int>(checked_size(product(out.rows, graph.node(value).elems()), kMostSamples,
                                                 "the number of vectors that one sample is judged by"));
  std::vector<int> reported;
  for (const Metric& metric : metrics) {
    reported.push_back(graph.metric(metric, output, targets, "metric"));
    if (rows != out.rows) reported.back() = graph.reshape(reported.back(), {}, rows, "metric");
  }
  return {std::move(graph), {{value}}, std::move(reported)};
}

}  // namespace cnnfast
