// A planned network: a flat list of steps over one arena, immutable once built. Running it, on however many
// batches, is one parallel region that neither allocates, locks, logs nor throws. The steps either all see
// the whole batch, one after the other, or most of them run depth-first: see MicroBatches.
#pragma once
#include <atomic>
#include <cassert>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cnnfast/network.h"
#include "kernels/kernel_table.h"
#include "runtime/task_shares.h"

namespace cnnfast {

// A place in the arena. Its lifetime is from the first to the last step that uses it.
struct Buffer {
  int id = -1;
  explicit operator bool() const { return id >= 0; }
};

// Where steps find a parameter: its values by its position, its gradient and its slots in flat buffers.
struct ParamPlace {
  int position = -1;
  int64_t offset = 0;  // Graph::offset
  explicit operator bool() const { return position >= 0; }
};

// Where steps read a parameter: where it is kept, or what a step made of it.
struct ParamSource {
  ParamPlace param;
  Buffer made;
  ParamSource(ParamPlace param = {}, Buffer made = {}) : param(param), made(made) {}
  explicit operator bool() const { return param || made; }
};

// What one run works on.
struct Run {
  float* arena = nullptr;
  float* const* params = nullptr;        // the values of each parameter
  float* grads = nullptr;                // of all parameters
  float* const* slots[kMostSlots] = {};  // of each parameter that is trained
  const Samples* inputs = nullptr;       // of the graph, in their order, and so are all that follow
  float* const* outputs = nullptr;
  const float* const* grad_outputs = nullptr;
  float* const* grad_inputs = nullptr;
  double* results = nullptr;       // the loss, then sums of metrics
  double* step_seconds = nullptr;  // or null; one for each step
  uint64_t seed = 0;
  int64_t step = 0;                // of random numbers
  double learning_rate = 0;        // of this step: step_rate()
  const float* numbers = nullptr;  // what a formula that updates reads besides
  int numbers_count = 0;
  bool clear = false;  // the arena holds what others left there
  bool repack = true;  // the packed weights in the arena are older than params, or not there
  std::atomic<HostFunction*>* failed = nullptr;  // by whom the run ends early; Program::run has it
  int64_t first_sample = 0;                      // number in the batch of the first sample that steps see
  // Of a device, while it is told what to launch: its queue, and what differs from run to run (seed, step,
  // rate), in its memory.
  void* queue = nullptr;
  const void* varying = nullptr;
};

class Team;
struct Step;

// What one task of one step sees.
struct Context {
  const Run& run;
  const Step& step;
  const std::vector<int64_t>& offsets;
  float* own;              // this thread's buffers of a micro-batch
  float* scratch;          // this thread's
  float* given = nullptr;  // on a device: what came from the caller, and what goes to it: see Transfers
  float* made = nullptr;

  float* at(Buffer buffer) const;
  float* values(ParamPlace param) const { return run.params[param.position]; }
  const float* values(ParamSource source) const {
    return source.made ? at(source.made) : values(source.param);
  }
  float* grad(ParamPlace param) const { return run.grads + param.offset; }
  float* slot(int i, ParamPlace param) const { return run.slots[i][param.position]; }
  template <class T>
  T* as(Buffer buffer) const {
    return reinterpret_cast<T*>(at(buffer));
  }
};

// What passes between the caller's arrays and a step that runs on a device: floats that `gather` writes
// before a run, and floats that a run leaves for the caller, who finds them `at` this place then.
struct Transfers {
  int64_t given = 0, made = 0;
  std::function<void(const Run&, float* to)> gather;
  std::function<float*(const Run&)> at;
};

struct Step {
  StepInfo info;
  Transfers transfers = {};
  std::vector<Buffer> uses;
  int64_t scratch = 0;    // floats a thread
  bool packs = false;     // packs weights: left out while they are as this program left them
  bool spoils = false;    // changes weights that it has packed
  bool may_fail = false;  // and then says so in Run::failed
  std::function<void(const Context&, int64_t task)> run;
};

// Depth-first execution: steps [begin, end) run for one micro-batch after the other, each from its first step
// to its last on one thread and in that thread's own buffers, while its activations lie in the cache. Which
// thread takes which is left to chance: what a micro-batch computes depends on shapes alone.
struct MicroBatches {
  int count = 0;  // 0: every step sees the whole batch
  int samples = 0;
  size_t begin = 0, end = 0;
  int64_t grads_at = 0, grads = 0;      // floats: in the shared arena, each micro-batch's gradients
  int64_t results_at = 0, results = 0;  // floats, and doubles: its results
};

// Floats; own and scratch are a thread's. Offsets of own buffers are complemented (~).
struct ProgramMemory {
  struct Range {
    int64_t begin, size;
  };
  std::vector<int64_t> offsets;
  std::vector<Range> kept;  // between runs; zero before the first
  int64_t shared, own, scratch;
};

class Program {
 public:
  Program(std::vector<Step> steps, ProgramMemory memory, MicroBatches micro_batches, int threads);

  int64_t floats() const { return floats(threads_); }  // of its arena
  int64_t floats(int threads) const { return memory_.shared + threads * (memory_.own + memory_.scratch); }
  int64_t transferred() const;  // floats on a device, to and from the caller: of two runs at once
  size_t own_memory() const { return sizeof(float) * static_cast<size_t>(memory_.own); }
  int micro_batch() const { return micro_batches_.samples; }  // 0: every step sees the whole batch
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<int64_t>& offsets() const { return memory_.offsets; }  // of buffers
  int threads() const { return threads_; }
  bool spoils_copies() const {
    return spoils_copies_;
  }  // of weights, which must be packed anew before the next run
  struct Outcome {
    HostFunction* failed;  // or null; steps behind it were left out, and no run came after it
    double waited;         // seconds, of all threads, for tasks that others held
  };
  // Runs with up to threads(), and again on what `next` makes of the run, as long as it says so. One member
  // of the team calls it while the others wait; it must not throw, nor change `repack` or `clear`.
  Outcome run(Run* run, int threads, const std::function<bool(Run*)>& next = nullptr) const;

 private:
  struct Worker;
  void clear(const Team& team, float* arena) const;
  void run_all(Worker& worker, const Run& run) const;
  void run_steps(Worker& worker, const Run& run, size_t begin, size_t end) const;
  void run_micro_batches(Worker& worker, const Run& run) const;

  std::vector<Step> steps_;
  ProgramMemory memory_;
  MicroBatches micro_batches_;
  int threads_;
  bool spoils_copies_;
  TaskShares shares_;
};

inline float* Context::at(Buffer buffer) const {
#ifndef NDEBUG
  bool declared = false;
  for (const Buffer used : step.uses) declared = declared || used.id == buffer.id;
  assert(declared && "a step may touch only the buffers it declares: their memory is shared");
#endif
  const int64_t offset = offsets[static_cast<size_t>(buffer.id)];
  return offset >= 0 ? run.arena + offset : own + ~offset;
}

}  // namespace cnnfast
