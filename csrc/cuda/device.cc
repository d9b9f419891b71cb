// GPUs as the engine sees them.
#include <mutex>

#include "cnnfast/error.h"
#include "cuda/lower.h"
#include "cuda/program.h"
#include "runtime/no_fork.h"

namespace cnnfast {

namespace cuda {

namespace {

constexpr int kLeastCapability = 80;  // has cp.async and TF32

class CudaDevice : public Device {
 public:
  explicit CudaDevice(int number) : number_(number) {}

  std::string name() const override { return "cuda:" + std::to_string(number_); }
  std::string description() const override { return describe(number_); }
  const Target& target() const override { return kCudaTarget; }
  std::unique_ptr<DeviceProgram> load(std::shared_ptr<const Program> program, size_t params) override {
    const UseDevice use(number_);
    return std::make_unique<CudaProgram>(number_, std::move(program), params);
  }

  float* take(int64_t floats, const char* use) override {
    const UseDevice here(number_);
    return static_cast<float*>(allocate(sizeof(float) * static_cast<size_t>(floats), use));
  }
  void give_back(float* memory) noexcept override { release(memory); }
  void write(float* to, const float* from, int64_t floats) override {
    const UseDevice use(number_);
    copy_to_device(to, from, sizeof(float) * static_cast<size_t>(floats));
  }
  void read(float* to, const float* from, int64_t floats) const override {
    const UseDevice use(number_);
    copy_to_host(to, from, sizeof(float) * static_cast<size_t>(floats));
  }

 private:
  const int number_;
};

bool is_fit(int number) {
  return capability(number) >= kLeastCapability;
}

DevicePtr make_device(int number) {
  if (!is_fit(number))
    fail("cuda:", number, " cannot be used: it is ", describe(number), "; cnnfast needs ",
         kLeastCapability / 10, ".", kLeastCapability % 10, " or later.");
  return std::make_shared<CudaDevice>(number);
}

}  // namespace

}  // namespace cuda

std::string cuda_build() {
  return cuda::build();
}

std::vector<int> cuda_devices() {
  std::vector<int> numbers;
  for (int i = 0, count = cuda::count_devices(); i < count; ++i)
    if (cuda::is_fit(i)) numbers.push_back(i);
  return numbers;
}

DevicePtr cuda_device(int number) {
  static Mutex& mutex = *new Mutex;  // never destroyed, as weights may outlive what is static
  static std::vector<DevicePtr>& made = *new std::vector<DevicePtr>;
  cuda::check_process();
  std::string why;
  const int count = cuda::count_devices(&why);
  if (count == 0) fail("cuda:", number, " is not there: CUDA finds no device on this machine (", why, ").");
  if (number >= count)
    fail("cuda:", number, " is not there: this machine has ", count,
         " for CUDA; cnnfast.devices() lists what there is.");
  const Lock lock(mutex);
  made.resize(static_cast<size_t>(count));
  DevicePtr& device = made[static_cast<size_t>(number)];
  if (!device) device = cuda::make_device(number);
  return device;
}

}  // namespace cnnfast
