// Networks from several threads: what calls leave alone, and that each is one transaction; and the tasks that
// a team shares. Every call computes on its caller's thread, and the team is not OpenMP's, so that
// ThreadSanitizer (the preset "tsan") sees all there is to see: not so inside OpenMP's runtime, which is not
// built for it.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <thread>
#include <vector>

#include "cnnfast/network.h"
#include "runtime/parallel.h"
#include "runtime/task_shares.h"

using namespace cnnfast;

namespace {

[[maybe_unused]] const bool each_alone = (set_num_threads(1), true);

template <class... Work>
void at_once(const Work&... work) {
  std::thread threads[] = {std::thread(work)...};
  for (std::thread& thread : threads) thread.join();
}

template <class Call>
auto turns(const Call& call) {
  return [call] {
    for (int i = 0; i < 200; ++i) call(i);
  };
}

OptimizerConfig sgd(double momentum = 0) {
  OptimizerConfig config;
  config.kind = OptimizerConfig::Kind::sgd;
  config.learning_rate = 1e-3;
  config.momentum = momentum;
  return config;
}

OptimizerConfig adam() {
  OptimizerConfig config = sgd();
  config.kind = OptimizerConfig::Kind::adam;
  return config;
}

// Four numbers, through weights, to four.
Graph chain(const Weights& weights) {
  Graph g;
  int v = g.input({4}, "in");
  for (const WeightPtr& weight : weights) v = g.dense(v, {4, false}, "d", {weight});
  return g;
}

WeightPtr square(uint64_t seed) {
  return std::make_shared<Weight>("w", Dims{4, 4}, Initializer::glorot_uniform, seed);
}

const std::vector<float> x(8, 0.5f), y(8, 0.25f);

}  // namespace

TEST_CASE("two networks that share weights train from two threads, and a third looks on") {
  const WeightPtr a = std::make_shared<Weight>("a", Dims{4, 4}, Initializer::glorot_uniform, 1);
  const WeightPtr b = std::make_shared<Weight>("b", Dims{4, 4}, Initializer::glorot_uniform, 2);
  std::vector<std::unique_ptr<Network>> networks;
  for (const Weights& order : {Weights{a, b}, Weights{b, a}}) {
    Graph g;
    int v = g.input({4}, "in");
    for (const WeightPtr& weight : order) v = g.dense(v, {4, false}, "d", {weight});
    networks.push_back(std::make_unique<Network>(std::move(g), v));
    networks.back()->configure(Loss::mean_squared_error, false, {}, sgd());
  }
  const std::vector<float> x(8, 0.5f), y(8, 0.25f);
  const auto train = [&](size_t i) {
    std::vector<double> results;
    for (int step = 0; step < 2000; ++step)
      networks[i]->train_step({x.data()}, {nullptr, y.data()}, 2, results);
  };
  at_once([&] { train(0); }, [&] { train(1); },
          [&] {
            for (int i = 0; i < 500; ++i) {
              // Set together, seen together.
              const std::vector<float> same(16, 0.1f * static_cast<float>(i % 3));
              set_all({b, a}, {same.data(), same.data()});
              const auto all = get_all({a, b});
              for (const float w : all[0]) CHECK(std::isfinite(w));
              const Snapshot moment = networks[0]->snapshot();
              CHECK(moment.weights.size() == 2);
            }
          });
  CHECK(networks[0]->step() == 2000);
  CHECK(networks[1]->step() == 2000);
}

TEST_CASE("a step sees one choice of loss, metrics and optimizer") {
  Network network(chain({square(1), square(2)}), 2);
  const auto choose = [&](int i) {
    const std::vector<Metric> metrics(static_cast<size_t>(i % 4), Metric{MetricKind::mean_squared_error});
    network.configure(Loss::mean_squared_error, false, metrics, i % 2 ? adam() : sgd(i % 4 ? 0.9 : 0));
  };
  choose(0);
  const auto train = [&](int i) {
    std::vector<double> results;
    network.train_step({x.data()}, {nullptr, y.data()}, 1 + i % 2, results);
    // Every metric is what the loss is.
    for (const double each : results) CHECK(each == doctest::Approx(results[0]));
    network.evaluate_step({x.data()}, {nullptr, y.data()}, 2, results);
  };
  const auto train_on_two = [&](int) {
    std::vector<double> results;
    const Samples inputs[] = {{x.data(), DType::float32, nullptr, 2}, {y.data(), DType::float32, nullptr, 2}};
    const int done = network.train(inputs, {1, 2}, results);
    for (const double each : results) CHECK(std::isfinite(each));
    CHECK(results.size() % static_cast<size_t>(done) == 0);
  };
  // One kind of call a thread: the locks of a call beside it would hide that one has none.
  at_once(turns(train), turns(train), turns(train_on_two), turns(choose),  //
          turns([&](int) { CHECK(network.snapshot().slots.size() <= 2); }),
          turns([&](int i) { network.weight(i % 2).set_trainable(i % 3 != 0); }), turns([&](int i) {
            network.weight(0).set_regularizer({0, i % 5 ? 0.0f : 1e-9f});
          }),
          turns([&](int) { network.set_seed(network.seed() + 1); }),
          turns([&](int) { network.set_learning_rate(network.optimizer().learning_rate); }),
          turns([&](int i) { network.disable_pass("reuse_memory", i % 2 == 0); }),
          turns([&](int) { CHECK(network.memory(2, Mode::predict) > 0); }),
          turns([&](int) { CHECK(network.arena_bytes() >= 0); }));
}

TEST_CASE("networks that share their memory, or their state, predict right at once") {
  const auto workspace = make_workspace();
  const auto state = make_training_state();
  const Weights weights{square(1), square(2)}, others{square(3)};
  Network a(chain(weights), {2}, workspace, state), b(chain(weights), {2}, workspace, state),
      c(chain(others), {1}, workspace);
  std::vector<Network*> networks{&a, &b, &c};
  std::vector<std::vector<float>> expected(3, std::vector<float>(8));
  for (size_t i = 0; i < 3; ++i) networks[i]->predict({x.data()}, 2, expected[i].data());
  CHECK(expected[0] == expected[1]);
  const auto predict = [&](size_t which) {
    std::vector<float> out(8);
    for (int i = 0; i < 1000; ++i) {
      networks[which]->predict({x.data()}, 2, out.data());
      CHECK(out == expected[which]);
    }
  };
  at_once([&] { predict(0); }, [&] { predict(1); }, [&] { predict(2); }, [&] { predict(2); });
}

// As OpenMP's threads share them, with threads that ThreadSanitizer sees into.
TEST_CASE("members of a team see what tasks of earlier steps wrote") {
  constexpr int kTasks = 5, kRuns = 1000;
  for (const int members : {2, 3, 8}) {
    const TaskShares shares(members);
    int written[kTasks] = {}, wrong[kTasks] = {}, number = 0;
    shares.start();
    std::vector<std::thread> team;
    for (int rank = 0; rank < members; ++rank)
      team.emplace_back([&, rank] {
        TaskShares::Place place;
        const auto step = [&](int64_t tasks, const auto& task) {
          shares.run(Team(rank, members), place, tasks, task);
        };
        for (int run = 0; run < kRuns; ++run) {
          step(kTasks, [&](int64_t t) { written[t] = number; });
          step(kTasks, [&](int64_t t) { wrong[t] += written[kTasks - 1 - t] != number; });
          step(1, [&](int64_t) { ++number; });  // as a run moves on to the next batch
        }
      });
    for (std::thread& member : team) member.join();
    CHECK(number == kRuns);
    for (const int count : wrong) CHECK(count == 0);
  }
}
