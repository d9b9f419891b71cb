// Threads. The one door to OpenMP: everything parallel in the library goes through a Team.
#pragma once
#include <cstdint>
#include <type_traits>

#include "runtime/clock.h"

namespace cnnfast {

// Threads a program may use: the CPUs of the affinity mask within the cgroup's quota, unless
// CNNFAST_NUM_THREADS, then OMP_NUM_THREADS, or set_num_threads says otherwise. 1 in a forked child: the team
// of the parent is gone there.
int num_threads();
void set_num_threads(int n);

// What to do between two looks at what another thread will change: little at first, then let others run.
constexpr int kShortLook = 1000;  // some 20 to 50 microseconds: steps that are shared evenly end within them
void relax();
void yield();

class Team {
 public:
  Team(int rank, int size) : rank_(rank), size_(size) {}
  int rank() const { return rank_; }
  int size() const { return size_; }
  // Returns once every member has called it; what they wrote before is visible after.
  void barrier() const;
  // This member's share of n tasks: contiguous, told from n and the team alone.
  int64_t begin(int64_t n) const { return n * rank_ / size_; }
  int64_t end(int64_t n) const { return n * (rank_ + 1) / size_; }

 private:
  int rank_, size_;
};

// Returns once it holds, as other threads will make it; and the seconds it took, beyond a short look.
template <class Holds>
double wait_until(const Holds& holds) {
  for (int looks = 0; looks < kShortLook; ++looks) {
    if (holds()) return 0;
    relax();
  }
  const Clock::time_point start = Clock::now();
  while (!holds()) yield();
  return seconds_since(start);
}

// Runs body(team, context) on `threads` threads, the caller among them, and returns when all have; on the
// caller alone where the system gives no more threads. Does not allocate in steady state. Denormals are
// flushed inside; the caller's floating-point state is restored.
void parallel(int threads, void (*body)(const Team&, void*), void* context);

template <class Body>
void parallel(int threads, Body&& body) {
  using Decayed = std::remove_reference_t<Body>;
  parallel(
      threads, [](const Team& team, void* context) { (*static_cast<Decayed*>(context))(team); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace cnnfast
