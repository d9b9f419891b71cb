// The tasks of steps, shared among a team. A member starts with a contiguous share of its own and, done with
// it, takes what others have left: cores differ, and on a shared machine each is slow, or away, at times.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "runtime/parallel.h"

namespace cnnfast {

class TaskShares {
 public:
  explicit TaskShares(int members)
      : members_(members), shares_(std::make_unique<Share[]>(static_cast<size_t>(members))) {}

  // One caller, before the team runs steps.
  void start() const {
    for (int i = 0; i < members_; ++i) shares_[i].step_and_next = ~uint64_t{0};
  }

  // Every member calls it with the same step and n, both less than 2^32 - 1; together they run each task in
  // [0, n) once. Steps differ, and a barrier is between two of them.
  template <class Task>
  void run(const Team& team, uint64_t step, int64_t n, const Task& task) const {
    for (int i = 0; i < team.size(); ++i) {
      const Team owner((team.rank() + i) % team.size(), team.size());
      const int64_t begin = owner.begin(n), end = owner.end(n);
      Share& share = shares_[owner.rank()];
      for (int64_t at = share.take(step, begin, end); at < end; at = share.take(step, begin, end)) task(at);
    }
  }

 private:
  // Whoever comes first opens a share: its owner may still be asleep.
  struct alignas(64) Share {
    std::atomic<uint64_t> step_and_next;
    int64_t take(uint64_t step, int64_t begin, int64_t end) {
      uint64_t seen = step_and_next.load(std::memory_order_relaxed);
      for (;;) {
        const int64_t next = seen >> 32 == step ? static_cast<int64_t>(seen & 0xffffffff) : begin;
        if (next >= end) return end;
        if (step_and_next.compare_exchange_weak(seen, step << 32 | static_cast<uint64_t>(next + 1),
                                                std::memory_order_relaxed))
          return next;
      }
    }
  };
  int members_;
  std::unique_ptr<Share[]> shares_;
};

}  // namespace cnnfast
