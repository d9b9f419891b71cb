#include "runtime/parallel.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>
#if defined(__x86_64__)
#  include <xmmintrin.h>
#endif

#include "cnnfast/error.h"

namespace cnnfast {

namespace {

// Flushes denormals to zero for a scope: on CPUs that trap to microcode they make a kernel crawl.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) {
    _mm_setcsr(saved_ | 0x8040u);
  }
  ~FlushDenormals() {
    _mm_setcsr(saved_);
  }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(saved_ | (uint64_t{1} << 24)));
  }
  ~FlushDenormals() {
    asm volatile("msr fpcr, %0" : : "r"(saved_));
  }

 private:
  uint64_t saved_;
#endif
};

constexpr int kMostThreads = 1024;

// 0 without the variable, and where what it says is no number of threads. `rest` is where the number ends.
int threads_from_environment(const char* name, const char** rest) {
  const char* text = std::getenv(name);
  if (!text) return 0;
  char* end = nullptr;
  const long n = std::strtol(text, &end, 10);
  *rest = end;
  return end != text && n > 0 && n <= kMostThreads ? static_cast<int>(n) : 0;
}

int cpus_in_mask() {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  return CPU_COUNT(&mask);
}

// CPUs that the cgroup's quota pays for; 0 without a quota. Version 2, then version 1.
int cpus_in_quota() {
  std::string quota;
  double period = 0;
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  if (!(v2 >> quota >> period)) {
    std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
        v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (!(v1_quota >> quota) || !(v1_period >> period)) return 0;
  }
  const double microseconds = std::strtod(quota.c_str(), nullptr);  // 0 for "max"
  if (microseconds <= 0 || period <= 0) return 0;
  return static_cast<int>(std::ceil(microseconds / period));
}

int default_threads() {
  const char* rest = "";
  const int wanted = threads_from_environment("CNNFAST_NUM_THREADS", &rest);
  if (wanted && !*rest) return wanted;
  if (const char* text = std::getenv("CNNFAST_NUM_THREADS"); text && *text)
    std::cerr << "cnnfast: CNNFAST_NUM_THREADS must be a whole number from 1 to " << kMostThreads
              << ", got \"" << text << "\"; it is ignored\n";
  // One for each level of nested teams, with commas between; ours has one level.
  if (const int n = threads_from_environment("OMP_NUM_THREADS", &rest)) return n;
  const int mask = cpus_in_mask(), quota = cpus_in_quota();
  return quota > 0 && quota < mask ? quota : mask;
}

std::atomic<int>& threads() {
  static std::atomic<int> n{default_threads()};
  return n;
}

// OpenMP ends the process where it cannot make a thread. So a thread that is to lead a larger team than
// before first tries to make the members itself: twice as many, since those that end may count for a while.
class Trial {
 public:
  static bool can_lead(int threads) {
    thread_local int led = 1;           // as many threads as OpenMP keeps for this one
    thread_local bool refused = false;  // it does not ask again
    if (threads > led && !refused) refused = !Trial().makes(2 * (threads - led));
    if (refused) return false;
    led = threads;
    return true;
  }

 private:
  Trial() { pthread_mutex_lock(&end_); }
  ~Trial() {
    pthread_mutex_unlock(&end_);
    for (const pthread_t thread : made_) pthread_join(thread, nullptr);
  }

  bool makes(int threads) {
    const auto wait = [](void* end) -> void* {
      pthread_mutex_lock(static_cast<pthread_mutex_t*>(end));
      pthread_mutex_unlock(static_cast<pthread_mutex_t*>(end));
      return nullptr;
    };
    made_.reserve(static_cast<size_t>(threads));
    for (pthread_t thread; threads > 0; --threads) {
      if (pthread_create(&thread, nullptr, wait, &end_) != 0) return false;
      made_.push_back(thread);
    }
    return true;
  }

  pthread_mutex_t end_ = PTHREAD_MUTEX_INITIALIZER;
  std::vector<pthread_t> made_;
};

std::atomic<bool> forked{false};
const int at_fork = pthread_atfork(nullptr, nullptr, [] { forked = true; });

}  // namespace

int num_threads() {
  return forked ? 1 : threads().load();
}

void set_num_threads(int n) {
  if (n < 1 || n > kMostThreads)
    fail("the number of threads must be between 1 and ", kMostThreads, ", got ", n, ".");
  threads() = n;
}

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void yield() {
  sched_yield();
}

void Team::barrier() const {
  if (size_ == 1) return;
#pragma omp barrier
}

void parallel(int threads, void (*body)(const Team&, void*), void* context) {
  if (threads <= 1 || forked || !Trial::can_lead(threads)) {
    const FlushDenormals flush;
    body(Team(0, 1), context);
    return;
  }
#pragma omp parallel num_threads(threads)
  {
    const FlushDenormals flush;
    body(Team(omp_get_thread_num(), omp_get_num_threads()), context);
  }
}

}  // namespace cnnfast
