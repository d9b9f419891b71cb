// What follows the update of a training step: gradients and moved weights as values, factors of the learning
// rate; and functions that are not the core's, which may fail.
#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "cnnfast/network.h"

using namespace cnnfast;

namespace {

// Twice what it is given, unless it is to fail.
class Doubling : public HostFunction {
 public:
  bool fails = false, fails_backward = false;
  bool forward(int n, const float* const* srcs, float* dst) override {
    for (int i = 0; i < 3 * n; ++i) dst[i] = 2 * srcs[0][i];
    return !fails;
  }
  bool backward(int n, const float* const*, const float*, const float* grad_dst,
                float* const* grad_srcs) override {
    for (int i = 0; i < 3 * n; ++i) grad_srcs[0][i] = 2 * grad_dst[i];
    return !fails_backward;
  }
  [[noreturn]] void fail() override { throw std::runtime_error("on purpose"); }
};

WeightPtr weight_of(const char* name, const std::vector<float>& values) {
  auto made = std::make_shared<Weight>(name, Dims{static_cast<int64_t>(values.size())});
  made->set(values.data());
  return made;
}

std::vector<float> values(const WeightPtr& weight) {
  std::vector<float> all(static_cast<size_t>(weight->size()));
  weight->get(all.data());
  return all;
}

// The loss is the sum of x * w, or of f(x * w), over a batch.
struct Products {
  Graph graph;
  WeightPtr w = weight_of("w", {1, 2, 3});
  int loss;
  explicit Products(std::shared_ptr<HostFunction> f = nullptr) {
    const int x = graph.input({3}, "x");
    Formula product;
    const int a = product.input(0), b = product.input(1);
    product.outputs = {product.push(FormulaOp::mul, a, b)};
    loss = graph.formula(product, {x, graph.weight(w)}, "product");
    if (f) loss = graph.host(f, {loss}, {3}, "f");
  }
  std::unique_ptr<Network> network(OptimizerConfig::Kind kind) const {
    auto made = std::make_unique<Network>(graph, loss);
    made->set_objective(Objective{graph, {{loss, 1.0, true}}});
    OptimizerConfig optimizer;
    optimizer.kind = kind, optimizer.learning_rate = 0.5;
    made->set_optimizer(optimizer);
    return made;
  }
};

const std::vector<float> kBatch{1, 2, 3, 4, 5, 6};  // two samples
const std::vector<float> kSums{5, 7, 9};

void step(Network& network) {
  const Samples x{kBatch.data(), DType::float32, nullptr, 2};
  std::vector<double> results;
  network.train({&x, 1}, {2}, results);
}

}  // namespace

TEST_CASE("values behind the update are assigned") {
  Products p;
  const WeightPtr gradient = weight_of("gradient", {0, 0, 0}), moved = weight_of("moved", {0, 0, 0});
  for (const WeightPtr& each : {gradient, moved}) each->set_trainable(false);
  p.graph.assign(gradient, p.graph.gradient(p.w));
  p.graph.assign(moved, p.graph.updated_weight(p.w));
  const auto network = p.network(OptimizerConfig::Kind::sgd);
  step(*network);
  CHECK(values(gradient) == kSums);
  CHECK(values(p.w) == std::vector<float>{-1.5f, -1.5f, -1.5f});
  CHECK(values(moved) == values(p.w));
  CHECK_THROWS_AS(p.graph.gradient(weight_of("unknown", {1})), Error);
}

TEST_CASE("an optimizer of the graph's moves nothing else") {
  Products p;
  p.graph.assign(p.w, p.graph.gradient(p.w));
  const auto network = p.network(OptimizerConfig::Kind::graph);
  step(*network);
  CHECK(values(p.w) == kSums);
}

TEST_CASE("a weight has its factor of the learning rate") {
  Products p;
  const auto network = p.network(OptimizerConfig::Kind::sgd);
  p.w->set_rate_factor(0.5);
  step(*network);
  CHECK(values(p.w) == std::vector<float>{-0.25f, 0.25f, 0.75f});
  p.w->set_rate_factor(0);
  step(*network);
  CHECK(values(p.w) == std::vector<float>{-0.25f, 0.25f, 0.75f});
  CHECK_THROWS_AS(p.w->set_rate_factor(-1), Error);
}

TEST_CASE("a function that fails ends the step, which changes nothing") {
  const auto f = std::make_shared<Doubling>();
  Products p(f);
  const auto network = p.network(OptimizerConfig::Kind::sgd);
  for (bool* fails : {&f->fails, &f->fails_backward}) {
    *fails = true;
    CHECK_THROWS_WITH(step(*network), "on purpose");
    CHECK(values(p.w) == std::vector<float>{1, 2, 3});
    CHECK(network->step() == 0);
    *fails = false;
  }
  step(*network);
  CHECK(values(p.w) == std::vector<float>{1 - 5, 2 - 7, 3 - 9});
  CHECK_THROWS_AS(p.graph.host(nullptr, {0}, {3}, "none"), Error);
}
