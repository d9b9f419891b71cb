#include "graph/workspace.h"

#include "runtime/no_fork.h"

namespace cnnfast {

Workspace::Lease Workspace::take(int64_t floats, uint64_t program) {
  constexpr const char* kUse = "a program; use a smaller batch (memory() tells its size first)";
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

int64_t Workspace::bytes() const {
  const Lock lock(mutex_);
  return static_cast<int64_t>(sizeof(float)) * memory_.size();
}

void Workspace::clear() {
  const Lock lock(mutex_);
  memory_ = Floats();
  holder_ = 0;
}

}  // namespace cnnfast
