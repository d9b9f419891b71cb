#include "bindings/gil.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

#include "runtime/clock.h"

namespace cnnfast {

namespace {

// A thread counts itself, then reads `ending`; end_threads() writes that, then reads the count: so none is
// missed. Only the thread that ends the interpreter goes on.
std::atomic<int> outside{0};  // threads that gave the lock up, until they have it back
std::atomic<bool> ending{false};
thread_local bool ends = false;
// The same with forks: who counts itself outside then reads how many wait.
std::atomic<int> forks{0};
thread_local int called_back = 0;

// A child has the thread that forked, and that one has the lock.
const int at_fork = pthread_atfork(nullptr, nullptr, [] { outside = forks = 0; });

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
  for (; forks > 0 && called_back == 0 && !ends; ++outside) {
    --outside;
    while (forks > 0) wait_a_little();
  }
  if (must_stop()) stop();
}

ReleasedGil::~ReleasedGil() {
  if (must_stop()) stop();
  PyEval_RestoreThread(state_);
  --outside;
}

CalledBack::CalledBack() {
  ++called_back;
}

CalledBack::~CalledBack() {
  --called_back;
}

void before_fork() {
  ++forks;
  if (called_back > 0) return;  // it is of one of those
  PyThreadState* const state = PyEval_SaveThread();
  while (outside > 0) wait_a_little();
  ++outside;
  if (must_stop()) stop();
  PyEval_RestoreThread(state);
  --outside;
}

void after_fork() {
  --forks;
}

void end_threads() {
  ends = true;
  ending = true;
  PyThreadState* const state = PyEval_SaveThread();
  while (outside > 0) usleep(1000);
  PyEval_RestoreThread(state);
}

}  // namespace cnnfast
