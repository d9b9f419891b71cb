// What every micro benchmark needs: memory filled with random normal numbers, and the loop with its counters.
#pragma once
#include <benchmark/benchmark.h>

#include <ctime>
#include <random>

#include "micro/shapes.h"
#include "runtime/cpu.h"
#include "runtime/floats.h"
#include "runtime/machine.h"

namespace cnnfast::bench {

class Floats {
 public:
  explicit Floats(int64_t count, float scale = 1) : values_(count, "a benchmark") {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal(0, scale);
    for (int64_t i = 0; i < count; ++i) values_.data()[i] = normal(generator);
  }
  float* data() { return values_.data(); }

 private:
  cnnfast::Floats values_;
};

inline double peak_flops_per_second() {
  return measured_machine(kernels()).flops;
}

inline int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// Times `kernel`, which does `flops` a call, and counts GFLOP/s and their share of the core's peak. Both come
// from processor time, like the peak itself: on a busy machine they still compare.
template <class Kernel>
void time_kernel(benchmark::State& state, double flops, Kernel&& kernel) {
  const std::clock_t start = std::clock();
  for (auto _ : state) {
    kernel();
    benchmark::ClobberMemory();
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const double rate = flops * static_cast<double>(state.iterations()) / seconds;
  state.counters["GFLOP/s"] = rate * 1e-9;
  state.counters["%peak"] = 100 * rate / peak_flops_per_second();
}

void register_conv(const Shapes& shapes);
void register_formula();
void register_gemm(const Shapes& shapes);
void register_pool();
void register_winograd(const Shapes& shapes);

}  // namespace cnnfast::bench
