#include "runtime/no_fork.h"

#include <pthread.h>

#include <atomic>

#include "runtime/clock.h"

namespace cnnfast {

namespace {

// Whoever comes writes one of the two, then reads the other; all see these in one order.
std::atomic<int> working{0}, forking{0};
thread_local int depth = 0;  // scopes that this thread is in

void before_fork() {
  ++forking;
  const int own = depth > 0;
  while (working > own) wait_a_little();
}

void in_parent() {
  --forking;
}

void in_child() {
  forking = 0;
  working = depth > 0;  // whoever came just then had counted itself, and is not here to take that back
}

const int at_fork = pthread_atfork(before_fork, in_parent, in_child);

}  // namespace

NoFork::NoFork() {
  if (depth++ > 0) return;
  while (++working, forking > 0) {
    --working;
    while (forking > 0) wait_a_little();
  }
}

bool NoFork::is_awaited() {
  return forking > 0;
}

NoFork::~NoFork() {
  if (--depth == 0) --working;
}

}  // namespace cnnfast
