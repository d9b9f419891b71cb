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

std::vector<Segment> forward_segments(const Axis& axis);        // outputs are the convolution's
std::vector<Segment> backward_data_segments(const Axis& axis);  // outputs are the convolution's inputs

// Floats between neighbours.
struct Steps {
  int64_t row, col;
};

// How a tap of kernel position (h, w) and, for batch-in-lanes kernels, channel c is numbered and found.
struct TapOrder {
  int kernel_w;
  int channels;            // taps a kernel position: 1 where the kernel itself walks the channels
  int64_t channel_offset;  // floats between the planes of neighbouring channels
};

// Rectangles with the taps they point into. Not copyable: rectangles hold pointers.
struct Rects {
  std::vector<Rect> rects;
  std::vector<std::vector<Tap>> taps;
  Rects() = default;
  Rects(Rects&&) = default;
  Rects& operator=(Rects&&) = default;
  Rects(const Rects&) = delete;
};

Rects make_rects(const std::vector<Segment>& rows, const std::vector<Segment>& cols, Steps src, Steps dst,
                 const TapOrder& order);

}  // namespace cnnfast
