#include "runtime/crew.h"

#include <algorithm>
#include <cmath>

namespace cnnfast {

namespace {

// The least to judge by; no more is given to a size on trial, which may be the worse one.
constexpr int kRuns = 3;
constexpr double kSeconds = 0.01;
// A smaller crew is tried where its members wait for a quarter of the time. A size is taken if it is faster
// by more than what times vary.
constexpr double kIdle = 0.25, kGain = 0.97;
constexpr double kChange = 1.3;  // times that grew by more are another situation: nothing is waited for
constexpr double kShortestRest = 0.1, kLongestRest = 3.2;
constexpr double kTrials = 0.1;  // of the time are lost by trials that fail, at most

}  // namespace

double Crew::seconds() const {
  const bool wants_more = size_ < most_ && may_try();
  return size_ != accepted_ || wants_more ? kSeconds : HUGE_VAL;
}

void Crew::tell(int runs, double seconds, double waited, double now) {
  runs_ += runs, seconds_ += seconds, waited_ += waited, debt_ -= seconds, now_ = now;
  const bool fails = size_ != accepted_ && seconds_ > kChange * accepted_seconds_ * runs_;
  if (seconds_ < kSeconds || (runs_ < kRuns && !fails)) return;
  judge();
  runs_ = 0, seconds_ = waited_ = 0;
}

void Crew::judge() {
  const double each = seconds_ / runs_;
  if (size_ != accepted_) {
    const bool better = each < kGain * accepted_seconds_;
    if (better) accepted_ = size_, accepted_seconds_ = each;
    size_ = accepted_;
    rest_ = better ? kShortestRest : std::clamp(2 * rest_, kShortestRest, kLongestRest);
    next_trial_ = now_ + rest_;
    debt_ = better ? 0 : (seconds_ - runs_ * accepted_seconds_) / kTrials;
    return;
  }
  if (each > kChange * accepted_seconds_) next_trial_ = now_, debt_ = 0;
  accepted_seconds_ = each;
  if (!may_try()) return;
  const bool is_idle = size_ > 1 && waited_ > kIdle * (size_ - 1) * seconds_;
  size_ = is_idle ? (size_ + 1) / 2 : std::min(2 * size_, most_);
}

}  // namespace cnnfast
