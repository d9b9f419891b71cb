#include "runtime/machine.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <numeric>
#include <string>

#include "runtime/floats.h"
#include "runtime/no_fork.h"

namespace cnnfast {

namespace {

constexpr int kRuns = 12;
constexpr double kSecondsPerRun = 1e-3;
constexpr float kOperand = 0.999f;  // near one: the sums neither grow without bound nor become denormal
// A stretch of the stream comes round again after all others: more than what a core reaches of a last-level
// cache lies between.
constexpr size_t kStretches = 8, kStretchBytes = size_t{16} << 20;

double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

volatile float kept;  // what keeps the compiler from leaving the work out

double measure_bandwidth() {
  const Floats stream(kStretches * kStretchBytes / sizeof(float), "measuring the memory's speed");
  std::fill_n(stream.data(), stream.size(), 1.0f);  // untouched pages are one page of zeros
  double best = 1;
  for (size_t i = 0; i < kStretches; ++i) {
    const auto* begin = reinterpret_cast<const uint32_t*>(stream.data() + i * kStretchBytes / sizeof(float));
    const double start = processor_seconds();
    kept = static_cast<float>(std::accumulate(begin, begin + kStretchBytes / sizeof(uint32_t), 0u));
    best = std::min(best, processor_seconds() - start);
  }
  return static_cast<double>(kStretchBytes) / best;
}

}  // namespace

double measure_flops(const KernelTable& kernels) {
  const auto seconds_of = [&](int64_t iterations) {
    const double start = processor_seconds();
    kept = kernels.peak(iterations, kOperand);
    return processor_seconds() - start;
  };
  int64_t iterations = 100;
  while (seconds_of(iterations) < kSecondsPerRun) iterations *= 2;
  double best = seconds_of(iterations);
  for (int run = 1; run < kRuns; ++run) best = std::min(best, seconds_of(iterations));
  return static_cast<double>(kernels.peak_flops) * static_cast<double>(iterations) / best;
}

Machine measured_machine(const KernelTable& kernels) {
  static Mutex mutex;
  static std::map<std::string, double> flops;
  static double bandwidth = 0;
  const Lock lock(mutex);
  double& peak = flops[kernels.isa];
  if (peak == 0) peak = measure_flops(kernels);
  if (bandwidth == 0) bandwidth = measure_bandwidth();
  return {peak, bandwidth};
}

}  // namespace cnnfast
