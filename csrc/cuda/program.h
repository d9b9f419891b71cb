// A program on a GPU: its steps, launched once while a stream is captured, are one graph; a run of it is one
// launch. Two runs are in flight: while one computes, the next one's samples are gathered and copied.
#pragma once
#include <memory>
#include <vector>

#include "cuda/runtime.h"
#include "graph/device.h"
#include "graph/program.h"

namespace cnnfast::cuda {

class CudaProgram : public DeviceProgram {
 public:
  CudaProgram(int device, std::shared_ptr<const Program> program, size_t params);
  void run(Run* run, const std::function<bool(Run*)>& next) override;

 private:
  void run_lanes(Run* run, const std::function<bool(Run*)>& next);
  void settle() noexcept;
  // What leaves the device for the caller.
  struct Result {
    float* to;
    const float* from;
    int64_t floats;
  };
  // One of the runs in flight.
  struct Lane {
    Memory given, made;  // on the device
    PinnedMemory given_here, made_here;
    Event copied, done;
    Graph graph;
    std::vector<Result> results;  // of the run that was started last, until they are fetched
    bool busy = false;
  };

  std::vector<const void*> places_of(const Run& run) const;
  void record(const Run& run);
  void launch_step(Run run, Lane& lane, size_t step) const;
  void fill(const Run& run, Lane& lane) const;
  void start(const Run& run, Lane& lane);
  void finish(Lane& lane) const;
  void time_steps(const Run& run, Lane& lane);

  const int device_;
  const std::shared_ptr<const Program> program_;
  const size_t params_;
  std::vector<int64_t> given_at_, made_at_;  // of each step, in a lane's memory
  Stream queue_, copies_;
  Lane lanes_[2];
  std::vector<const void*> places_;  // that the graphs were recorded for
};

}  // namespace cnnfast::cuda
