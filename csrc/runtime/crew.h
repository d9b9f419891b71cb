// How many threads the runs of a program are given: all that it was planned for, unless fewer prove faster.
// Where others want the cores too, whoever is put aside in the middle of a task holds up the rest. Bits do
// not depend on it.
#pragma once

namespace cnnfast {

class Crew {
 public:
  explicit Crew(int most) : most_(most), accepted_(most), size_(most) {}

  int size() const { return size_; }
  // How long to run with so many threads before tell() should hear of it.
  double seconds() const;
  // Of runs with size() threads: what they took, how long threads waited in them, all together, and what the
  // clock said behind them.
  void tell(int runs, double seconds, double waited, double now);

 private:
  void judge();
  bool may_try() const { return now_ >= next_trial_ && debt_ <= 0; }

  int most_, accepted_, size_;   // size_ differs from what is accepted while it is on trial
  double accepted_seconds_ = 0;  // of a run
  int runs_ = 0;                 // since the last judgement, and what they took
  double seconds_ = 0, waited_ = 0, now_ = 0;
  // Between trials; when the next one may begin by the clock, for what went on meanwhile may be over though
  // nothing ran; and how long to run until then.
  double rest_ = 0, next_trial_ = 0, debt_ = 0;
};

}  // namespace cnnfast
