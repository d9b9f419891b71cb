// A block of CUDA threads on the CPU: each thread is a fiber that runs in shuffled order from barrier to
// barrier. What a GPU would let pass by chance is a Fault here, told when the block ends: a race in shared
// memory, a read of what nobody wrote or no copy has brought yet, a barrier that not all threads reach.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#  include <sanitizer/asan_interface.h>
#  include <sanitizer/common_interface_defs.h>
#endif

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
inline dim3 gridDim, blockDim, blockIdx, threadIdx;

namespace cuda_emulation {

constexpr unsigned kWarp = 32;

// Goes on where the stack `to` was left, and leaves this one at *from. swapcontext would ask the system for
// the signal mask each time, most of a test's time.
__attribute__((naked, noinline)) inline void switch_stack([[maybe_unused]] void** from,
                                                          [[maybe_unused]] void* to) {
  asm("pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15; movq %rsp, (%rdi); movq %rsi, "
      "%rsp;"
      "popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp; ret");
}
// A stack that begins with a call of `enter`, as switch_stack expects it: six registers, where to, and no way
// back.
inline void* begin_stack(char* memory, size_t bytes, void (*enter)()) {
  auto** const top = reinterpret_cast<void**>(reinterpret_cast<uintptr_t>(memory + bytes) / 16 * 16);
  top[-1] = nullptr;
  top[-2] = reinterpret_cast<void*>(enter);
  std::fill(top - 8, top - 2, nullptr);
  return top - 8;
}

struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Since when a thread's access is seen by others: the barriers before it. They count on from block to block.
struct Stamp {
  uint64_t block = 0, warp = 0;
  int thread = -1;
};

// What is known of one number in shared memory.
struct Shadow {
  Stamp written, read;
  bool read_by_several = false, awaited = false;
};

// An asynchronous copy into shared memory: of *from, or of zeros where that is null.
struct Copy {
  Shadow* shadow;
  void* to;
  const void* from;
  size_t bytes;
};

class Block {
 public:
  static Block& current();

  // One-dimensional, of all its threads.
  void run(unsigned threads, uint32_t seed, const std::function<void()>& body) {
    begin(threads, body);
    std::vector<unsigned> order(threads);
    std::iota(order.begin(), order.end(), 0u);
    std::mt19937 generator(seed);
    for (running_ = true; running_;) {
      std::shuffle(order.begin(), order.end(), generator);
      for (const unsigned thread : order)
        if (fibers_[thread].state == State::ready) resume(thread);
      release();
    }
    if (!fault_.empty()) throw Fault(fault_);
  }

  // Of the present thread, from here on.
  void sync_block(const char* file, int line) { wait(State::at_block, file, line); }
  void sync_warp() { wait(State::at_warp, "", 0); }

  // Every lane of a warp gives a number; take(lane) is each lane's, while it is called.
  template <class T, class Take>
  void exchange(T value, const Take& take) {
    static_assert(sizeof(T) <= sizeof(uint64_t));
    std::memcpy(&slots_[present_], &value, sizeof(T));
    sync_warp();
    take([this, first = present_ / kWarp * kWarp](unsigned lane) {
      T taken;
      std::memcpy(&taken, &slots_[first + lane % kWarp], sizeof(T));
      return taken;
    });
    sync_warp();
  }
  template <class T>
  T taken_from(unsigned lane, T value) {
    T taken{};
    exchange(value, [&](const auto& of) { taken = of(lane); });
    return taken;
  }
  unsigned lane() const { return present_ % kWarp; }

  void reads(Shadow& at) {
    if (at.awaited) fault("reads what an asynchronous copy has not brought");
    if (at.written.block < first_epoch_) fault("reads shared memory that nobody wrote");
    if (is_concurrent(at.written)) fault("reads what thread " + std::to_string(at.written.thread) + " wrote");
    at.read_by_several = is_concurrent(at.read) || (at.read_by_several && is_present(at.read));
    at.read = stamp();
  }
  void writes(Shadow& at) {
    if (is_concurrent(at.written))
      fault("writes where thread " + std::to_string(at.written.thread) + " wrote");
    if (is_concurrent(at.read) || (at.read_by_several && is_present(at.read)))
      fault("writes what thread " + std::to_string(at.read.thread) + " reads");
    at.written = stamp();
    at.awaited = false;
  }

