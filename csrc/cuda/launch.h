// How kernels are called, by nvcc and by the emulation of tests/emulation alike: `each` runs a body once for
// every number below n, a thread each, or several where there are more than a grid has threads. Bodies are
// device lambdas that capture by value.
#pragma once
#include <cuda_pipeline.h>

#include <memory>
#include <type_traits>

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
struct NoMemory {};
// A grid of blocks of `threads`, each of which has a `Memory` to share (shared_memory).
template <class Memory = NoMemory, class... Parameters>
void launch(cudaStream_t stream, void (*kernel)(Parameters...), dim3 grid, unsigned threads,
            typename Given<Parameters>::Type... arguments) {
#ifdef CNNFAST_CUDA_EMULATED
  cuda_emulation::enqueue(stream,
                          [=] { cuda_emulation::run_blocks(grid, threads, [&] { kernel(arguments...); }); });
#else
  constexpr size_t kAlways = 48 << 10, kMost = 99 << 10;  // a block's: unasked, and on all GPUs that we take
  constexpr size_t bytes = std::is_same_v<Memory, NoMemory> ? 0 : sizeof(Memory);
  static_assert(bytes <= kMost, "not every GPU has so much shared memory for a block");
  const auto* const function = reinterpret_cast<const void*>(kernel);
  if constexpr (bytes > kAlways)
    check(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, int{bytes}),
          "give a kernel shared memory");
  void* pointers[] = {&arguments...};
  check(cudaLaunchKernel(function, grid, dim3(threads), pointers, bytes, stream), "launch a kernel");
#endif
}

#ifdef CNNFAST_CUDA_EMULATED

using cuda_emulation::read_vector;
using cuda_emulation::SharedArray;
using cuda_emulation::Vector;
using cuda_emulation::write_vector;
// An array from a number on, as fragments are read and written.
template <class T, int kSize>
auto part_of(SharedArray<T, kSize>& array, int at) {
  return cuda_emulation::SharedPart<T, kSize>{array, at};
}
// Numbers side by side, one or four, that are there once they were waited for: those from *from on, or zeros
// where that is null. Four begin at 16 bytes on either side.
template <int kNumbers, class T, int kSize>
void copy_async(SharedArray<T, kSize>& to, int at, const T* from) {
  __pipeline_memcpy_async(to, at, from, kNumbers);
}
// What the block of a kernel that was launched with it shares.
template <class Memory>
Memory& shared_memory() {
  static const auto memory = std::make_unique<Memory>();
  return *memory;
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
// Side by side, from a multiple of so many on: one access.
template <class T, int kNumbers>
struct alignas(kNumbers * sizeof(T)) Vector {
  T x[kNumbers];
};
template <int kNumbers, class T, int kSize>
__device__ Vector<T, kNumbers> read_vector(SharedArray<T, kSize>& array, int at) {
  return *reinterpret_cast<const Vector<T, kNumbers>*>(&array.values[at]);
}
template <int kNumbers, class T, int kSize>
__device__ void write_vector(SharedArray<T, kSize>& array, int at, const Vector<T, kNumbers>& vector) {
  *reinterpret_cast<Vector<T, kNumbers>*>(&array.values[at]) = vector;
}
template <int kNumbers, class T, int kSize>
__device__ void copy_async(SharedArray<T, kSize>& to, int at, const T* from) {
  constexpr size_t bytes = kNumbers * sizeof(T);
  T* const place = &to.values[at];
  __pipeline_memcpy_async(place, from ? from : place, bytes, from ? 0 : bytes);  // the last: zeros
}
template <class Memory>
__device__ Memory& shared_memory() {
  extern __shared__ __align__(128) unsigned char bytes_of_block[];
  return *reinterpret_cast<Memory*>(bytes_of_block);
}

#endif

}  // namespace cnnfast::cuda
