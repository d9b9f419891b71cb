// Networks from C++: what a step costs in memory, that threads do not change bits, that errors change
// nothing.
#include <doctest/doctest.h>
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "cnnfast/network.h"
#include "graph/training_state.h"
#include "runtime/parallel.h"

namespace {
std::atomic<int64_t> allocations{0};
}

// Counts every C++ allocation of this program, the engine's included. Not inlined: the compiler would see
// malloc meet delete and warn.
[[gnu::noinline]] void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes ? bytes : 1);
}
[[gnu::noinline]] void* operator new(size_t bytes) {
  if (void* p = operator new(bytes, std::nothrow)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, const std::nothrow_t&) noexcept {
  std::free(p);
}

using namespace cnnfast;

namespace {

constexpr int kBatch = 37;  // no multiple of sixteen

ConvAttrs conv(int filters, int kernel, PadMode padding) {
  return {filters, {kernel, kernel}, {1, 1}, {padding}, {1, 1}, 1, true};
}

// A small network with everything in it: two branches, pooling, dropout.
std::unique_ptr<Network> make_network(int filters) {
  Graph g;
  int v = g.input({1, 12, 12}, "input");
  v = g.conv(v, conv(filters, 3, PadMode::valid), DataFormat::channels_first, "conv1");
  v = g.activation(v, ActivationKind::relu, "relu1");
  v = g.pool(v, {true, {2, 2}, {2, 2}, {}, false, false}, DataFormat::channels_first, "pool1");
  const int branch = g.conv(v, conv(filters, 3, PadMode::same), DataFormat::channels_first, "conv2");
  v = g.add({v, branch}, "add");
  v = g.dropout(v, 0.25f, "dropout");
  v = g.flatten(v, DataFormat::channels_last, "flatten");
  v = g.dense(v, {10, true}, "dense");
  v = g.activation(v, ActivationKind::softmax, "softmax");
  auto made = std::make_unique<Network>(std::move(g), v);
  Network& network = *made;
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0f, 0.1f);
  for (const WeightPtr& weight : network.weights()) {
    std::vector<float> w(static_cast<size_t>(weight->size()));
    for (float& x : w) x = normal(random);
    weight->set(w.data());
  }
  OptimizerConfig adam;
  adam.kind = OptimizerConfig::Kind::adam;
  adam.learning_rate = 1e-3;
  network.configure(Loss::sparse_categorical_crossentropy, false, {{MetricKind::accuracy}}, adam);
  return made;
}

struct Data {
  std::vector<float> x;
  std::vector<int32_t> y;
  Data() : x(kBatch * 144), y(kBatch) {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (float& value : x) value = normal(random);
    for (int32_t& label : y) label = static_cast<int32_t>(random() % 10);
  }
};

double train(Network& network, const Data& data, int steps) {
  static std::vector<double> results;
  for (int i = 0; i < steps; ++i) network.train_step({data.x.data()}, {data.y.data()}, kBatch, results);
  return results[0];
}

// Of training on so many batches at once, all of the same samples, without what receives the results.
int64_t allocations_of_batches(Network& network, const Data& data, int count) {
  std::vector<int64_t> rows(static_cast<size_t>(count) * kBatch);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int64_t>(i % kBatch);
  const Samples inputs[] = {{data.x.data(), DType::float32, rows.data(), kBatch},
                            {data.y.data(), DType::int32, rows.data(), kBatch}};
  std::vector<double> results(static_cast<size_t>(count) * 2);
  const int64_t before = allocations;
  network.train(inputs, {kBatch, count}, results);
  return allocations - before;
}

std::vector<float> weights(const Network& network) {
  std::vector<float> all;
  for (const std::vector<float>& w : get_all(network.weights())) all.insert(all.end(), w.begin(), w.end());
  return all;
}

}  // namespace