  // Asynchronous copies of a thread: done when waited for, group by group.
  void copy_later(const Copy& copy) {
    writes(*copy.shadow);
    copy.shadow->awaited = true;
    fibers_[present_].copies.push_back(copy);
  }
  void commit() {
    Fiber& fiber = fibers_[present_];
    fiber.groups.push_back(fiber.copies.size());
  }
  void wait_prior(size_t groups) {
    Fiber& fiber = fibers_[present_];
    if (fiber.groups.size() <= groups) return;
    const size_t done = fiber.groups.size() - groups, end = fiber.groups[done - 1];
    for (size_t i = 0; i < end; ++i) bring(fiber.copies[i]);
    fiber.copies.erase(fiber.copies.begin(), fiber.copies.begin() + static_cast<ptrdiff_t>(end));
    fiber.groups.erase(fiber.groups.begin(), fiber.groups.begin() + static_cast<ptrdiff_t>(done));
    for (size_t& group : fiber.groups) group -= end;
  }

 private:
  enum class State { ready, at_block, at_warp, done };
  struct Fiber {
    void* place = nullptr;  // where it was left
    std::unique_ptr<char[]> stack;
    State state = State::done;
    const char* file = "";
    int line = 0;
    std::vector<Copy> copies;    // that nobody has waited for
    std::vector<size_t> groups;  // where each that is committed ends
  };
#ifdef __SANITIZE_ADDRESS__
  static constexpr size_t kStack = 1 << 20;
#else
  static constexpr size_t kStack = 1 << 16;
#endif

  void begin(unsigned threads, const std::function<void()>& body) {
    body_ = &body;
    fault_.clear();
    first_epoch_ = ++epoch_;
    slots_.assign(threads, 0);
    warp_epochs_.assign((threads + kWarp - 1) / kWarp, 0);
    if (fibers_.size() < threads) fibers_.resize(threads);
    threads_ = threads;
    for (unsigned i = 0; i < threads; ++i) {
      Fiber& fiber = fibers_[i];
      if (!fiber.stack) fiber.stack = std::make_unique<char[]>(kStack);
#ifdef __SANITIZE_ADDRESS__
      __asan_unpoison_memory_region(fiber.stack.get(), kStack);  // of frames that a fault left for good
#endif
      fiber.place = begin_stack(fiber.stack.get(), kStack, &Block::enter);
      fiber.state = State::ready;
      fiber.copies.clear(), fiber.groups.clear();
    }
  }

  void bring(const Copy& copy) {
    writes(*copy.shadow);
    if (copy.from)
      std::memcpy(copy.to, copy.from, copy.bytes);
    else
      std::memset(copy.to, 0, copy.bytes);
  }

  static void enter() {
    Block& block = current();
    block.arrived();
    try {
      (*block.body_)();
    } catch (const Fault& fault) {
      block.fault(fault.what());
    }
    block.fibers_[block.present_].state = State::done;
    block.leave(true);
  }

  void resume(unsigned thread) {
    present_ = thread;
    threadIdx = {thread, 0, 0};
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&fake_stack_, fibers_[thread].stack.get(), kStack);
#endif
    switch_stack(&main_, fibers_[thread].place);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
  }
  // Back to the scheduler.
  void leave([[maybe_unused]] bool for_good) {
    const unsigned thread = present_;
#ifdef __SANITIZE_ADDRESS__
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fake, main_stack_, main_size_);
#endif
    switch_stack(&fibers_[thread].place, main_);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, &main_stack_, &main_size_);
#endif
  }
  void arrived() {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(nullptr, &main_stack_, &main_size_);
#endif
  }

  void wait(State where, const char* file, int line) {
    Fiber& fiber = fibers_[present_];
    fiber.state = where, fiber.file = file, fiber.line = line;
    leave(false);
  }

  bool all(unsigned begin, unsigned end, State state) const {
    return std::all_of(fibers_.begin() + begin, fibers_.begin() + end,
                       [=](const Fiber& fiber) { return fiber.state == state; });
  }
  void free_all(unsigned begin, unsigned end) {
    for (unsigned i = begin; i < end; ++i) fibers_[i].state = State::ready;
  }

  // Barriers that everybody has reached. Where there are none, and threads that wait, the block is stuck.
  void release() {
    if (all(0, threads_, State::done)) {
      running_ = false;
      return;
    }
    bool freed = false;
    for (unsigned warp = 0; warp * kWarp < threads_; ++warp) {
      const unsigned begin = warp * kWarp, end = std::min(begin + kWarp, threads_);
      if (!all(begin, end, State::at_warp)) continue;
      ++warp_epochs_[warp];
      free_all(begin, end);
      freed = true;
    }
    if (!freed && all(0, threads_, State::at_block)) {
      for (unsigned i = 1; i < threads_; ++i)
        if (fibers_[i].line != fibers_[0].line || std::strcmp(fibers_[i].file, fibers_[0].file) != 0)
          stuck("threads wait at different barriers: " + place(0) + " and " + place(i));
      ++epoch_;
      free_all(0, threads_);
      freed = true;
    }
    if (!freed) stuck("a barrier that not all threads reach");
  }
  std::string place(unsigned thread) const {
    return std::string(fibers_[thread].file) + ":" + std::to_string(fibers_[thread].line);
  }
  void stuck(const std::string& what) {
    for (unsigned i = 0; i < threads_; ++i)
      if (fibers_[i].state == State::at_block && fault_.empty()) fault_ = what + " (" + place(i) + ")";
    if (fault_.empty()) fault_ = what;
    running_ = false;
  }

  Stamp stamp() const {
    return {epoch_, warp_epochs_[present_ / kWarp], static_cast<int>(present_)};
  }
  bool is_present(const Stamp& other) const {
    return other.thread >= 0 && other.block == epoch_;
  }
  // Whether no barrier lies between the other access and one of the present thread.
  bool is_concurrent(const Stamp& other) const {
    if (!is_present(other) || other.thread == static_cast<int>(present_)) return false;
    const unsigned warp = present_ / kWarp;
    return static_cast<unsigned>(other.thread) / kWarp != warp || other.warp == warp_epochs_[warp];
  }
  void fault(const std::string& what) {
    if (!fault_.empty()) return;
    std::ostringstream text;
    text << "thread " << present_ << " of block " << blockIdx.x << " " << what << ", with no barrier between"
         << " (its last one: " << place(present_) << ")";
    fault_ = text.str();
  }

  const std::function<void()>* body_ = nullptr;
  std::vector<Fiber> fibers_;
  std::vector<uint64_t> slots_, warp_epochs_;
  unsigned threads_ = 0, present_ = 0;
  uint64_t epoch_ = 0, first_epoch_ = 0;
  bool running_ = false;
  std::string fault_;
  void* main_ = nullptr;  // where the scheduler was left
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack_ = nullptr;
  const void* main_stack_ = nullptr;
  size_t main_size_ = 0;
