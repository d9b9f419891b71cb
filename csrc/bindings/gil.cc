#include "bindings/gil.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

namespace cnnfast {

namespace {

// A thread counts itself, then reads `ending`; end_threads() writes that, then reads the count: so none is
// missed. Only the thread that ends the interpreter goes on.
std::atomic<int> outside{0};  // threads that gave the lock up, until they have it back
std::atomic<bool> ending{false};
thread_local bool ends = false;

// A child has the thread that forked, and that one has the lock.
const int at_fork = pthread_atfork(nullptr, nullptr, [] { outside = 0; });

bool must_stop() {
  return ending && !ends;
}

[[noreturn]] void stop() {
  --outside;
  for (;;) pause();
}

}  // namespace

ReleasedGil::ReleasedGil() {
  ++outside;
  state_ = PyEval_SaveThread();
  if (must_stop()) stop();
}

ReleasedGil::~ReleasedGil() {
  if (must_stop()) stop();
  PyEval_RestoreThread(state_);
  --outside;
}

void end_threads() {
  ends = true;
  ending = true;
  PyThreadState* const state = PyEval_SaveThread();
  while (outside > 0) usleep(1000);
  PyEval_RestoreThread(state);
}

}  // namespace cnnfast