TEST_CASE("after the first step nothing is allocated") {
  const Data data;
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    const auto owned = make_network(5);
    Network& network = *owned;
    train(network, data, 2);
    const int64_t before = allocations;
    const size_t heap = mallinfo2().uordblks + mallinfo2().hblkhd;
    train(network, data, 20);
    CHECK(allocations == before);
    CHECK(mallinfo2().uordblks + mallinfo2().hblkhd == heap);
    CHECK(allocations_of_batches(network, data, 2) == allocations_of_batches(network, data, 20));

    OptimizerConfig decaying;  // w - g * (rate / (step + 1)), whose rate is computed once a step
    decaying.kind = OptimizerConfig::Kind::formula;
    decaying.learning_rate = 0.01;
    Formula& f = decaying.formula;
    const int w = f.input(0), g = f.input(1), rate = f.input(2), step = f.input(3);
    const int now = f.push(FormulaOp::div, rate, f.push(FormulaOp::add, step, f.constant(1)));
    f.outputs = {f.push(FormulaOp::sub, w, f.push(FormulaOp::mul, g, now))};
    network.set_optimizer(decaying);
    train(network, data, 2);
    const int64_t after = allocations;
    train(network, data, 20);
    CHECK(allocations == after);
  }
}

TEST_CASE("the plan tells the arena's size before it is taken") {
  const Data data;
  const auto owned = make_network(5);
  Network& network = *owned;
  CHECK(network.arena_bytes() == 0);
  const int64_t told = network.memory(kBatch, Mode::train);
  CHECK(network.arena_bytes() == 0);
  train(network, data, 1);
  CHECK(network.arena_bytes() == told);
}

TEST_CASE("training learns, and the number of threads does not change a bit") {
  const Data data;
  for (const int filters : {5, 32}) {  // batch in lanes, channels in lanes
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 5}) {
      set_num_threads(threads);
      const auto owned = make_network(filters);
      Network& network = *owned;
      const double first = train(network, data, 1);
      CHECK(train(network, data, 60) < first * 0.8);
      results.push_back(weights(network));
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
  set_num_threads(2);
}

TEST_CASE("programs of many shapes share the memory of the largest") {
  const Data data;
  const auto owned = make_network(5);
  Network& network = *owned;
  int64_t most = 0;
  for (int n : {1, 17, 3, 33, 16, 2, 32, 7, 1, 33}) {
    std::vector<float> out(static_cast<size_t>(n) * 10), alone(out.size());
    most = std::max(most, network.memory(n, Mode::predict));
    network.predict({data.x.data()}, n, out.data());
    CHECK(network.arena_bytes() == most);
    make_network(5)->predict({data.x.data()}, n, alone.data());
    CHECK(out == alone);  // whatever ran there before
  }
}

TEST_CASE("mistakes name the layer and the rule") {
  Graph g;
  const int in = g.input({4, 4, 1}, "input");
  CHECK_THROWS_WITH_AS(g.conv(in, conv(2, 7, PadMode::valid), DataFormat::channels_last, "first"),
                       doctest::Contains("first: the window must not be larger than its input"), Error);
  CHECK_THROWS_WITH_AS(g.dense(g.input({}, "number"), {3, true}, "d"),
                       doctest::Contains("Dense needs an axis of features"), Error);
  CHECK_THROWS_WITH_AS(g.dropout(in, 1.0f, "drop"), doctest::Contains("rate must be in [0, 1)"), Error);
  ConvAttrs grouped = conv(3, 1, PadMode::valid);
  grouped.groups = 2;
  CHECK_THROWS_WITH_AS(g.conv(in, grouped, DataFormat::channels_last, "c"),
                       doctest::Contains("groups must divide"), Error);
}

