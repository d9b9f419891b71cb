// How kernels are called, by nvcc and by the emulation of tests/emulation alike: `each` runs a body once for
// every number below n, a thread each, or several where there are more than a grid has threads. Bodies are
// device lambdas that capture by value.
#pragma once
#include "cuda/runtime.h"

namespace cnnfast::cuda {

constexpr unsigned kThreads = 256;        // of a block
constexpr int64_t kMostBlocks = 1 << 16;  // of a grid

template <class Body>
__global__ void each_kernel(int64_t n, Body body) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += step) body(i);
}

template <class Body>
void each(cudaStream_t stream, int64_t n, Body body) {
  if (n <= 0) return;
  const int64_t wanted = (n + kThreads - 1) / kThreads;
  const auto blocks = static_cast<unsigned>(wanted < kMostBlocks ? wanted : kMostBlocks);
#ifdef CNNFAST_CUDA_EMULATED
  cuda_emulation::enqueue(
      stream, [=] { cuda_emulation::run_grid(blocks, kThreads, [&] { each_kernel<Body>(n, body); }); });
#else
  void* arguments[] = {&n, &body};
  check(cudaLaunchKernel(reinterpret_cast<const void*>(&each_kernel<Body>), dim3(blocks), dim3(kThreads),
                         arguments, 0, stream),
        "launch a kernel");
#endif
}

}  // namespace cnnfast::cuda
