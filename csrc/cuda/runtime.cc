#include "cuda/runtime.h"

#include <unistd.h>

#include <atomic>

#include "cnnfast/error.h"

namespace cnnfast::cuda {

namespace {

std::atomic<pid_t> used_by{0};  // the process that asked for CUDA first; 0: none yet

cudaDeviceProp properties_of(int device) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, device), "tell what the device is");
  return properties;
}

}  // namespace

std::string build() {
  return CNNFAST_CUDA_BUILD;
}

int count_devices(std::string* why_none) {
  int count = 0;
  if (is_forked()) return 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess) {
    pid_t none = 0;
    used_by.compare_exchange_strong(none, getpid());
    return count;
  }
  static_cast<void>(cudaGetLastError());
  if (why_none) *why_none = cudaGetErrorString(error);
  return 0;
}

bool is_forked() noexcept {
  const pid_t user = used_by;
  return user != 0 && user != getpid();
}

void check_process() {
  if (is_forked())
    throw Error(Error::Kind::runtime,
                "CUDA does not work in a process that was forked after CUDA was used. Start processes by "
                "multiprocessing's \"spawn\", or go to the CPU before the fork: model.to(\"cpu\"), "
                "cnnfast.set_device(\"cpu\").");
}

int capability(int device) {
  const cudaDeviceProp properties = properties_of(device);
  return 10 * properties.major + properties.minor;
}

std::string describe(int device) {
  const cudaDeviceProp properties = properties_of(device);
  const std::string memory = std::to_string(properties.totalGlobalMem >> 30) + " GB";
  const std::string capability = std::to_string(properties.major) + "." + std::to_string(properties.minor);
  return std::string(properties.name) + ", " + memory + ", compute capability " + capability;
}

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  const bool memory = error == cudaErrorMemoryAllocation;
  throw Error(memory ? Error::Kind::memory : Error::Kind::runtime,
              std::string("CUDA could not ") + what + ": " + cudaGetErrorString(error) + ".");
}

UseDevice::UseDevice(int device) : device_(device) {
  check_process();
  check(cudaGetDevice(&before_), "tell the present device");
  if (before_ != device_) check(cudaSetDevice(device_), "use the device");
}

UseDevice::~UseDevice() {
  if (before_ != device_) static_cast<void>(cudaSetDevice(before_));
}

void* allocate(size_t bytes, const char* what) {
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, bytes);
  if (error != cudaErrorMemoryAllocation) return check(error, "take memory of the device"), memory;
  static_cast<void>(cudaGetLastError());
  throw Error(Error::Kind::memory,
              "could not take " + std::to_string(bytes) + " bytes of the device's memory for " + what + ".");
}

void release(void* memory) noexcept {
  if (!is_forked()) static_cast<void>(cudaFree(memory));  // as the process ends the driver may be gone
}

void copy_to_device(void* to, const void* from, size_t bytes) {
  check(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), "copy to the device");
  // It may return while the last bytes are on their way, for which streams of ours do not wait.
  check(cudaStreamSynchronize(nullptr), "copy to the device");
}

void copy_to_host(void* to, const void* from, size_t bytes) {
  check(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "copy from the device");
}

Memory::Memory(size_t bytes) : size_(bytes) {
  if (bytes > 0) data_ = Owned<void*, cudaFree>(allocate(bytes, "a program"));
}

PinnedMemory::PinnedMemory(size_t bytes) {
  void* memory = nullptr;
  if (bytes > 0) check(cudaMallocHost(&memory, bytes), "take pinned memory");
  data_ = Owned<void*, cudaFreeHost>(memory);
}

Event::Event() {
  cudaEvent_t event;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "make an event");
  event_ = Owned<cudaEvent_t, cudaEventDestroy>(event);
}

void Event::record(const Stream& stream) {
  check(cudaEventRecord(event_.get(), stream.get()), "record an event");
}

void Event::wait() const {
  check(cudaEventSynchronize(event_.get()), "run the program");
}

Graph::Graph(cudaGraph_t recorded) {
  const Owned<cudaGraph_t, cudaGraphDestroy> owned(recorded);
  cudaGraphExec_t graph;
  check(cudaGraphInstantiate(&graph, recorded, 0), "make a graph");
  graph_ = Owned<cudaGraphExec_t, cudaGraphExecDestroy>(graph);
}

void Graph::launch(const Stream& stream) const {
  check(cudaGraphLaunch(graph_.get(), stream.get()), "launch a graph");
}

Stream::Stream() {
  cudaStream_t stream;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "make a stream");
  stream_ = Owned<cudaStream_t, cudaStreamDestroy>(stream);
}

void Stream::wait() const {
  check(cudaStreamSynchronize(stream_.get()), "run the program");
}

void Stream::settle() const noexcept {
  static_cast<void>(cudaStreamSynchronize(stream_.get()));
}

void Stream::wait(const Event& event) const {
  check(cudaStreamWaitEvent(stream_.get(), event.get(), 0), "wait for an event");
}

void Stream::write(const Memory& to, const PinnedMemory& from) const {
  if (to.size() == 0) return;
  check(cudaMemcpyAsync(to.data(), from.data(), to.size(), cudaMemcpyHostToDevice, stream_.get()),
        "copy to the device");
}

void Stream::read(const PinnedMemory& to, const Memory& from) const {
  if (from.size() == 0) return;
  check(cudaMemcpyAsync(to.data(), from.data(), from.size(), cudaMemcpyDeviceToHost, stream_.get()),
        "copy from the device");
}

Capture::Capture(const Stream& stream) : stream_(stream) {
  check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "record a graph");
}

Capture::~Capture() {
  cudaGraph_t graph = nullptr;
  if (!finished_ && cudaStreamEndCapture(stream_.get(), &graph) == cudaSuccess && graph)
    static_cast<void>(cudaGraphDestroy(graph));
}

Graph Capture::finish() {
  cudaGraph_t graph = nullptr;
  finished_ = true;
  check(cudaStreamEndCapture(stream_.get(), &graph), "record a graph");
  return Graph(graph);
}

}  // namespace cnnfast::cuda
