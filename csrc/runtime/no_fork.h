// Forks wait for whoever works. A child has only the thread that forked: a lock that another one held would
// stay locked there for ever. So every lock of the library is taken inside a NoFork, and while a process is
// about to fork nobody enters one: the child finds all locks free and everything as it is between two calls.
#pragma once
#include <mutex>

#include "cnnfast/mutex.h"

namespace cnnfast {

// A scope in which the process is not forked. Enter it before the lock, never while holding one, unless in a
// NoFork already; and never wait inside it for a lock that is not ours, such as Python's.
class NoFork {
 public:
  NoFork();
  ~NoFork();
  NoFork(const NoFork&) = delete;
  NoFork& operator=(const NoFork&) = delete;
  static bool is_awaited();  // whether a process wants to fork
};

// A lock of the library's.
class Lock {
 public:
  explicit Lock(Mutex& mutex) : lock_(mutex) {}

 private:
  NoFork no_fork_;
  std::lock_guard<Mutex> lock_;
};

}  // namespace cnnfast
