// How gradients of weights with channels in lanes are cut into tasks. A task sums a piece of them, some input
// channels times some output channels, over some of the pixels; the piece stays in the second-level cache
// until its last pixel, and where one task sees all pixels, its last sums go where the user wants them.
#pragma once
#include "ops/conv/conv.h"

namespace cnnfast {

// Blocks of sixteen channels, `step` at a time, in even ranges of at most so many.
struct BlockRanges {
  int64_t blocks = 1, step = 1, count = 1;
  BlockRanges() = default;
  BlockRanges(int64_t blocks, int64_t most, int64_t step = 1)
      : blocks(blocks), step(step), count(ceil_div(steps(), std::max<int64_t>(1, most / step))) {}
  int64_t steps() const { return ceil_div(blocks, step); }
  int64_t begin(int64_t range) const { return std::min(blocks, range * steps() / count * step); }
  int64_t most() const { return std::min(blocks, ceil_div(steps(), count) * step); }
};

struct WeightTask {
  int64_t group, block, blocks;  // of sixteen output channels, the first counted over all groups
  int first_in, ins;             // input channels of the group
  int64_t begin, end;            // units
  float* sums;                   // [block][tap][input channel][16], then the bias; block_floats a block
  int64_t block_floats;
  GradPlace<float> to;  // where the kernel's last sums go; may be sums

  template <class Float>
  GradPlace<Float> place_of_sums() const {
    return {sums, int64_t{ins} * kLanes, kLanes, block_floats};
  }
  float* bias() const { return sums + block_floats - kLanes; }
};

// Units are what the pixels of a batch are counted in. `splits_inputs`: a task may have some of a group's
// input channels, in whole blocks. `in_place`: it can put its last sums elsewhere. A task with the first
// input channel leaves the bias's sums, too.
struct WeightUnits {
  int64_t count;
  bool splits_inputs, in_place;
};
using SumWeights = std::function<void(const Context&, const WeightTask&)>;
void sum_weight_gradient(Builder&, const Node&, const ConvProblem&, const char* algorithm, WeightUnits,
                         std::vector<Buffer> uses, SumWeights);

}  // namespace cnnfast
