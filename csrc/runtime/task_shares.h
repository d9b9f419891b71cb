// The tasks of steps, shared among a team. A member starts with a contiguous share of its own and, done with
// it, takes what others have left: cores differ, and on a shared machine each is slow, or away, at times. A
// step is over when its tasks are done, whoever did them: a member that is away is not waited for, unless it
// holds a task.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "runtime/parallel.h"

namespace cnnfast {

class TaskShares {
 public:
  // How far a member has come in a run; each has its own, which begins so.
  struct Place {
    uint64_t step = 0, tasks = 0;
    double waited = 0;  // seconds, for tasks that others held
  };

  explicit TaskShares(int members)
      : members_(members), shares_(std::make_unique<Share[]>(static_cast<size_t>(members))) {}

  // One caller, before the team runs steps.
  void start() const {
    for (int i = 0; i < members_; ++i) shares_[i].step_and_next = 0;
    done_->tasks = 0;
  }

  // Every member calls it with the same n, less than 2^32 - 1, for the same steps in the same order; together
  // they run each task in [0, n) once. Returns when all are done; what they wrote is visible then.
  template <class Task>
  void run(const Team& team, Place& place, int64_t n, const Task& task) const {
    if (team.size() == 1) {  // nobody to share with
      for (int64_t at = 0; at < n; ++at) task(at);
      return;
    }
    ++place.step;
    place.tasks += static_cast<uint64_t>(n);
    if (done_->tasks.load(std::memory_order_acquire) >= place.tasks) return;
    for (int i = 0; i < team.size(); ++i) {
      const Team owner((team.rank() + i) % team.size(), team.size());
      const int64_t begin = owner.begin(n), end = owner.end(n);
      Share& share = shares_[owner.rank()];
      for (int64_t at = share.take(place.step, begin, end); at < end;
           at = share.take(place.step, begin, end)) {
        task(at);
        done_->tasks.fetch_add(1, std::memory_order_acq_rel);
      }
    }
    place.waited += wait_until([&] { return done_->tasks.load(std::memory_order_acquire) >= place.tasks; });
  }

 private:
  // Whoever comes first opens a share: its owner may still be asleep. Steps grow, so that one who comes late
  // finds the shares of the past closed.
  struct alignas(64) Share {
    std::atomic<uint64_t> step_and_next;
    int64_t take(uint64_t step, int64_t begin, int64_t end) {
      uint64_t seen = step_and_next.load(std::memory_order_relaxed);
      for (;;) {
        const int64_t next = seen >> 32 == step ? static_cast<int64_t>(seen & 0xffffffff) : begin;
        if (seen >> 32 > step || next >= end) return end;
        if (step_and_next.compare_exchange_weak(seen, step << 32 | static_cast<uint64_t>(next + 1),
                                                std::memory_order_relaxed))
          return next;
      }
    }
  };
  struct alignas(64) Done {
    std::atomic<uint64_t> tasks{0};
  };
  int members_;
  std::unique_ptr<Share[]> shares_;
  std::unique_ptr<Done> done_ = std::make_unique<Done>();
};

}  // namespace cnnfast
