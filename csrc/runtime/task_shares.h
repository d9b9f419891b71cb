// The tasks of a step, shared among a team. A member starts with a contiguous share of its own and, done with
// it, takes what others have left: cores differ, and on a shared machine each is slow at times.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "runtime/parallel.h"

namespace cnnfast {

// Not copyable. One step at a time: the team meets at a barrier between two calls of run.
class TaskShares {
 public:
  explicit TaskShares(int members) : shares_(std::make_unique<Share[]>(static_cast<size_t>(members))) {}

  // Every member calls it with the same n < 2^31; together they run each task in [0, n) once.
  template <class Task>
  void run(const Team& team, int64_t n, const Task& task) const {
    shares_[team.rank()].open(team.begin(n), team.end(n));
    for (int i = 0; i < team.size(); ++i) {
      Share& share = shares_[(team.rank() + i) % team.size()];
      for (int64_t taken = share.take(); taken >= 0; taken = share.take()) task(taken);
    }
  }

 private:
  // Next and end in one word: who looks before its owner opened it anew finds the last step's, where nothing
  // is left.
  struct alignas(64) Share {
    std::atomic<uint64_t> next_and_end{0};
    void open(int64_t begin, int64_t end) {
      next_and_end.store(static_cast<uint64_t>(begin) << 32 | static_cast<uint64_t>(end),
                         std::memory_order_relaxed);
    }
    int64_t take() {
      const uint64_t taken = next_and_end.fetch_add(uint64_t{1} << 32, std::memory_order_relaxed);
      const uint64_t next = taken >> 32, end = taken & 0xffffffff;
      return next < end ? static_cast<int64_t>(next) : -1;
    }
  };
  std::unique_ptr<Share[]> shares_;
};

}  // namespace cnnfast
