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
  // Of runs with size() threads: what they took, and how long threads waited in them, all together.
  void tell(int runs, double seconds, double waited);

 private:
  void judge();

  int most_, accepted_, size_;   // size_ differs from what is accepted while it is on trial
  double accepted_seconds_ = 0;  // of a run
  int runs_ = 0;                 // since the last judgement, and what they took
  double seconds_ = 0, waited_ = 0;
  double rest_ = 0, patience_ = 0;  // seconds between trials, and until the next one
};

}  // namespace cnnfast
