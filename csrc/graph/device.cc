#include "graph/device.h"

#include <charconv>

#include "cnnfast/error.h"
#include "runtime/no_fork.h"

namespace cnnfast {

namespace {

constexpr const char* kCuda = "cuda";

struct Default {
  Mutex mutex;
  DevicePtr device;
};

// Never destroyed: a device's runtime may end before.
Default& of_process() {
  static Default& made = *new Default;
  return made;
}

[[noreturn]] void fail_name(const std::string& name) {
  fail("a device is \"cpu\", \"cuda\" or \"cuda:1\" and so on, got \"", name, "\".");
}

int number_of(const std::string& name) {
  const std::string prefix = std::string(kCuda) + ":";
  if (name == kCuda) return 0;
  if (name.rfind(prefix, 0) != 0) fail_name(name);
  int number = -1;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, number);
  if (error != std::errc() || stop != end || number < 0) fail_name(name);
  return number;
}

}  // namespace

DevicePtr device_of(const std::string& name) {
  return name == "cpu" ? nullptr : cuda_device(number_of(name));
}

std::string name_of(const DevicePtr& device) {
  return device ? device->name() : "cpu";
}

std::vector<std::string> device_names() {
  std::vector<std::string> names{"cpu"};
  for (const int number : cuda_devices()) names.push_back(std::string(kCuda) + ":" + std::to_string(number));
  return names;
}

DevicePtr default_device() {
  const Lock lock(of_process().mutex);
  return of_process().device;
}

void set_default_device(DevicePtr device) {
  const Lock lock(of_process().mutex);
  of_process().device.swap(device);
}

}  // namespace cnnfast
