// The memory that programs run in: one block, as large as the largest of them needs, and one on a device. A
// program finds there what it left, its packed weights, unless another one ran in between.
#pragma once
#include <mutex>

#include "cnnfast/mutex.h"
#include "graph/device.h"
#include "runtime/floats.h"

namespace cnnfast {

class Workspace {
 public:
  // For one run.
  struct Lease {
    std::unique_lock<Mutex> lock;  // of the workspace; none where another thread has it
    Floats own = {};               // is taken instead then
    DeviceFloats own_there = {};   // or that, on a device
    float* data = nullptr;
    bool kept = false;   // it holds what this program left there
    bool dirty = false;  // or what others did; else zeros
  };
  // `program` is a number above 0, another one for each program. Throws Error{memory}.
  Lease take(int64_t floats, uint64_t program);
  Lease take_on(const DevicePtr& device, int64_t floats);

  int64_t bytes() const;
  bool is_awaited() const { return mutex_.is_awaited(); }
  void clear();  // gives the memory back

 private:
  mutable Mutex mutex_;
  Floats memory_;
  DeviceFloats there_;
  uint64_t holder_ = 0;  // the last program; 0: none
};

}  // namespace cnnfast
