#include "graph/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace cnnfast {

namespace {

constexpr int64_t kLine = 16;

int64_t round_up(int64_t floats) {
  return (floats + kLine - 1) / kLine * kLine;
}

struct Place {
  int64_t begin, end;
  int first, last;
};

}  // namespace

// Largest first, each at the lowest place that is free throughout its life: within a few percent of the best
// for the chains that networks are, and simple.
MemoryPlan plan_memory(const std::vector<Lifetime>& buffers, bool reuse) {
  MemoryPlan plan{std::vector<int64_t>(buffers.size(), 0), 0};
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].floats > buffers[b].floats; });
  std::vector<Place> placed;  // by where they begin; side by side, as each buffer passes by all of them
  placed.reserve(buffers.size());
  for (const size_t i : order) {
    const auto [floats, first, last] = buffers[i];
    const int64_t size = round_up(floats);
    int64_t at = 0;
    for (const Place& other : placed) {
      if (reuse && (other.last < first || last < other.first)) continue;
      if (at + size <= other.begin) break;
      at = std::max(at, other.end);
    }
    plan.offsets[i] = at;
    plan.floats = std::max(plan.floats, at + size);
    const auto later = [](int64_t begin, const Place& other) { return begin < other.begin; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), at, later), {at, at + size, first, last});
  }
  return plan;
}

}  // namespace cnnfast
