// How kernels are called, by nvcc and by the emulation of tests/emulation alike: `each` runs a body once for
// every number below n, a thread each, or several where there are more than a grid has threads. Bodies are
// device lambdas that capture by value.
#pragma once
#include <cuda_pipeline.h>

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

// What a parameter takes, whatever it is given.
template <class T>
struct Given {
  using Type = T;
};
// A grid of blocks of `threads`.
template <class... Parameters>
void launch(cudaStream_t stream, void (*kernel)(Parameters...), dim3 grid, unsigned threads,
            typename Given<Parameters>::Type... arguments) {
#ifdef CNNFAST_CUDA_EMULATED
  cuda_emulation::enqueue(stream,
                          [=] { cuda_emulation::run_blocks(grid, threads, [&] { kernel(arguments...); }); });
#else
  void* pointers[] = {&arguments...};
  check(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, dim3(threads), pointers, 0, stream),
        "launch a kernel");
#endif
}

#ifdef CNNFAST_CUDA_EMULATED

using cuda_emulation::SharedArray;
// An array from a number on, as fragments are read and written.
template <class T, int kSize>
auto part_of(SharedArray<T, kSize>& array, int at) {
  return cuda_emulation::SharedPart<T, kSize>{array, at};
}
// A number that is there once it was waited for: *from, or 0 where that is null.
template <class T, int kSize>
void copy_async(SharedArray<T, kSize>& to, int at, const T* from) {
  __pipeline_memcpy_async(to, at, from);
}

#else

// Aligned as tensor cores load: to 32 bytes.
template <class T, int kSize>
struct SharedArray {
  alignas(32) T values[kSize];
  __device__ T& operator[](int64_t i) { return values[i]; }
};
template <class T, int kSize>
__device__ T* part_of(SharedArray<T, kSize>& array, int at) {
  return &array.values[at];
}
template <class T, int kSize>
__device__ void copy_async(SharedArray<T, kSize>& to, int at, const T* from) {
  T* const place = &to.values[at];
  __pipeline_memcpy_async(place, from ? from : place, sizeof(T), from ? 0 : sizeof(T));  // the last: zeros
}

#endif

}  // namespace cnnfast::cuda