namespace {

struct Siamese {
  WeightPtr kernel = std::make_shared<Weight>("kernel", Dims{4, 4}, Initializer::glorot_uniform, 3);
  std::unique_ptr<Network> network;
  Siamese() {
    Graph g;
    const int in = g.input({4}, "in");
    const int first = g.dense(in, {4, false}, "dense", {kernel});
    const int second =
        g.dense(g.activation(first, ActivationKind::tanh, "tanh"), {4, false}, "dense", {kernel});
    CHECK(g.node(second).name == "dense (2)");
    network = std::make_unique<Network>(std::move(g), second);
    OptimizerConfig sgd;
    sgd.kind = OptimizerConfig::Kind::sgd;
    sgd.learning_rate = 0.1;
    network->configure(Loss::mean_squared_error, false, {}, sgd);
  }
};

std::vector<float> values_of(const Weight& weight) {
  std::vector<float> values(static_cast<size_t>(weight.size()));
  weight.get(values.data());
  return values;
}

}  // namespace

TEST_CASE("a weight used twice is one, and its gradients add up") {
  Siamese one;
  REQUIRE(one.network->weights().size() == 1);
  const std::vector<float> x{1, -2, 0.5f, 3, -1, 0.25f, 2, 1}, y(8, 0.5f), before = values_of(*one.kernel);
  const auto loss_at = [&](const std::vector<float>& kernel) {
    one.kernel->set(kernel.data());
    std::vector<double> results;
    one.network->evaluate_step({x.data()}, {nullptr, y.data()}, 2, results);
    return results[0];
  };
  std::vector<double> slopes;
  for (size_t i = 0; i < before.size(); ++i) {
    std::vector<float> moved = before;
    moved[i] += 1e-2f;
    const double above = loss_at(moved);
    moved[i] -= 2e-2f;
    slopes.push_back((above - loss_at(moved)) / 2e-2);
  }
  one.kernel->set(before.data());
  std::vector<double> results;
  one.network->train_step({x.data()}, {nullptr, y.data()}, 2, results);
  const std::vector<float> after = values_of(*one.kernel);
  for (size_t i = 0; i < after.size(); ++i)
    CHECK((before[i] - after[i]) / 0.1 == doctest::Approx(slopes[i]).epsilon(1e-2));
}

TEST_CASE("weights begin by their initializer, drawn by the seed") {
  for (const uint64_t seed : {0, 7}) {
    Graph g(seed), again(seed), other(seed + 1);
    std::vector<std::vector<float>> kernels;
    for (Graph* graph : {&g, &again, &other}) {
      const int in = graph->input({8, 8, 3}, "in");
      graph->conv(in, conv(40, 3, PadMode::valid), DataFormat::channels_last, "conv");
      const Weights weights = graph->weights();
      CHECK(!weights[0]->has_values());
      kernels.push_back(values_of(*weights[0]));
      CHECK(values_of(*weights[1]) == std::vector<float>(40, 0.0f));
    }
    CHECK(kernels[0] == kernels[1]);
    CHECK(kernels[0] != kernels[2]);
    const double limit = std::sqrt(6.0 / (9 * 3 + 9 * 40));
    double sum = 0, squares = 0;
    for (const float w : kernels[0]) {
      CHECK(std::abs(w) <= limit);
      sum += w, squares += static_cast<double>(w) * w;
    }
    const double n = static_cast<double>(kernels[0].size());
    CHECK(std::abs(sum / n) < 4 * limit / std::sqrt(3 * n));
    CHECK(squares / n == doctest::Approx(limit * limit / 3).epsilon(0.15));
  }
  Weight he("he", {50, 2}, Initializer::he_uniform, 1);
  for (const float w : values_of(he)) CHECK(std::abs(w) <= std::sqrt(6.0 / 50));
}

