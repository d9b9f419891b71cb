#include "graph/program.h"

#include <chrono>

#include "runtime/parallel.h"

namespace cnnfast {

Program::Program(std::vector<Step> steps, std::vector<int64_t> offsets, int64_t arena_floats, int threads,
                 int64_t scratch_floats)
    : steps_(std::move(steps)),
      offsets_(std::move(offsets)),
      scratch_at_(arena_floats),
      scratch_floats_(scratch_floats),
      floats_(arena_floats + threads * scratch_floats),
      threads_(threads) {}

void Program::run(const Run& run) const {
  using Clock = std::chrono::steady_clock;
  parallel(threads_, [&](const Team& team) {
    float* scratch = run.arena + scratch_at_ + team.rank() * scratch_floats_;
    Clock::time_point before;
    if (run.step_seconds) before = Clock::now();
    for (size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (step.packs && !run.repack) continue;
      const Context context{run, step, offsets_, scratch};
      const int64_t end = team.end(step.info.tasks);
      for (int64_t task = team.begin(step.info.tasks); task < end; ++task) step.run(context, task);
      team.barrier();
      if (run.step_seconds && team.rank() == 0) {
        const Clock::time_point now = Clock::now();
        run.step_seconds[i] = std::chrono::duration<double>(now - before).count();
        before = now;
      }
    }
  });
}

}  // namespace cnnfast
