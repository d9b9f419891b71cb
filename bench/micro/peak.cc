#include "micro/peak.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <string>

#include "runtime/cpu.h"

namespace cnnfast::bench {
namespace {

constexpr int kRuns = 15;
constexpr double kSecondsPerRun = 0.01;

double seconds_of(const PeakLoop& loop, int64_t iterations) {
  const std::clock_t start = std::clock();
  benchmark::DoNotOptimize(loop.run(iterations, kPeakOperand));
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

double measure(const PeakLoop& loop) {
  int64_t iterations = 1000;
  while (seconds_of(loop, iterations) < kSecondsPerRun) iterations *= 2;
  double best = seconds_of(loop, iterations);
  for (int run = 1; run < kRuns; ++run) best = std::min(best, seconds_of(loop, iterations));
  return static_cast<double>(loop.flops) * static_cast<double>(iterations) / best;
}

}  // namespace

const PeakLoop& find_peak(const char* isa) {
  const std::string name = isa;
  const PeakLoop* loop = nullptr;
  if (name == "scalar") loop = scalar_peak();
  if (name == "avx2") loop = avx2_peak();
  if (name == "avx512") loop = avx512_peak();
  if (!loop) throw std::invalid_argument("no peak loop for instruction set " + name);
  return *loop;
}

double peak_flops_per_second() {
  static const double peak = measure(find_peak(kernels().isa));
  return peak;
}

}  // namespace cnnfast::bench