TEST_CASE("networks compute with the weights that they bind, whoever changes them") {
  const Data data;
  Graph g;
  const int in = g.input({1, 12, 12}, "in");
  const int features = g.conv(in, conv(20, 3, PadMode::valid), DataFormat::channels_first, "conv");
  const Weights weights = g.weights();
  Network extractor(g, features);
  const int out = g.dense(g.flatten(features, DataFormat::channels_first, "flat"), {10, true}, "head");
  Network whole(std::move(g), out);
  OptimizerConfig sgd;
  sgd.kind = OptimizerConfig::Kind::sgd;
  sgd.learning_rate = 0.1;
  whole.configure(Loss::sparse_categorical_crossentropy, true, {}, sgd);
  std::vector<float> seen(20 * 100), fresh(20 * 100);
  extractor.predict({data.x.data()}, 1, seen.data());
  std::vector<double> results;
  for (int i = 0; i < 3; ++i) {
    whole.train_step({data.x.data()}, {data.y.data()}, kBatch, results);
    extractor.predict({data.x.data()}, 1, seen.data());
    Graph copy;
    copy.conv(copy.input({1, 12, 12}, "in"), conv(20, 3, PadMode::valid), DataFormat::channels_first, "conv",
              weights);
    Network(std::move(copy), 1).predict({data.x.data()}, 1, fresh.data());
    CHECK(seen == fresh);
  }
}

TEST_CASE("what Python checks, the core checks") {
  const Data data;
  const auto owned = make_network(5);
  Network& network = *owned;
  std::vector<double> results;
  std::vector<float> out(kBatch * 10);
  const auto train = [&](const Samples& x, const Targets& y, int n) { network.train_step(x, y, n, results); };
  const std::vector<float> before = weights(network);
  const std::vector<int32_t> wrong(kBatch, 99);
  const std::vector<float> infinite(kBatch * 10, std::numeric_limits<float>::infinity());
  const std::vector<int64_t> rows{0, kBatch};
  CHECK_THROWS_WITH_AS(train({nullptr}, {data.y.data()}, kBatch), doctest::Contains("null"), Error);
  CHECK_THROWS_WITH_AS(train({data.x.data()}, {}, kBatch), doctest::Contains("labels"), Error);
  CHECK_THROWS_WITH_AS(train({data.x.data()}, {wrong.data()}, kBatch), doctest::Contains("0 and 9"), Error);
  CHECK_THROWS_WITH_AS(train({data.x.data()}, {data.y.data()}, 0), doctest::Contains("at least one"), Error);
  CHECK_THROWS_WITH_AS(train({data.x.data()}, {data.y.data()}, 1 << 25), doctest::Contains("the limit"),
                       Error);
  CHECK_THROWS_WITH_AS(train({data.x.data(), DType::float32, rows.data(), kBatch}, {data.y.data()}, 2),
                       doctest::Contains("index must name rows"), Error);
  CHECK_THROWS_WITH_AS(network.predict({data.x.data()}, kBatch, nullptr), doctest::Contains("null"), Error);
  CHECK_THROWS_WITH_AS(network.weight(99), doctest::Contains("there is no weight 99"), Error);
  CHECK_THROWS_WITH_AS(network.weight(-1), doctest::Contains("there is no weight -1"), Error);
  CHECK_THROWS_WITH_AS(network.weight(0).set(nullptr), doctest::Contains("null"), Error);
  CHECK_THROWS_WITH_AS(network.set_slots({}, 1), doctest::Contains("has 2 buffers, got 0"), Error);
  CHECK_THROWS_WITH_AS(network.set_learning_rate(-1), doctest::Contains("learning_rate"), Error);
  const Samples x{data.x.data()};
  for (const Mode mode : {Mode::vjp, Mode::vjp_training})
    CHECK_THROWS_WITH_AS(network.profile({&x, 1}, kBatch, mode, 1), doctest::Contains("a vjp cannot"), Error);
  network.configure(Loss::mean_squared_error, false, {}, network.optimizer());
  CHECK_THROWS_WITH_AS(train({data.x.data()}, {data.y.data()}, kBatch), doctest::Contains("targets"), Error);
  CHECK_THROWS_WITH_AS(train({data.x.data()}, {nullptr, infinite.data()}, kBatch),
                       doctest::Contains("finite"), Error);
  CHECK(weights(network) == before);
  CHECK(network.step() == 0);

  Graph g;
  const int in = g.input({4}, "in");
  CHECK_THROWS_WITH_AS(g.dense(in, {3, true}, "d", {std::make_shared<Weight>("k", Dims{4, 3})}),
                       doctest::Contains("has 2 arrays of weights, got 1"), Error);
  CHECK_THROWS_WITH_AS(g.dense(in, {3, false}, "d", {std::make_shared<Weight>("k", Dims{3, 4})}),
                       doctest::Contains("(3, 4) from its first use, but here it needs (4, 3)"), Error);
  CHECK_THROWS_WITH_AS(g.dense(in, {3, false}, "d", {nullptr}), doctest::Contains("null"), Error);
  const int dense = g.dense(in, {3, true}, "d");
  CHECK(g.params().size() == 2);
  Network unconfigured(std::move(g), dense);
  CHECK_THROWS_WITH_AS(unconfigured.train_step({data.x.data()}, {data.y.data()}, 1, results),
                       doctest::Contains("configure the network first"), Error);
  CHECK_THROWS_WITH_AS(unconfigured.memory(1, Mode::train), doctest::Contains("configure"), Error);
}

