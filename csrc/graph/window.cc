#include "graph/window.h"

#include <algorithm>

#include "cnnfast/error.h"
#include "core/sizes.h"

namespace cnnfast {

namespace {

int checked(const std::string& name, const Extent& e, const char* what, int64_t size) {
  return static_cast<int>(checked_size(size, kMostOfSample, name, ": the ", e.axis, " of ", what));
}

int padded_size(const std::string& name, const Extent& e, int64_t padding) {
  return checked(name, e, "the input with its padding", e.size + padding);
}

}  // namespace

Sides same_padding(const std::string& name, const Extent& e) {
  const int64_t out = (int64_t{e.size} + e.stride - 1) / e.stride;
  const int64_t total = std::max<int64_t>(0, (out - 1) * e.stride + e.reach() - e.size);
  padded_size(name, e, total);
  const int before = static_cast<int>(total / 2);
  return {before, static_cast<int>(total - before)};
}

int window_outputs(const std::string& name, const Extent& e, Sides padding, bool ceil_mode) {
  const int64_t added = int64_t{padding.before} + padding.after;
  const int64_t room = padded_size(name, e, added) - e.reach();
  if (room < 0) {
    if (ceil_mode) return 1;
    fail(name, ": the window must not be larger than its input: ", e.axis, " is ", e.size, " plus ", added,
         " of padding, the window spans ", e.reach(), " (size ", e.kernel, ", dilation ", e.dilation,
         "). Use a smaller window, padding=\"same\" or a larger input.");
  }
  const int64_t out = room / e.stride + 1;
  // A partial window counts, unless all of it would lie in the padding after the input.
  const bool hangs_over =
      ceil_mode && room % e.stride != 0 && out * e.stride < int64_t{e.size} + padding.before;
  return static_cast<int>(out + hangs_over);
}

bool all_windows_see_input(const Extent& e, int before, int outputs) {
  const auto sees = [&](int64_t output) {
    const int64_t origin = output * e.stride - before;
    const int64_t skipped = origin < 0 ? (e.dilation - 1 - origin) / e.dilation : 0;
    return skipped < e.kernel && origin + skipped * e.dilation < e.size;
  };
  // Unless they step over the whole input, windows miss it at its ends or nowhere.
  if (e.dilation <= e.size) return sees(0) && sees(outputs - 1);
  for (int64_t output = 0; output < outputs; ++output)
    if (!sees(output)) return false;
  return true;
}

TransposedOutputs transposed_outputs(const std::string& name, const Extent& e, PadMode mode, Sides given,
                                     int output_padding) {
  const int limit = std::max(e.stride, e.dilation);
  if (output_padding >= limit)
    fail(name, ": output_padding must be smaller than the stride or the dilation: along the ", e.axis,
         " it is ", output_padding, ", these are ", e.stride, " and ", e.dilation,
         ". Use a smaller output_padding.");
  const int64_t whole = (int64_t{e.size} - 1) * e.stride + e.reach();
  checked(name, e, "the output before its padding is cut off", whole);
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
         " cells and ", int64_t{given.before} + given.after,
         " are cut off. Use less padding or a larger input.");
  return {checked(name, e, "the output", out),
          {static_cast<int>(before), static_cast<int>(whole - out - before)}};
}

}  // namespace cnnfast
