// The part of CUDA's runtime that csrc/cuda uses, on the CPU: one device, whose memory is the process's. What
// is put into a stream runs at once, or, while the stream is captured, whenever the graph is launched.
// Kernels run one at a time, their threads one after the other, those of a block in shuffled order.
//
// Device memory is poisoned when it is taken: a kernel that reads what nobody wrote finds NaN.
#pragma once
#include <cstdlib>

#include "block.h"

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __shared__ static

enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorInvalidDevice = 101 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal };
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

namespace cuda_emulation {

using Work = std::vector<std::function<void()>>;
struct Stream {
  bool captured = false;
  Work work;  // while it is
};

inline cudaError_t enqueue(Stream* stream, std::function<void()> work) {
  if (stream->captured)
    stream->work.push_back(std::move(work));
  else
    work();
  return cudaSuccess;
}

template <class Body>
void run_block(const Body& body, const std::vector<unsigned>& order) {
  for (const unsigned thread : order) {
    threadIdx.x = thread;
    body();
  }
}

// What GPUs take of one launch.
inline void check_size(dim3 grid, unsigned threads) {
  constexpr unsigned kMostAcross = 65535, kMostThreads = 1024;
  const bool fits = grid.x <= 0x7fffffffu && grid.y <= kMostAcross && grid.z <= kMostAcross;
  if (!fits || threads > kMostThreads || grid.x == 0 || grid.y == 0 || grid.z == 0 || threads == 0)
    throw Fault("no GPU takes a grid of " + std::to_string(grid.x) + " x " + std::to_string(grid.y) + " x " +
                std::to_string(grid.z) + " blocks of " + std::to_string(threads) + " threads");
}

// Of one-dimensional grids and blocks whose threads know nothing of each other: no fibers.
template <class Body>
void run_grid(unsigned blocks, unsigned threads, const Body& body) {
  check_size(blocks, threads);
  const std::lock_guard<std::mutex> alone(one_kernel);
  std::vector<unsigned> order(threads);
  std::iota(order.begin(), order.end(), 0u);
  std::mt19937 generator(blocks);
  gridDim = {blocks}, blockDim = {threads};
  for (unsigned block = 0; block < blocks; ++block) {
    std::shuffle(order.begin(), order.end(), generator);
    blockIdx = {block, 0, 0};
    run_block(body, order);
  }
}

// Of blocks whose threads meet at barriers.
inline void run_blocks(dim3 grid, unsigned threads, const std::function<void()>& body) {
  check_size(grid, threads);
  const std::lock_guard<std::mutex> alone(one_kernel);
  gridDim = grid, blockDim = {threads};
  uint32_t seed = 0;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        Block::current().run(threads, ++seed, body);
      }
}

}  // namespace cuda_emulation

using cudaStream_t = cuda_emulation::Stream*;
using cudaEvent_t = int*;
using cudaGraph_t = cuda_emulation::Work*;
using cudaGraphExec_t = cuda_emulation::Work*;

struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem;
  int major, minor;
};

inline const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "invalid device ordinal";
}
inline cudaError_t cudaGetLastError() {
  return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : cudaErrorInvalidDevice;
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {"emulated by the processor", size_t{1} << 34, 8, 0};
  return cudaSuccess;
}

inline cudaError_t cudaMalloc(void** memory, size_t bytes) {
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (!*memory) return cudaErrorMemoryAllocation;
  std::memset(*memory, 0xff, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaFree(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
inline cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  return cudaMalloc(memory, bytes);
}
inline cudaError_t cudaFreeHost(void* memory) {
  return cudaFree(memory);
}
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                                   cudaStream_t stream) {
  return cuda_emulation::enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new cuda_emulation::Stream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return cudaSuccess;
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  return cudaSuccess;
}
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new int(0);
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) {
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t) {
  return cudaSuccess;
}

inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  stream->captured = true;
  return cudaSuccess;
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  stream->captured = false;
  *graph = new cuda_emulation::Work(std::move(stream->work));
  stream->work.clear();
  return cudaSuccess;
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  *made = new cuda_emulation::Work(*graph);
  return cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t) {
  for (const auto& work : *graph) work();
  return cudaSuccess;
}
