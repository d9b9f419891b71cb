// The memory plan: lives that overlap never share a byte, others do.
#include <doctest/doctest.h>

#include <random>

#include "graph/memory_plan.h"

using namespace cnnfast;

namespace {

bool disjoint(int64_t a, int64_t a_size, int64_t b, int64_t b_size) {
  return a + a_size <= b || b + b_size <= a;
}

void check_plan(const std::vector<Lifetime>& lives, const MemoryPlan& plan) {
  for (size_t i = 0; i < lives.size(); ++i) {
    CHECK(plan.offsets[i] % 16 == 0);
    CHECK(plan.offsets[i] + lives[i].floats <= plan.floats);
    for (size_t j = 0; j < i; ++j) {
      const bool together = lives[i].first <= lives[j].last && lives[j].first <= lives[i].last;
      if (together) CHECK(disjoint(plan.offsets[i], lives[i].floats, plan.offsets[j], lives[j].floats));
    }
  }
}

}  // namespace

TEST_CASE("random lifetimes never overlap in memory") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lives;
    for (unsigned i = 0, n = random() % 40; i < n; ++i) {
      const int first = static_cast<int>(random() % 30);
      lives.push_back({static_cast<int64_t>(random() % 1000), first, first + static_cast<int>(random() % 6)});
    }
    check_plan(lives, plan_memory(lives, true));
  }
}

TEST_CASE("a chain needs its two largest neighbours, not the sum") {
  const std::vector<Lifetime> chain{{160, 0, 1}, {320, 1, 2}, {480, 2, 3}, {160, 3, 4}};
  CHECK(plan_memory(chain, true).floats == 800);
  CHECK(plan_memory(chain, false).floats == 1120);
}

TEST_CASE("nothing needs nothing") {
  CHECK(plan_memory({}, true).floats == 0);
}