#endif
};

inline Block the_block;
inline Block& Block::current() {
  return the_block;
}

// Numbers in shared memory, each with its shadow.
template <class T>
class SharedCell {
 public:
  SharedCell(T& value, Shadow& shadow) : value_(value), shadow_(shadow) {}
  operator T() const {
    Block::current().reads(shadow_);
    return value_;
  }
  const SharedCell& operator=(T value) const {
    Block::current().writes(shadow_);
    value_ = value;
    return *this;
  }
  const SharedCell& operator=(const SharedCell& other) const { return *this = static_cast<T>(other); }
  const SharedCell& operator+=(T value) const { return *this = static_cast<T>(*this) + value; }

 private:
  T& value_;
  Shadow& shadow_;
};

template <class T, int kSize>
struct SharedArray {
  T values[kSize];
  Shadow shadows[kSize];

  SharedCell<T> operator[](int64_t i) {
    if (i < 0 || i >= kSize)
      throw Fault("shared memory of " + std::to_string(kSize) + " has no " + std::to_string(i));
    return {values[i], shadows[i]};
  }
};

// Numbers that a GPU reads or writes as one, up to 16 bytes: from a multiple of so many on.
template <class T, int kNumbers>
struct Vector {
  static_assert(kNumbers * sizeof(T) <= 16);
  T x[kNumbers];
};
inline void check_vector(int at, int numbers) {
  if (at % numbers != 0)
    throw Fault(std::to_string(numbers) + " numbers of shared memory at once, from " + std::to_string(at) +
                " on, which is no multiple of that");
}
template <int kNumbers, class T, int kSize>
Vector<T, kNumbers> read_vector(SharedArray<T, kSize>& array, int at) {
  check_vector(at, kNumbers);
  Vector<T, kNumbers> vector;
  for (int i = 0; i < kNumbers; ++i) vector.x[i] = array[at + i];
  return vector;
}
template <int kNumbers, class T, int kSize>
void write_vector(SharedArray<T, kSize>& array, int at, const Vector<T, kNumbers>& vector) {
  check_vector(at, kNumbers);
  for (int i = 0; i < kNumbers; ++i) array[at + i] = vector.x[i];
}

template <class T, int kSize>
struct SharedPart {
  SharedArray<T, kSize>& array;
  int at;
  SharedCell<T> operator[](int i) const { return array[at + i]; }
};

}  // namespace cuda_emulation

#define __syncthreads() cuda_emulation::Block::current().sync_block(__FILE__, __LINE__)
#define __syncwarp() cuda_emulation::Block::current().sync_warp()

template <class T>
T __shfl_sync(unsigned, T value, int source) {
  return cuda_emulation::Block::current().taken_from(static_cast<unsigned>(source), value);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  auto& block = cuda_emulation::Block::current();
  return block.taken_from(block.lane() ^ static_cast<unsigned>(mask), value);
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned delta) {
  auto& block = cuda_emulation::Block::current();
  const unsigned lane = block.lane();
  return block.taken_from(lane + delta < cuda_emulation::kWarp ? lane + delta : lane, value);
}
