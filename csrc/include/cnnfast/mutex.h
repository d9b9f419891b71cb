// A mutex that tells whether somebody waits for it, so that who holds it for long can give way.
#pragma once
#include <atomic>
#include <mutex>

namespace cnnfast {

class Mutex {
 public:
  void lock() {
    if (mutex_.try_lock()) return;
    ++waiting_;
    mutex_.lock();
    --waiting_;
  }
  bool try_lock() { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }
  bool is_awaited() const { return waiting_.load(std::memory_order_relaxed) > 0; }

 private:
  std::mutex mutex_;
  std::atomic<int> waiting_{0};
};

}  // namespace cnnfast
