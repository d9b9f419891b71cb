// Kernels against this machine's own peak. CNNFAST_MAX_ISA caps the instruction set; --benchmark_filter
// picks.
#include "micro/micro.h"

namespace cnnfast::bench {
namespace {

void peak(benchmark::State& state) {
  constexpr int64_t kIterations = 10000;
  time_kernel(state, static_cast<double>(kernels().peak_flops) * kIterations,
              [&] { benchmark::DoNotOptimize(kernels().peak(kIterations, 0.999f)); });
}

}  // namespace
}  // namespace cnnfast::bench

int main(int argc, char** argv) {
  using namespace cnnfast::bench;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("cpu", cnnfast::cpu_name());
  benchmark::AddCustomContext("isa", cnnfast::kernels().isa);
  benchmark::AddCustomContext("peak GFLOP/s of a core", std::to_string(peak_flops_per_second() * 1e-9));
  benchmark::RegisterBenchmark("peak", peak);
  const Shapes shapes = read_shapes();
  register_gemm(shapes);
  register_conv(shapes);
  register_winograd(shapes);
  register_pool();
  register_formula();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
