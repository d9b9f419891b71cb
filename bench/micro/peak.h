// The core's float32 peak: a loop of multiply-adds that touches nothing but registers.
//
// Included by files compiled with ISA flags: nothing but fixed-width integers may come in here.
#pragma once
#include <cstdint>

namespace cnnfast::bench {

struct PeakLoop {
  float (*run)(int64_t iterations, float x);  // the result only keeps the compiler from leaving the work out
  int64_t flops;                              // of one iteration
};

// For `x`, near one: the sums neither grow without bound nor become denormal.
constexpr float kPeakOperand = 0.999f;

// Null where the compiler does not know the instruction set.
const PeakLoop* scalar_peak();
const PeakLoop* avx2_peak();
const PeakLoop* avx512_peak();

// The loop for a KernelTable's instruction set; throws std::invalid_argument when there is none.
const PeakLoop& find_peak(const char* isa);

// Measured once, in processor time, for the instruction set in use: the best of a few runs, as a peak should
// be.
double peak_flops_per_second();

}  // namespace cnnfast::bench
