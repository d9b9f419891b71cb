#include "cuda/program.h"

#include <algorithm>
#include <cstring>

#include "cnnfast/error.h"
#include "cuda/kernels/kernels.h"
#include "runtime/clock.h"

namespace cnnfast::cuda {

namespace {

constexpr int64_t kLine = 64;  // floats: where the next step's begin

int64_t rounded(int64_t floats) {
  return (floats + kLine - 1) / kLine * kLine;
}

size_t bytes(int64_t floats) {
  return sizeof(float) * static_cast<size_t>(floats);
}

}  // namespace

CudaProgram::CudaProgram(int device, std::shared_ptr<const Program> program, size_t params)
    : device_(device), program_(std::move(program)), params_(params) {
  int64_t given = rounded(sizeof(Varying) / sizeof(float)), made = 0;
  for (const Step& step : program_->steps()) {
    given_at_.push_back(given), made_at_.push_back(made);
    given += rounded(step.transfers.given), made += rounded(step.transfers.made);
  }
  for (Lane& lane : lanes_) {
    lane.given = Memory(bytes(given)), lane.given_here = PinnedMemory(bytes(given));
    lane.made = Memory(bytes(made)), lane.made_here = PinnedMemory(bytes(made));
  }
}

// What a graph holds on to beside its lane's own memory.
std::vector<const void*> CudaProgram::places_of(const Run& run) const {
  std::vector<const void*> places{run.arena, run.grads};
  places.insert(places.end(), run.params, run.params + params_);
  for (float* const* const slots : run.slots)
    if (slots) places.insert(places.end(), slots, slots + params_);
  return places;
}

// `run` has the places of the caller's arrays, which no step may look at here.
void CudaProgram::launch_step(Run run, Lane& lane, size_t i) const {
  run.queue = queue_.get();
  run.varying = lane.given.data();
  const Step& step = program_->steps()[i];
  const Context context{run,
                        step,
                        program_->offsets(),
                        nullptr,
                        nullptr,
                        static_cast<float*>(lane.given.data()) + given_at_[i],
                        static_cast<float*>(lane.made.data()) + made_at_[i]};
  for (int64_t task = 0; task < step.info.tasks; ++task) step.run(context, task);
}

void CudaProgram::record(const Run& run) {
  std::vector<const void*> places = places_of(run);
  if (places == places_) return;
  places_.clear();  // until both are recorded
  for (Lane& lane : lanes_) {
    Capture capture(queue_);
    for (size_t i = 0; i < program_->steps().size(); ++i) launch_step(run, lane, i);
    lane.graph = capture.finish();
  }
  places_ = std::move(places);
}

void CudaProgram::fill(const Run& run, Lane& lane) const {
  if (run.numbers_count > kMostNumbers)
    fail("the optimizer's formulas read ", run.numbers_count, " numbers; CUDA takes ", kMostNumbers,
         "; run this model on the CPU: model.to(\"cpu\").");
  Varying varying{};
  varying.seed = run.seed;
  varying.step = static_cast<uint32_t>(run.step);
  varying.rate = run.learning_rate;
  std::copy_n(run.numbers, run.numbers_count, varying.numbers);
  std::memcpy(lane.given_here.data(), &varying, sizeof(varying));
  auto* const given = static_cast<float*>(lane.given_here.data());
  auto* const made = static_cast<const float*>(lane.made_here.data());
  for (size_t i = 0; i < program_->steps().size(); ++i) {
    const Transfers& transfers = program_->steps()[i].transfers;
    if (transfers.gather) transfers.gather(run, given + given_at_[i]);
    if (transfers.at) lane.results.push_back({transfers.at(run), made + made_at_[i], transfers.made});
  }
}

void CudaProgram::start(const Run& run, Lane& lane) {
  fill(run, lane);
  copies_.write(lane.given, lane.given_here);
  lane.copied.record(copies_);
  queue_.wait(lane.copied);
  if (run.step_seconds)
    time_steps(run, lane);
  else
    lane.graph.launch(queue_);
  queue_.read(lane.made_here, lane.made);
  lane.done.record(queue_);
  lane.busy = true;
}

void CudaProgram::finish(Lane& lane) const {
  if (!lane.busy) return;
  lane.done.wait();
  for (const Result& result : lane.results) std::copy_n(result.from, result.floats, result.to);
  lane.results.clear();
  lane.busy = false;
}

void CudaProgram::time_steps(const Run& run, Lane& lane) {
  queue_.wait();
  for (size_t i = 0; i < program_->steps().size(); ++i) {
    const Clock::time_point start = Clock::now();
    launch_step(run, lane, i);
    queue_.wait();
    run.step_seconds[i] = seconds_since(start);
  }
}

void CudaProgram::run(Run* run, const std::function<bool(Run*)>& next) {
  const UseDevice use(device_);
  if (!run->step_seconds) record(*run);
  try {
    run_lanes(run, next);
  } catch (...) {
    settle();
    throw;
  }
}

// Of a run that failed nothing goes on in memory that is others' from now on.
void CudaProgram::settle() noexcept {
  copies_.settle(), queue_.settle();
  for (Lane& lane : lanes_) lane.busy = false, lane.results.clear();
}

void CudaProgram::run_lanes(Run* run, const std::function<bool(Run*)>& next) {
  for (int i = 0;; i = 1 - i) {
    finish(lanes_[i]);
    start(*run, lanes_[i]);
    if (!next || !next(run)) {
      finish(lanes_[1 - i]);
      return finish(lanes_[i]);
    }
  }
}

}  // namespace cnnfast::cuda
