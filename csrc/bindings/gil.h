// Python's lock, given up while the engine works.
#pragma once
#include <pybind11/pybind11.h>

namespace cnnfast {

// Gives the lock up for a scope. As pybind11's gil_scoped_release, but safe while the interpreter ends: a
// thread that comes back then stops for good, as CPython does from 3.14 on. Older versions end it by
// unwinding the stack, which C++ answers by aborting the process.
class ReleasedGil {
 public:
  ReleasedGil();
  ~ReleasedGil();
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;

 private:
  PyThreadState* state_;
};

// A scope in which a run calls Python, with the lock: what it calls goes on beside a fork that waits for it.
class CalledBack {
 public:
  CalledBack();
  ~CalledBack();
  CalledBack(const CalledBack&) = delete;
  CalledBack& operator=(const CalledBack&) = delete;

 private:
  pybind11::gil_scoped_acquire acquired_;
};

// For os.register_at_fork: waits, without the lock, until no other thread works without it, and lets nobody
// begin. The core's own handler has the lock, which a run that calls Python would wait for (see NoFork).
void before_fork();
void after_fork();  // in the parent

// For atexit: waits until no other thread works without the lock; from then on only this thread can.
void end_threads();

}  // namespace cnnfast
