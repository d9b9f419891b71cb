// Convolution without borders: outputs are cut into rectangles whose pixels all see the same taps, none of
// them in the padding. One cut serves any stride, dilation and padding, forward and backward-data.
#pragma once
#include <cstdint>
#include <vector>

#include "cnnfast/graph.h"
#include "kernels/kernel_table.h"

namespace cnnfast {

// Outputs first, first + step, ... (count of them) along one axis. Output number j reads source position
// src + j * src_step + tap.shift through kernel position tap.at.
struct Segment {
  struct AxisTap {
    int at, shift;
    bool operator==(const AxisTap&) const = default;
  };
  int first, step, count;
  int src, src_step;
  std::vector<AxisTap> taps;
};

struct Axis {
  int in, out, kernel, stride, before, dilation;
};

struct Axes {
  Axis depth, rows, cols;
};

// As few as the kernel's positions and the borders ask for, however long the axis is. They end early where
// they are too many for a graph to be accepted.
std::vector<Segment> forward_segments(const Axis& axis);        // outputs are the convolution's
std::vector<Segment> backward_data_segments(const Axis& axis);  // outputs are the convolution's inputs

// How long the lists below are, in taps: at most kMostTaps in a graph. Channels not counted.
int64_t count_taps(const Axes& axes);

// Floats between neighbouring pixels of an image whose pixels are `col` apart.
struct Steps {
  int64_t depth, row, col;
  Steps(const Image& image, int64_t col) : depth(col * image.w * image.h), row(col * image.w), col(col) {}
};

// How many taps a kernel position has: 1 where the kernel itself walks the channels.
struct ChannelTaps {
  int channels;
  int64_t offset;  // floats between neighbouring channels
};

// Rectangles with the taps they point into; those of one range of depths share theirs. Not copyable:
// rectangles hold pointers.
struct Rects {
  std::vector<Rect> rects;
  std::vector<std::vector<Tap>> taps;
  Rects() = default;
  Rects(Rects&&) = default;
  Rects& operator=(Rects&&) = default;
  Rects(const Rects&) = delete;
};

// Steps and channels of what is read and of what is written, in this direction. A tap's index counts kernel
// positions (d, h, w) in order and, innermost, channels.
Rects forward_rects(const Axes& axes, const Steps& src, const Steps& dst, ChannelTaps channels);
Rects backward_data_rects(const Axes& axes, const Steps& src, const Steps& dst, ChannelTaps channels);

// For each kernel position the outputs of a forward pass that see it, with that one tap; a rectangle has no
// rows if none does.
Rects tap_rects(const Axes& axes, const Steps& src, const Steps& dst);

}  // namespace cnnfast
