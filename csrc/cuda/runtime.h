// CUDA's runtime as the engine uses it: errors are Errors, and what is taken is given back. No other file
// calls it.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <utility>

namespace cnnfast::cuda {

std::string build();  // "13.0", "emulated"
int count_devices();  // 0 where there is no driver
std::string describe(int device);

// Throws Error{memory, runtime} for what `what` could not do.
void check(cudaError_t error, const char* what);

// While it lives the thread's calls are for a device; then for the one before.
class UseDevice {
 public:
  explicit UseDevice(int device);
  ~UseDevice();
  UseDevice(const UseDevice&) = delete;
  UseDevice& operator=(const UseDevice&) = delete;

 private:
  int before_ = 0;
};

// Of no known content, for `what`; throws Error{memory}.
void* allocate(size_t bytes, const char* what);
void release(void* memory) noexcept;
void copy_to_device(void* to, const void* from, size_t bytes);
void copy_to_host(void* to, const void* from, size_t bytes);

// A handle of the runtime's, and how it is given back.
template <class Handle, cudaError_t (*kGiveBack)(Handle)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  ~Owned() {
    if (handle_) static_cast<void>(kGiveBack(handle_));
  }
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};

// Bytes of the device that is used, or of the host, at a place that the device can copy from and to.
class Memory {
 public:
  Memory() = default;
  explicit Memory(size_t bytes);
  void* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  Owned<void*, cudaFree> data_;
  size_t size_ = 0;
};
class PinnedMemory {
 public:
  PinnedMemory() = default;
  explicit PinnedMemory(size_t bytes);
  void* data() const { return data_.get(); }

 private:
  Owned<void*, cudaFreeHost> data_;
};

class Stream;
class Event {
 public:
  Event();
  void record(const Stream& stream);
  void wait() const;  // until all that was in the stream is done
  cudaEvent_t get() const { return event_.get(); }

 private:
  Owned<cudaEvent_t, cudaEventDestroy> event_;
};

class Graph {
 public:
  Graph() = default;
  explicit Graph(cudaGraph_t recorded);
  void launch(const Stream& stream) const;

 private:
  Owned<cudaGraphExec_t, cudaGraphExecDestroy> graph_;
};

// Of a device; what is put into it is done in order.
class Stream {
 public:
  Stream();
  cudaStream_t get() const { return stream_.get(); }
  void wait() const;                    // until all is done
  void wait(const Event& event) const;  // before all that follows
  void write(const Memory& to, const PinnedMemory& from) const;
  void read(const PinnedMemory& to, const Memory& from) const;
  // What is put into it in between is recorded, not done.
  void begin_capture() const;
  Graph end_capture() const;

 private:
  Owned<cudaStream_t, cudaStreamDestroy> stream_;
};

}  // namespace cnnfast::cuda
