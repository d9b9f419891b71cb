// The part of CUDA's runtime that csrc/cuda uses, on the CPU: one device, whose memory is the process's. What
// is put into a stream runs when somebody waits for it, as late as a GPU may run it, and what streams have in
// an order that is shuffled among them but for the events that they wait for: a wait that was forgotten is
// seen. Kernels run one at a time, their threads one after the other, those of a block in shuffled order.
//
// Device memory is poisoned when it is taken: a kernel that reads what nobody wrote finds NaN.
#pragma once
#include <cstdlib>
#include <deque>
#include <mutex>

#include "block.h"

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __shared__ static

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidDevice = 101,
  cudaErrorLaunchFailure = 719
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal };
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

namespace cuda_emulation {

using Work = std::vector<std::function<void()>>;

// How often an event was recorded, and how many of these records streams have come to.
struct Event {
  uint64_t recorded = 0, done = 0;
};
using EventPtr = std::shared_ptr<Event>;

// What a stream does next, once an event was recorded that often.
struct Item {
  std::function<void()> work;
  EventPtr after;
  uint64_t times = 0;

  bool is_ready() const { return !after || after->done >= times; }
};
struct Stream {
  std::deque<Item> items;
  bool captured = false;
  Work work;  // while it is
};

// All that there is, for one thread at a time: kernels, too, so that what is a CUDA thread's or a block's is
// in plain places.
struct Runtime {
  std::mutex mutex;
  std::vector<Stream*> streams;
  std::mt19937 generator{1};
  std::string fault;  // of the kernel that failed last
};
inline Runtime& runtime = *new Runtime;  // never destroyed, for streams may outlive what is static
using Lock = std::lock_guard<std::mutex>;

inline cudaError_t enqueue(Stream* stream, std::function<void()> work) {
  const Lock lock(runtime.mutex);
  if (stream->captured)
    stream->work.push_back(std::move(work));
  else
    stream->items.push_back({std::move(work), nullptr});
  return cudaSuccess;
}

// Whoever is ready does the next item, drawn by lot.
inline void run_any() {
  std::vector<Stream*> ready;
  for (Stream* const stream : runtime.streams)
    if (!stream->items.empty() && stream->items.front().is_ready()) ready.push_back(stream);
  if (ready.empty()) throw Fault("somebody waits for what no stream will do");
  std::deque<Item>& items = ready[runtime.generator() % ready.size()]->items;
  const Item item = std::move(items.front());
  items.pop_front();
  if (item.work) item.work();
}

// Until that is so, with the lock held. Behind a fault nobody does anything more.
template <class Condition>
cudaError_t run_until(const Condition& is_done) {
  try {
    while (!is_done()) run_any();
  } catch (const Fault& fault) {
    runtime.fault = fault.what();
    for (Stream* const stream : runtime.streams) stream->items.clear();
    return cudaErrorLaunchFailure;
  }
  return cudaSuccess;
}
inline cudaError_t run_all() {
  return run_until([] {
    return std::all_of(runtime.streams.begin(), runtime.streams.end(),
                       [](const Stream* stream) { return stream->items.empty(); });
  });
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
using cudaEvent_t = cuda_emulation::EventPtr*;
using cudaGraph_t = cuda_emulation::Work*;
using cudaGraphExec_t = cuda_emulation::Work*;

struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem;
  int major, minor;
};

inline const char* cudaGetErrorString(cudaError_t error) {
  if (error == cudaErrorLaunchFailure) return cuda_emulation::runtime.fault.c_str();
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
// All that was started is done before, as on a GPU.
inline cudaError_t cudaFree(void* memory) {
  const cuda_emulation::Lock lock(cuda_emulation::runtime.mutex);
  const cudaError_t error = cuda_emulation::run_all();
  std::free(memory);
  return error;
}
inline cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  return cudaMalloc(memory, bytes);
}
inline cudaError_t cudaFreeHost(void* memory) {
  return cudaFree(memory);
}
// At once: it waits for no stream of those that do not block.
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                                   cudaStream_t stream) {
  return cuda_emulation::enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const cuda_emulation::Lock lock(cuda_emulation::runtime.mutex);
  *stream = cuda_emulation::runtime.streams.emplace_back(new cuda_emulation::Stream);
  return cudaSuccess;
}
// Null is the stream of cudaMemcpy, which has done all.
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const cuda_emulation::Lock lock(cuda_emulation::runtime.mutex);
  return cuda_emulation::run_until([=] { return !stream || stream->items.empty(); });
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const cudaError_t error = cudaStreamSynchronize(stream);
  const cuda_emulation::Lock lock(cuda_emulation::runtime.mutex);
  std::erase(cuda_emulation::runtime.streams, stream);
  delete stream;
  return error;
}
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new cuda_emulation::EventPtr(std::make_shared<cuda_emulation::Event>());
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const cuda_emulation::Lock lock(cuda_emulation::runtime.mutex);
  const uint64_t times = ++(*event)->recorded;
  stream->items.push_back({[event = *event, times] { event->done = std::max(event->done, times); }, nullptr});
  return cudaSuccess;
}
// For what was recorded up to now.
inline cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const cuda_emulation::Lock lock(cuda_emulation::runtime.mutex);
  stream->items.push_back({nullptr, *event, (*event)->recorded});
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const cuda_emulation::Lock lock(cuda_emulation::runtime.mutex);
  return cuda_emulation::run_until([&, times = (*event)->recorded] { return (*event)->done >= times; });
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
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  for (const auto& work : *graph) cuda_emulation::enqueue(stream, work);
  return cudaSuccess;
}
