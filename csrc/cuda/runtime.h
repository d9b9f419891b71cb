// CUDA's runtime as the engine uses it: errors are Errors, and what is taken is given back. No other file
// calls it.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <utility>

namespace cnnfast::cuda {

std::string build();  // "13.0", "emulated"
// 0 where there is no driver, or none that suits; then, if asked, why.
int count_devices(std::string* why_none = nullptr);
std::string describe(int device);
int capability(int device);  // "8.6" is 86

// Whether this process was forked from one that had used CUDA, of which it has a copy that does not work.
bool is_forked() noexcept;
void check_process();  // throws Error{runtime} there

// Throws Error{memory, runtime} for what `what` could not do.
void check(cudaError_t error, const char* what);

// While it lives the thread's calls are for a device; then for the one before. As check_process
// throws.
class UseDevice {
 public:
  explicit UseDevice(int device);
  ~UseDevice();
  UseDevice(const UseDevice&) = delete;
  UseDevice& operator=(const UseDevice&) = delete;

 private:
  const int device_;
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
    if (handle_ && !is_forked()) static_cast<void>(kGiveBack(handle_));
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
  explicit Graph(cudaGraph_t recorded);  // which it takes
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
  void settle() const noexcept;         // likewise, failed or not
  void wait(const Event& event) const;  // before all that follows
  void write(const Memory& to, const PinnedMemory& from) const;
  void read(const PinnedMemory& to, const Memory& from) const;

 private:
  Owned<cudaStream_t, cudaStreamDestroy> stream_;
};

// While it lives, what is put into a stream is recorded, not done.
class Capture {
 public:
  explicit Capture(const Stream& stream);
  ~Capture();  // without `finish` it was all for nothing
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  Graph finish();

 private:
  const Stream& stream_;
  bool finished_ = false;
};

}  // namespace cnnfast::cuda
