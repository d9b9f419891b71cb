// Threads and the arena.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <thread>
#include <vector>

#include "cnnfast/error.h"
#include "runtime/cpu.h"
#include "runtime/crew.h"
#include "runtime/floats.h"
#include "runtime/no_fork.h"
#include "runtime/parallel.h"
#include "runtime/task_shares.h"

using namespace cnnfast;

TEST_CASE("every task runs once, whatever the team") {
  constexpr int kSteps = 20;
  for (const int threads : {1, 2, 3, 5, 8}) {
    const TaskShares shares(threads);
    for (const int64_t tasks : {0, 1, 2, 7, 64}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
      shares.start();
      parallel(threads, [&](const Team& team) {
        TaskShares::Place place;
        for (int step = 0; step < kSteps; ++step)
          shares.run(team, place, tasks, [&](int64_t t) { ++runs[static_cast<size_t>(t)]; });
      });
      for (const auto& count : runs) CHECK(count == kSteps);
    }
  }
}

namespace {

double now = 0;

// What a crew does in so many seconds, where a run with so many threads takes seconds_of(threads), in which
// each waits for `idle` of the time. Returns the share of the time with `threads` threads.
template <class SecondsOf>
double share_with(int threads, Crew& crew, double seconds, double idle, const SecondsOf& seconds_of) {
  double all = 0, with = 0;
  while (all < seconds) {
    const int size = crew.size();
    const double each = seconds_of(size);
    const int runs = std::max(1, static_cast<int>(std::min(crew.seconds(), 0.1) / each));
    now += runs * each;
    crew.tell(runs, runs * each, runs * each * idle * (size - 1), now);
    all += runs * each;
    if (size == threads) with += runs * each;
  }
  return with / all;
}

}  // namespace

TEST_CASE("a crew is as large as pays") {
  const auto alone = [](int size) { return 2e-3 / size; };
  const auto beside_others = [](int size) { return size == 1 ? 2e-3 : 4e-3; };
  const auto two_cores = [](int size) { return size == 1 ? 2e-3 : 1e-3 * size / 2; };
  const auto long_runs = [](int size) { return size == 1 ? 0.11 : 0.06; };
  Crew crew(2);
  CHECK(share_with(2, crew, 1, 0.05, alone) == 1);
  CHECK(share_with(2, crew, 10, 0.4, alone) > 0.97);  // idle by nature: one alone is tried now and then
  CHECK(share_with(1, crew, 10, 0.4, beside_others) > 0.9);
  CHECK(share_with(2, crew, 10, 0.05, alone) > 0.5);  // the others are gone
  CHECK(share_with(2, crew, 1, 0.05, alone) == 1);
  CHECK(share_with(1, crew, 10, 0.4, beside_others) > 0.9);
  now += 4;  // in which nothing runs, and the others end
  CHECK(share_with(2, crew, 1, 0.05, alone) > 0.8);
  Crew eight(8);
  CHECK(share_with(2, eight, 10, 0.4, two_cores) > 0.9);
  Crew three(3);  // beside somebody on one of three cores
  CHECK(share_with(2, three, 10, 0.4, [](int size) { return size == 3 ? 4e-3 : 6e-3 / size; }) > 0.9);
  Crew patient(2);
  CHECK(share_with(2, patient, 10, 0.4, long_runs) > 0.87);  // a trial that fails is one run
  Crew single(1);
  CHECK(share_with(1, single, 1, 0, alone) == 1);
}

TEST_CASE("members take what a slow one has left") {
  constexpr int64_t kTasks = 8;
  const TaskShares shares(2);
  std::atomic<int64_t> done{0};
  shares.start();
  parallel(2, [&](const Team& team) {
    TaskShares::Place place;
    shares.run(team, place, kTasks, [&](int64_t task) {
      while (task == 0 && team.size() > 1 && done < kTasks - 1) std::this_thread::yield();
      ++done;
    });
  });
  CHECK(done == kTasks);
}

TEST_CASE("a member that is away is not waited for, and finds what it missed") {
  constexpr int kSteps = 50;
  const TaskShares shares(2);
  std::atomic<int> over{0};
  int missed = -1;
  shares.start();
  parallel(2, [&](const Team& team) {
    TaskShares::Place place;
    if (team.rank() == 1)
      while (over < kSteps) std::this_thread::yield();
    int own = 0;
    for (int step = 0; step < kSteps; ++step) {
      shares.run(team, place, 8, [&](int64_t) { ++own; });
      if (team.rank() == 0) ++over;
    }
    if (team.rank() == team.size() - 1) missed = own;
  });
  CHECK(over == kSteps);
  CHECK((missed == 0 || missed == 8 * kSteps));  // none of them, or all where there is one thread
}

