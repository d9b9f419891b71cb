// Networks from C++: what a step costs in memory, that threads do not change bits, that errors change
// nothing.
#include <doctest/doctest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "cnnfast/network.h"
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
  for (size_t i = 0; i < network.graph().params().size(); ++i) {
    std::vector<float> w(static_cast<size_t>(network.graph().params()[i].size()));
    for (float& x : w) x = normal(random);
    network.set_parameter(static_cast<int>(i), w.data());
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
  double results[2] = {0, 0};
  for (int i = 0; i < steps; ++i) network.train_step({data.x.data()}, {data.y.data()}, kBatch, results);
  return results[0];
}

std::vector<float> weights(const Network& network) {
  std::vector<float> all;
  for (size_t i = 0; i < network.graph().params().size(); ++i) {
    std::vector<float> w(static_cast<size_t>(network.graph().params()[i].size()));
    network.get_parameter(static_cast<int>(i), w.data());
    all.insert(all.end(), w.begin(), w.end());
  }
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
  }
}

TEST_CASE("the plan tells the arena's size before it is taken") {
  const Data data;
  const auto owned = make_network(5);
  Network& network = *owned;
  CHECK(network.arena_bytes(kBatch, Mode::train) == 0);
  const int64_t told = network.memory(kBatch, Mode::train);
  CHECK(network.arena_bytes(kBatch, Mode::train) == 0);
  train(network, data, 1);
  CHECK(network.arena_bytes(kBatch, Mode::train) == told);
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

TEST_CASE("programs of many shapes are forgotten again") {
  const Data data;
  const auto owned = make_network(5);
  Network& network = *owned;
  for (int n = 1; n <= 30; ++n) {
    std::vector<float> out(static_cast<size_t>(n) * 10);
    network.predict({data.x.data()}, n, out.data());
  }
  int kept = 0;
  for (int n = 1; n <= 30; ++n) kept += network.arena_bytes(n, Mode::predict) > 0;
  CHECK(kept == 8);
}

TEST_CASE("mistakes name the layer and the rule") {
  Graph g;
  const int in = g.input({4, 4, 1}, "input");
  CHECK_THROWS_WITH_AS(g.conv(in, conv(2, 7, PadMode::valid), DataFormat::channels_last, "first"),
                       doctest::Contains("first: the window must not be larger than its input"), Error);
  CHECK_THROWS_WITH_AS(g.dense(in, {3, true}, "d"), doctest::Contains("Put a Flatten before it"), Error);
  CHECK_THROWS_WITH_AS(g.dropout(in, 1.0f, "drop"), doctest::Contains("rate must be in [0, 1)"), Error);
  ConvAttrs grouped = conv(3, 1, PadMode::valid);
  grouped.groups = 2;
  CHECK_THROWS_WITH_AS(g.conv(in, grouped, DataFormat::channels_last, "c"),
                       doctest::Contains("groups must divide"), Error);
}
