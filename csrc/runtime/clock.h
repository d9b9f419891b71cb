// The clock by which durations are told, and the pause between two looks at what another thread will change.
#pragma once
#include <chrono>
#include <thread>

namespace cnnfast {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Where a condition would not do: one that threads wait for does not survive a fork.
inline void wait_a_little() {
  std::this_thread::sleep_for(std::chrono::microseconds(50));
}

}  // namespace cnnfast