TEST_CASE("a step shows what the one before wrote") {
  constexpr int kTasks = 16, kSteps = 300;
  for (const int threads : {2, 3, 8}) {
    const TaskShares shares(threads);
    int written[kTasks] = {}, wrong[kTasks] = {};
    shares.start();
    parallel(threads, [&](const Team& team) {
      TaskShares::Place place;
      for (int step = 0; step < kSteps; ++step) {
        shares.run(team, place, kTasks, [&](int64_t t) { written[t] = step + 1; });
        shares.run(team, place, kTasks, [&](int64_t t) { wrong[t] += written[kTasks - 1 - t] != step + 1; });
      }
    });
    for (const int count : wrong) CHECK(count == 0);
  }
}

TEST_CASE("a barrier shows what the others wrote") {
  for (int round = 0; round < 200; ++round) {
    int written[4] = {0, 0, 0, 0};
    std::atomic<int> wrong{0};
    parallel(4, [&](const Team& team) {
      written[team.rank()] = round + 1;
      team.barrier();
      for (int r = 0; r < team.size(); ++r) wrong += written[r] != round + 1;
    });
    CHECK(wrong == 0);
  }
}

TEST_CASE("denormals are flushed inside and kept outside") {
  volatile float tiny = std::numeric_limits<float>::min();
  float inside = 1;
  parallel(1, [&](const Team&) { inside = tiny / 2; });
  CHECK(inside == 0);
  const float outside = tiny / 2;
  CHECK(outside > 0);
}

TEST_CASE("two callers at once") {
  std::atomic<int64_t> sum{0};
  const auto work = [&] {
    for (int i = 0; i < 50; ++i)
      parallel(2, [&](const Team& team) {
        for (int64_t t = team.begin(10); t < team.end(10); ++t) sum += t;
        team.barrier();
      });
  };
  std::thread other(work);
  work();
  other.join();
  CHECK(sum == 2 * 50 * 45);
}

TEST_CASE("a forked child runs on one thread and does not hang") {
  parallel(2, [](const Team&) {});
  const pid_t child = fork();
  if (child == 0) {
    int size = 0;
    parallel(2, [&](const Team& team) { size = team.size(); });
    _exit(size == 1 && num_threads() == 1 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

// Forks, and returns what the child's work says.
template <class Work>
int in_child(const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // one that hangs ends
    _exit(work());
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("forks wait for who works, in a child too, and a child finds all at rest") {
  std::atomic<bool> working{false};
  const auto work = [&] {
    const NoFork scope;
    working = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    working = false;
  };
  const auto forks_beside_work = [&] {
    std::thread other(work);
    while (!working) std::this_thread::yield();
    const int waited = in_child([&] {
      const NoFork scope;
      return working ? 1 : 0;
    });
    other.join();
    return waited;
  };
  CHECK(forks_beside_work() == 0);
  CHECK(in_child(forks_beside_work) == 0);
  std::optional<NoFork> scope(std::in_place);  // of the one that forks: it goes on in the child
  CHECK(in_child([&] {
          scope.reset();
          return forks_beside_work();
        }) == 0);
}

TEST_CASE("the number of threads has limits") {
  const int before = num_threads();
  CHECK_THROWS_AS(set_num_threads(0), Error);
  CHECK_THROWS_AS(set_num_threads(-3), Error);
  CHECK(num_threads() == before);
}

TEST_CASE("memory is aligned and zeroed, from the heap and in pages of its own") {
  for (const int64_t n : {int64_t{0}, int64_t{1}, int64_t{1250}, (int64_t{128} << 8) - 1, int64_t{128} << 8,
                          int64_t{3} << 18, (int64_t{3} << 18) + 1}) {
    Floats floats(n, "a test");
    CHECK(reinterpret_cast<uintptr_t>(floats.data()) % 64 == 0);
    CHECK(floats.size() == n);
    for (int64_t i = 0; i < n; ++i) floats.data()[i] += static_cast<float>(i);
    for (int64_t i = 0; i < n; i += 257) CHECK(floats.data()[i] == static_cast<float>(i));
    float* const data = floats.data();
    const Floats moved(std::move(floats));
    CHECK(moved.data() == data);
  }
}

TEST_CASE("too much memory is an error that names its size and use") {
  CHECK_THROWS_WITH_AS(Floats(std::numeric_limits<int64_t>::max() / 16, "a test"),
                       doctest::Contains("bytes for a test"), Error);
  CHECK_THROWS_AS(Floats(std::numeric_limits<int64_t>::max(), "a test"), Error);
}

TEST_CASE("the portable kernels are always there") {
  CHECK(find_kernels("scalar") != nullptr);
  CHECK(find_kernels("mmx") == nullptr);
  CHECK_THROWS_AS(choose_kernels("mmx"), Error);
}