TEST_CASE("rules, optimizers and metrics are checked, and a refused one changes nothing") {
  Weight weight("kernel", Dims{3, 4});
  const float infinity = std::numeric_limits<float>::infinity(),
              nan = std::numeric_limits<float>::quiet_NaN();
  using Kind = Constraint::Kind;
  CHECK_THROWS_WITH_AS(weight.set_regularizer({infinity, 0}), doctest::Contains("penalty"), Error);
  CHECK_THROWS_WITH_AS(weight.set_regularizer({0, -1}), doctest::Contains("at least 0"), Error);
  CHECK_THROWS_WITH_AS(weight.set_constraint({Kind::norm, 2, 1}), doctest::Contains("maximum"), Error);
  CHECK_THROWS_WITH_AS(weight.set_constraint({Kind::norm, 0, infinity}), doctest::Contains("maximum"), Error);
  CHECK_THROWS_WITH_AS(weight.set_constraint({Kind::norm, 0, 1, nan}), doctest::Contains("rate"), Error);
  CHECK_THROWS_WITH_AS(weight.set_constraint({Kind::norm, 0, 1, 1, 4}), doctest::Contains("(3, 4)"), Error);
  CHECK_THROWS_WITH_AS(weight.set_constraint({Kind::norm, 0, 1, 1, 0}), doctest::Contains("axis"), Error);
  CHECK(weight.rules() == WeightRules{});

  const auto owned = make_network(5);
  const auto configure = [&](const Metric& metric, const OptimizerConfig& optimizer) {
    owned->configure(Loss::sparse_categorical_crossentropy, false, {metric}, optimizer);
  };
  const OptimizerConfig before = owned->optimizer();
  OptimizerConfig wrong = before;
  wrong.learning_rate = 1e300;
  CHECK_THROWS_WITH_AS(configure({MetricKind::accuracy}, wrong), doctest::Contains("learning_rate"), Error);
  wrong = before, wrong.clipping = {Clipping::Kind::norm, 0};
  CHECK_THROWS_WITH_AS(configure({MetricKind::accuracy}, wrong), doctest::Contains("above 0"), Error);
  CHECK_THROWS_WITH_AS(configure({MetricKind::top_k, 0}, before), doctest::Contains("at least 1"), Error);
  CHECK_THROWS_WITH_AS(owned->set_learning_rate(1e300), doctest::Contains("learning_rate"), Error);
  CHECK(owned->optimizer().learning_rate == before.learning_rate);
}

