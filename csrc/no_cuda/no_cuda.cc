// What builds without CUDA have in the place of csrc/cuda.
#include "cnnfast/error.h"
#include "graph/device.h"

namespace cnnfast {

std::string cuda_build() {
  return "no";
}

std::vector<int> cuda_devices() {
  return {};
}

DevicePtr cuda_device(int number) {
  fail(
      "cuda:", number,
      " cannot be used: this build of cnnfast has no CUDA. Build it with CUDA 12 or later from a copy of the "
      "source: pip install . -Ccmake.define.CNNFAST_CUDA=ON");
}

}  // namespace cnnfast
