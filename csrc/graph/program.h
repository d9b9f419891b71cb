// A planned network: a flat list of steps over one arena, immutable once built. Running it is one parallel
// region that neither allocates, locks, logs nor throws.
#pragma once
#include <cassert>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cnnfast/network.h"
#include "kernels/kernel_table.h"
#include "runtime/arena.h"

namespace cnnfast {

// A place in the arena. Its lifetime is from the first to the last step that uses it.
struct Buffer {
  int id = -1;
  explicit operator bool() const { return id >= 0; }
};

// What one run works on, besides its arena.
struct Run {
  float* arena = nullptr;
  float* params = nullptr;
  float* grads = nullptr;
  float* slots[2] = {nullptr, nullptr};
  Samples x;
  Targets y;
  const float* grad_out = nullptr;
  float* out = nullptr;
  float* grad_x = nullptr;
  double* results = nullptr;       // loss, then metrics
  double* step_seconds = nullptr;  // or null; one for each step
  uint64_t seed = 0;
  int64_t step = 0;
  double learning_rate = 0;
  bool repack = true;  // the packed weights in the arena are older than params
};

struct Step;

// What one task of one step sees.
struct Context {
  const Run& run;
  const Step& step;
  const std::vector<int64_t>& offsets;
  float* scratch;  // this thread's

  float* at(Buffer buffer) const;
  template <class T>
  T* as(Buffer buffer) const {
    return reinterpret_cast<T*>(at(buffer));
  }
};

struct Step {
  StepInfo info;
  std::vector<Buffer> uses;
  int64_t scratch = 0;  // floats a thread
  bool packs = false;   // prepares weights: skipped while they have not changed
  std::function<void(const Context&, int64_t task)> run;
};

class Program {
 public:
  Program(std::vector<Step> steps, std::vector<int64_t> offsets, int64_t arena_floats, int threads,
          int64_t scratch_floats);

  size_t memory() const { return static_cast<size_t>(floats_) * sizeof(float); }
  const std::vector<Step>& steps() const { return steps_; }
  int threads() const { return threads_; }
  void run(const Run& run) const;

 private:
  std::vector<Step> steps_;
  std::vector<int64_t> offsets_;
  int64_t scratch_at_, scratch_floats_, floats_;
  int threads_;
};

inline float* Context::at(Buffer buffer) const {
#ifndef NDEBUG
  bool declared = false;
  for (const Buffer used : step.uses) declared = declared || used.id == buffer.id;
  assert(declared && "a step may touch only the buffers it declares: their memory is shared");
#endif
  return run.arena + offsets[static_cast<size_t>(buffer.id)];
}

}  // namespace cnnfast
