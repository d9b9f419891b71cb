#include "graph/window.h"

#include <algorithm>
#include <limits>

#include "cnnfast/error.h"

namespace cnnfast {

Sides same_padding(const Extent& e) {
  const int64_t out = (int64_t{e.size} + e.stride - 1) / e.stride;
  const int total = static_cast<int>(std::max<int64_t>(0, (out - 1) * e.stride + e.reach() - e.size));
  return {total / 2, total - total / 2};
}

int window_outputs(const std::string& name, const Extent& e, Sides padding, bool ceil_mode) {
  const int64_t padded = int64_t{e.size} + padding.before + padding.after;
  if (e.reach() > padded) {
    fail(name, ": the window must not be larger than its input: ", e.axis, " is ", e.size, " plus ",
         padding.before + padding.after, " of padding, the window spans ", e.reach(), " (size ", e.kernel,
         ", dilation ", e.dilation, "). Use a smaller window, padding=\"same\" or a larger input.");
  }
  int64_t out = (padded - e.reach()) / e.stride + 1;
  // A partial window counts, unless all of it would lie in the padding after the input.
  if (ceil_mode && (padded - e.reach()) % e.stride != 0 && out * e.stride < e.size + padding.before) ++out;
  return static_cast<int>(out);
}

TransposedOutputs transposed_outputs(const std::string& name, const Extent& e, PadMode mode, Sides given,
                                     int output_padding) {
  const int limit = std::max(e.stride, e.dilation);
  if (output_padding >= limit)
    fail(name, ": output_padding must be smaller than the stride or the dilation: along the ", e.axis,
         " it is ", output_padding, ", these are ", e.stride, " and ", e.dilation,
         ". Use a smaller output_padding.");
  const int64_t whole = (int64_t{e.size} - 1) * e.stride + e.reach();
  int64_t out, before = given.before;
  if (mode == PadMode::same) {
    const int64_t cells = output_padding < 0 ? e.stride : e.reach() % 2 + output_padding;
    out = (int64_t{e.size} - 1) * e.stride + cells;
    before = std::max<int64_t>(0, whole - out) / 2;
  } else {
    const int64_t implied = mode == PadMode::valid ? std::max<int64_t>(0, e.stride - e.reach()) : 0;
    out = whole - given.before - given.after + (output_padding < 0 ? implied : output_padding);
  }
  if (out < 1)
    fail(name, ": the padding leaves no output: along the ", e.axis, " the whole output has ", whole,
         " cells and ", given.before + given.after, " are cut off. Use less padding or a larger input.");
  if (out > std::numeric_limits<int32_t>::max())
    fail(name, ": the output's ", e.axis, " would be ", out, "; use a smaller stride or input.");
  return {static_cast<int>(out), {static_cast<int>(before), static_cast<int>(whole - out - before)}};
}

}  // namespace cnnfast
