#include "graph/workspace.h"

#include "runtime/no_fork.h"

namespace cnnfast {

namespace {

constexpr const char* kUse = "a program; use a smaller batch (memory() tells its size first)";

}  // namespace

Workspace::Lease Workspace::take(int64_t floats, uint64_t program) {
  Lease lease{std::unique_lock(mutex_, std::try_to_lock)};
  if (!lease.lock) {
    lease.own = Floats(floats, kUse);
    lease.data = lease.own.data();
    return lease;
  }
  if (!memory_ || memory_.size() < floats) {
    memory_ = Floats();  // before the larger one is taken
    holder_ = 0;
    memory_ = Floats(floats, kUse);
  }
  lease.data = memory_.data();
  lease.kept = holder_ == program;
  lease.dirty = holder_ != 0 && !lease.kept;
  holder_ = program;
  return lease;
}

Workspace::Lease Workspace::take_on(const DevicePtr& device, int64_t floats) {
  Lease lease{std::unique_lock(mutex_, std::try_to_lock)};
  DeviceFloats& memory = lease.lock ? there_ : lease.own_there;
  if (memory.device() != device || memory.size() < floats) {
    memory = DeviceFloats();  // before the larger one is taken
    memory = DeviceFloats(device, floats, kUse);
  }
  lease.data = memory.data();
  return lease;
}

int64_t Workspace::bytes() const {
  const Lock lock(mutex_);
  return static_cast<int64_t>(sizeof(float)) * (memory_.size() + there_.size());
}

void Workspace::clear() {
  const Lock lock(mutex_);
  memory_ = Floats();
  there_ = DeviceFloats();
  holder_ = 0;
}

}  // namespace cnnfast
