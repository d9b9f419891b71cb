#include "graph/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace cnnfast {

namespace {

constexpr int64_t kLine = 16;

int64_t round_up(int64_t floats) {
  return (floats + kLine - 1) / kLine * kLine;
}

bool overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

// Largest first, each at the lowest place that is free throughout its life: within a few percent of the best
// for the chains that networks are, and simple.
MemoryPlan plan_memory(const std::vector<Lifetime>& buffers, bool reuse) {
  MemoryPlan plan{std::vector<int64_t>(buffers.size(), 0), 0};
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].floats > buffers[b].floats; });
  std::vector<size_t> placed;  // by offset
  for (const size_t i : order) {
    int64_t at = 0;
    for (const size_t j : placed) {
      if (reuse && !overlap(buffers[i], buffers[j])) continue;
      if (at + round_up(buffers[i].floats) <= plan.offsets[j]) break;
      at = std::max(at, plan.offsets[j] + round_up(buffers[j].floats));
    }
    plan.offsets[i] = at;
    plan.floats = std::max(plan.floats, at + round_up(buffers[i].floats));
    const auto later = [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i, later), i);
  }
  return plan;
}

}  // namespace cnnfast
