// Running a formula over memory: block by block, each instruction one kernel call over a block, all registers
// in the first-level cache.
#pragma once
#include <array>

#include "formula/schedule.h"
#include "kernels/kernel_table.h"

namespace cnnfast {

// Floats of a register: six of them fill a first-level cache of 32 KB with room for what comes (Zen 5,
// 2026-11, eight instructions on 64 MB: 512 took 4.2 ms, 768 4.0, 1024 4.0, a copy 3.4).
constexpr int64_t kFormulaBlock = 768;
constexpr int kMostPlaces = 64;  // of a formula that is run
constexpr size_t kMostAxes = 9;  // rows and eight others

// What is run over: axes in the order of memory, without gaps.
struct FormulaSpace {
  std::vector<int64_t> axes;
  // Sixteen lanes: the last axis; `blocks` is the axis that counts blocks of them, and `lanes` how many lanes
  // there are in all (channels or rows). The rest of the last block is written as 0.
  int blocks = -1;
  int64_t lanes = 0;
  bool padded() const { return blocks >= 0 && lanes % kLanes != 0; }
  int64_t size() const;
};

// How an input lies there: floats between neighbours along each axis, 0 along those that it lacks. `bounded`:
// it has no padded lanes.
struct FormulaView {
  std::vector<int64_t> strides;
  bool bounded = false;
};

// The floats of a range of the space as a view sees them, run by run. The axes are at most kMostAxes.
class FormulaWalk {
 public:
  FormulaWalk(const FormulaSpace& space, const FormulaView& view, int64_t begin);

  // Positions [here, here + count * repeats) see [at, at + count * stride) again and again; positions from
  // count to run are padded lanes.
  struct Run {
    int64_t at, stride, count, run, repeats;
  };
  Run next(int64_t most);  // positions

 private:
  const FormulaSpace& space_;
  const FormulaView& view_;
  std::array<int64_t, kMostAxes> index_{};
  int64_t at_ = 0;
};

class FormulaRun {
 public:
  // `streams`: results go past the caches, for what is larger than these.
  FormulaRun(const Formula& formula, FormulaSpace space, std::vector<FormulaView> views,
             bool streams = false);

  int64_t size() const { return size_; }
  int64_t scratch() const { return scratch_; }  // floats
  bool reads(int input) const { return ways_[static_cast<size_t>(input)] != Way::unread; }

  // Positions [begin, begin + n). Inputs that the formula does not read may be null. With sixteen lanes,
  // begin and n are multiples of sixteen. An output may be a whole input.
  void run(const KernelTable& k, const float* const* inputs, float* const* outputs, int64_t begin, int64_t n,
           float* scratch, const RandomLanes& random) const;

 private:
  enum class Way { unread, whole, one, gathered };
  void join_axes();
  Way way_of(const FormulaView& view) const;
  void fetch(float* const* places, int64_t from, int64_t n) const;
  void clear_padding(float* block, int64_t begin, int64_t n) const;
  float* set_places(float** places, const float* const* inputs, float* const* outputs, int64_t begin,
                    int64_t most, float* scratch) const;
  float* staged(float* stage, int64_t block, int output) const;
  void store_staged(const KernelTable& k, float* stage, int64_t block, float* const* outputs, int64_t from,
                    int64_t n) const;
  void call(const KernelTable& k, const Schedule::Call& call, float* const* places, int64_t at, int64_t n,
            const RandomLanes& random) const;

  Schedule schedule_;
  FormulaSpace space_;
  std::vector<FormulaView> views_;
  std::vector<Way> ways_;  // of the inputs
  int64_t size_, scratch_ = 0;
  bool streams_;
};

}  // namespace cnnfast
