// What the engine asks of a device: memory of its own, and programs that run there. csrc/cuda has such
// devices; csrc/no_cuda, which builds without CUDA have in its place, says how to build with it.
//
// Calls on a device exclude each other where they have to; what they start is done when they return.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cnnfast {

class Program;
struct Run;
struct Target;

// A program as a device runs it.
class DeviceProgram {
 public:
  virtual ~DeviceProgram() = default;
  // As Program::run, by this thread. On the device is what `run` names of arena, parameters, gradients and
  // slots; the caller's are inputs, outputs and results, which are there when it returns.
  virtual void run(Run* run, const std::function<bool(Run*)>& next) = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;         // "cuda:0"
  virtual std::string description() const = 0;  // the maker's name for it, and its memory
  virtual const Target& target() const = 0;
  // `params` of the program's graph; of a program that was made for the target.
  virtual std::unique_ptr<DeviceProgram> load(std::shared_ptr<const Program> program, size_t params) = 0;

  virtual float* take(int64_t floats, const char* use) = 0;  // of no known content. Throws Error{memory}
  virtual void give_back(float* memory) noexcept = 0;
  virtual void write(float* to, const float* from, int64_t floats) = 0;       // from the host
  virtual void read(float* to, const float* from, int64_t floats) const = 0;  // to the host
};
using DevicePtr = std::shared_ptr<Device>;  // null: the CPU

// Floats of a device, of no known content until they are written.
class DeviceFloats {
 public:
  DeviceFloats() = default;
  DeviceFloats(DevicePtr device, int64_t floats, const char* use)
      : device_(std::move(device)), data_(device_->take(floats, use)), size_(floats) {}
  ~DeviceFloats() {
    if (data_) device_->give_back(data_);
  }
  DeviceFloats(DeviceFloats&& other) noexcept { swap(other); }
  DeviceFloats& operator=(DeviceFloats&& other) noexcept {
    swap(other);
    return *this;
  }

  float* data() const { return data_; }
  int64_t size() const { return size_; }
  const DevicePtr& device() const { return device_; }
  void write(const float* from) { device_->write(data_, from, size_); }
  void read(float* to) const { device_->read(to, data_, size_); }

 private:
  void swap(DeviceFloats& other) {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  DevicePtr device_;
  float* data_ = nullptr;
  int64_t size_ = 0;
};

// The version of CUDA that this build has; "no".
std::string cuda_build();
// The numbers of this machine's devices that it can compute on; none where there is no driver.
std::vector<int> cuda_devices();
// The same one for the same number. Throws Error{value} where there is none.
DevicePtr cuda_device(int number);

// By name: "cpu", "cuda" (its first), "cuda:1". Throws Error{value}.
DevicePtr device_of(const std::string& name);
std::string name_of(const DevicePtr& device);
std::vector<std::string> device_names();

// Where models compute that were not moved elsewhere.
DevicePtr default_device();
void set_default_device(DevicePtr device);

}  // namespace cnnfast
