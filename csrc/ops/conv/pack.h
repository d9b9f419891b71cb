// What the algorithms share that pack a kernel.
#pragma once
#include <functional>

#include "ops/conv/conv.h"

namespace cnnfast {

// Some inputs of one block of sixteen outputs, as one direction sees them.
struct PackBlock {
  const float* from;  // the weight of the first tap, of input 0 and the block's first output
  float* to;          // all that is packed
  int64_t group, block;
  int32_t begin, end;  // inputs
  int32_t lanes;       // outputs
  float* scratch;
  bool last;  // of a task
};

// Packed weights that the next step no longer finds near, and so are stored past the caches: Winograd's of
// 128 to 128 channels by F(4, 3). Four layers of them gain 8 % of a step (8 x 8 pixels, batch 4), of 64 to 64
// lose 5.
constexpr int64_t kStreamedFloats = int64_t{1} << 19;

// Floats of the kernel between neighbours, in a direction.
struct KernelSteps {
  int64_t tap, input, output;
  KernelSteps(const ConvProblem& p, bool transposed)
      : tap(int64_t{p.ic()} * p.out.c), input(transposed ? 1 : p.out.c), output(transposed ? p.out.c : 1) {}
};

// Packs block by block, forward or, `transposed`, for backward-data. A task has some input channels of the
// convolution, a multiple of sixteen unless they are the last: the update moves them in long rows.
Buffer pack_blocks(Builder& b, const Node& node, const ConvProblem& p, const ParamSource& kernel,
                   bool transposed, int64_t floats, std::function<void(const PackBlock&)> pack,
                   int64_t scratch = 0);

}  // namespace cnnfast
