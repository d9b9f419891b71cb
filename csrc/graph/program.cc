#include "graph/program.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "runtime/clock.h"
#include "runtime/parallel.h"

namespace cnnfast {

namespace {

// The part of a run that one micro-batch is.
Run part_of(const Run& run, const MicroBatches& m, int number) {
  Run part = run;
  part.first_sample = int64_t{number} * m.samples;
  part.grads = run.arena + m.grads_at + number * m.grads;
  part.results = reinterpret_cast<double*>(run.arena + m.results_at) + number * m.results;
  return part;
}

// Adds up the time of each step, if asked for.
class StepClock {
 public:
  explicit StepClock(double* seconds) : seconds_(seconds) {
    if (seconds_) last_ = Clock::now();
  }
  void lap(size_t step) {
    if (!seconds_) return;
    const Clock::time_point now = Clock::now();
    seconds_[step] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  // What has passed since the last lap belongs to steps [begin, end) in proportion.
  void share(size_t begin, size_t end) {
    if (!seconds_) return;
    double all = 0;
    for (size_t i = begin; i < end; ++i) all += seconds_[i];
    const double waited = seconds_since(last_);
    for (size_t i = begin; i < end; ++i)  // evenly, where others did all
      seconds_[i] += waited * (all > 0 ? seconds_[i] / all : 1.0 / static_cast<double>(end - begin));
    last_ = Clock::now();
  }

 private:
  double* seconds_;
  Clock::time_point last_;
};

}  // namespace

struct Program::Worker {
  const Team& team;
  StepClock& clock;
  float *own, *scratch;
  bool repacks = true;
  TaskShares::Place place = {};
};

Program::Program(std::vector<Step> steps, ProgramMemory memory, MicroBatches micro_batches, int threads)
    : steps_(std::move(steps)),
      memory_(std::move(memory)),
      micro_batches_(micro_batches),
      threads_(threads),
      spoils_copies_(std::any_of(steps_.begin(), steps_.end(), [](const Step& step) { return step.spoils; })),
      shares_(threads) {}

// Whoever is late passes the runs of the past by: it takes no task of theirs, and so reads nothing of a run
// that has moved on since.
Program::Outcome Program::run(Run* run, int threads, const std::function<bool(Run*)>& next) const {
  std::atomic<HostFunction*> failed{nullptr};
  std::atomic<int64_t> last{next ? std::numeric_limits<int64_t>::max() : 0};  // the number of the last run
  std::atomic<double> waited{0};
  run->failed = &failed;
  if (run->step_seconds) std::fill_n(run->step_seconds, steps_.size(), 0.0);
  shares_.start();
  StepClock watch(run->step_seconds), off(nullptr);
  const bool repacks = run->repack;
  const auto runs = [&](Worker& worker) {
    for (int64_t number = 0;; ++number) {
      worker.repacks = number == 0 ? repacks : spoils_copies_;
      run_all(worker, *run);
      if (last == number || failed != nullptr) return;
      shares_.run(worker.team, worker.place, 1, [&](int64_t) {
        if (!next(run)) last = number;
      });
      if (last == number) return;
    }
  };
  std::optional<Clock::time_point> left;  // when the caller had done its part of a team's work
  parallel(std::min(threads, threads_), [&](const Team& team) {
    float* own = run->arena + memory_.shared + team.rank() * (memory_.own + memory_.scratch);
    Worker worker{team, team.rank() == 0 ? watch : off, own, own + memory_.own};
    if (run->clear) clear(team, run->arena);
    runs(worker);
    waited += worker.place.waited;
    if (team.rank() == 0 && team.size() > 1) left = Clock::now();
  });
  watch.lap(steps_.size() - 1);
  return {failed, waited + (left ? seconds_since(*left) : 0.0)};
}

int64_t Program::transferred() const {
  int64_t floats = 0;
  for (const Step& step : steps_) floats += step.transfers.given + step.transfers.made;
  return 2 * floats;
}

void Program::clear(const Team& team, float* arena) const {
  for (const ProgramMemory::Range& range : memory_.kept)
    std::fill(arena + range.begin + team.begin(range.size), arena + range.begin + team.end(range.size), 0.0f);
  team.barrier();
}

void Program::run_all(Worker& worker, const Run& run) const {
  if (micro_batches_.count == 0) return run_steps(worker, run, 0, steps_.size());
  run_steps(worker, run, 0, micro_batches_.begin);
  run_micro_batches(worker, run);
  run_steps(worker, run, micro_batches_.end, steps_.size());
}

void Program::run_steps(Worker& w, const Run& run, size_t begin, size_t end) const {
  for (size_t i = begin; i < end; ++i) {
    const Step& step = steps_[i];
    if (step.packs && !w.repacks) continue;
    const Context context{run, step, memory_.offsets, w.own, w.scratch};
    shares_.run(w.team, w.place, step.info.tasks, [&](int64_t task) { step.run(context, task); });
    w.clock.lap(i);
    if (step.may_fail && *run.failed != nullptr) return;  // the others see it, too
  }
}

void Program::run_micro_batches(Worker& w, const Run& run) const {
  const MicroBatches& m = micro_batches_;
  shares_.run(w.team, w.place, m.count, [&](int64_t number) {
    const Run part = part_of(run, m, static_cast<int>(number));
    for (size_t i = m.begin; i < m.end; ++i) {
      const Context context{part, steps_[i], memory_.offsets, w.own, w.scratch};
      for (int64_t task = 0; task < steps_[i].info.tasks; ++task) steps_[i].run(context, task);
      w.clock.lap(i);
    }
  });
  w.clock.share(m.begin, m.end);
}

}  // namespace cnnfast