TEST_CASE("norms over any axes, and penalties of trained weights alone") {
  Graph g;
  const int out = g.dense(g.input({2}, "in"), {2, false}, "d");
  Network network(std::move(g), out);
  Weight& weight = network.weight(0);
  const std::vector<float> kernel{3, 1, 4, 1}, x{0, 0}, y{0, 0};
  OptimizerConfig sgd;
  sgd.kind = OptimizerConfig::Kind::sgd;
  network.configure(Loss::mean_squared_error, false, {}, sgd);
  std::vector<double> results;
  std::vector<float> got(4);
  const auto trained = [&](const Constraint& constraint) {
    weight.set(kernel.data());
    weight.set_constraint(constraint);
    network.train_step({x.data()}, {nullptr, y.data()}, 1, results);
    weight.get(got.data());
    return got;
  };
  CHECK(trained({Constraint::Kind::norm, 0, 5})[0] == 3);  // columns: 5 and the root of 2
  CHECK(trained({Constraint::Kind::norm, 0, 2.5f})[2] == doctest::Approx(2));
  CHECK(trained({Constraint::Kind::norm, 0, 2.5f})[3] == 1);
  CHECK(trained({Constraint::Kind::norm, 1, 1, 1, 2})[0] == doctest::Approx(3 / std::sqrt(10.0)));
  CHECK(trained({Constraint::Kind::norm, 1, 1, 1, 3})[3] == doctest::Approx(1 / std::sqrt(27.0)));
  weight.set_regularizer({0, 2});
  trained({});
  CHECK(results[0] == doctest::Approx(54));
  weight.set_trainable(false);
  trained({});
  CHECK(results[0] == 0);
}

TEST_CASE("predictions take memory neither for gradients nor for the optimizer") {
  const auto owned = make_network(5);
  const Snapshot fresh = owned->snapshot();
  REQUIRE(fresh.slots.size() == 2);
  CHECK(fresh.slots[0] == std::vector<float>(fresh.slots[0].size(), 0.0f));
  CHECK(fresh.step == 0);
  const Data data;
  train(*owned, data, 2);
  const Snapshot later = owned->snapshot();
  CHECK(later.step == 2);
  CHECK(later.weights != fresh.weights);
  CHECK(later.slots != fresh.slots);
  CHECK(later.weights == get_all(owned->weights()));
}

TEST_CASE("where memory is short for the optimizer, it keeps nothing of that weight") {
  TrainingState state;
  OptimizerConfig adam;
  adam.kind = OptimizerConfig::Kind::adam;
  state.begin(adam);
  const auto huge = std::make_shared<Weight>("huge", Dims{1 << 20, 1 << 20});
  CHECK_THROWS_WITH_AS(state.slots_of(huge), doctest::Contains("for the optimizer"), Error);
  CHECK(state.slots.empty());
  CHECK(state.slots_of(std::make_shared<Weight>("small", Dims{4})).size() == 2);
}

TEST_CASE("targets smaller than an objective's are refused, not read past their end") {
  Graph g;
  const int v = g.dense(g.input({4}, "in"), {3, false}, "d");
  Network network(g, v);
  const int more = g.dense(v, {5, false}, "more"), targets = g.input({5}, "targets");
  const int loss = g.loss(LossKind::squared_error, more, targets, false, "loss");
  network.set_objective({g, {{loss}}, {}});
  OptimizerConfig sgd;
  sgd.kind = OptimizerConfig::Kind::sgd;
  network.set_optimizer(sgd);
  const std::vector<float> x(8), y(6);
  std::vector<double> results;
  CHECK_THROWS_WITH_AS(network.train_step({x.data()}, {nullptr, y.data()}, 2, results),
                       doctest::Contains("5 numbers a sample, got samples of 3"), Error);
}

TEST_CASE("nodes have names of their own") {
  Graph g;
  const int in = g.input({4}, "a (2)");
  for (const char* name : {"a", "a (3)", "a (4)", "a (2) (2)"}) {
    const char* given = std::string(name) == "a (2) (2)" ? "a (2)" : "a";
    CHECK(g.node(g.activation(in, ActivationKind::relu, given)).name == name);
  }
  // As fast where all the numbers are taken.
  constexpr int kMany = 4000;
  for (int i = 2; i < kMany; ++i) g.activation(in, ActivationKind::relu, "b (" + std::to_string(i) + ")");
  const auto start = std::chrono::steady_clock::now();
  int last = in;
  for (int i = 0; i < kMany; ++i) last = g.activation(in, ActivationKind::relu, "b");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
  CHECK(g.node(last).name == "b (" + std::to_string(2 * kMany - 2) + ")");
}
