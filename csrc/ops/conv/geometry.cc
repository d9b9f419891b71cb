#include "ops/conv/geometry.h"

#include <limits>

#include "cnnfast/error.h"

namespace cnnfast {

namespace {

// Cuts outputs first, first + step, ... below `end` into runs with equal valid taps. Tap t of output j reads
// source base + j * src_step + shift(t), valid inside [0, extent).
void cut(int first, int step, int end, int base, int src_step, int extent,
         const std::vector<Segment::AxisTap>& taps, std::vector<Segment>* out) {
  Segment* open = nullptr;
  for (int j = 0, at = first; at < end; ++j, at += step) {
    std::vector<Segment::AxisTap> valid;
    for (const auto& tap : taps) {
      const int64_t src = int64_t{base} + int64_t{j} * src_step + tap.shift;
      if (src >= 0 && src < extent) valid.push_back(tap);
    }
    if (open && open->taps == valid) {
      ++open->count;
    } else {
      out->push_back({at, step, 1, base + j * src_step, src_step, std::move(valid)});
      open = &out->back();
    }
  }
}

int32_t to_offset(int64_t floats) {
  if (floats > std::numeric_limits<int32_t>::max() || floats < std::numeric_limits<int32_t>::min())
    fail("a sample of ", floats, " floats is too large for a convolution; the limit is 2^31.");
  return static_cast<int32_t>(floats);
}

std::vector<Tap> taps_of(const Segment& d, const Segment& h, const Segment& w, const Axes& axes,
                         const Steps& src, ChannelTaps channels) {
  std::vector<Tap> taps;
  for (int c = 0; c < channels.channels; ++c)
    for (const auto& td : d.taps)
      for (const auto& th : h.taps)
        for (const auto& tw : w.taps) {
          const int position = (td.at * axes.rows.kernel + th.at) * axes.cols.kernel + tw.at;
          taps.push_back({to_offset(c * channels.offset + td.shift * src.depth + th.shift * src.row +
                                    tw.shift * src.col),
                          position * channels.channels + c});
        }
  return taps;
}

// All ranges of depths share the taps.
void add_rects(Rects& made, std::vector<Tap> taps, const Segment& d, const Segment& h, const Segment& w,
               const Steps& src, const Steps& dst) {
  made.taps.push_back(std::move(taps));
  Rect rect{};
  rect.taps = made.taps.back().data();  // a vector's elements stay where they are when it is moved
  rect.n_taps = static_cast<int32_t>(made.taps.back().size());
  rect.src_row = h.src_step * src.row, rect.src_col = w.src_step * src.col;
  rect.dst_row = h.step * dst.row, rect.dst_col = w.step * dst.col;
  rect.rows = h.count, rect.cols = w.count;
  for (int z = 0; z < d.count; ++z) {
    rect.src0 = (d.src + z * d.src_step) * src.depth + h.src * src.row + w.src * src.col;
    rect.dst0 = (d.first + z * d.step) * dst.depth + h.first * dst.row + w.first * dst.col;
    made.rects.push_back(rect);
  }
}

Rects make_rects(const Axes& axes, std::vector<Segment> (*segments)(const Axis&), const Steps& src,
                 const Steps& dst, ChannelTaps channels) {
  const std::vector<Segment> rows = segments(axes.rows), cols = segments(axes.cols);
  Rects made;
  for (const Segment& d : segments(axes.depth))
    for (const Segment& h : rows)
      for (const Segment& w : cols) add_rects(made, taps_of(d, h, w, axes, src, channels), d, h, w, src, dst);
  return made;
}

// The outputs that read through one kernel position.
Segment seen_by(const Axis& a, int at) {
  std::vector<Segment> alone;
  cut(0, 1, a.out, at * a.dilation - a.before, a.stride, a.in, {{at, 0}}, &alone);
  for (const Segment& segment : alone)
    if (!segment.taps.empty()) return segment;
  return {0, 1, 0, 0, a.stride, {{at, 0}}};
}

}  // namespace

std::vector<Segment> forward_segments(const Axis& a) {
  std::vector<Segment::AxisTap> taps;
  for (int k = 0; k < a.kernel; ++k) taps.push_back({k, k * a.dilation});
  std::vector<Segment> segments;
  cut(0, 1, a.out, -a.before, a.stride, a.in, taps, &segments);
  return segments;
}

std::vector<Segment> backward_data_segments(const Axis& a) {
  std::vector<Segment> segments;
  for (int phase = 0; phase < a.stride && phase < a.in; ++phase) {
    // Input phase + stride * j was read by output j + (phase + before - k * dilation) / stride, where that
    // divides.
    std::vector<Segment::AxisTap> taps;
    for (int k = 0; k < a.kernel; ++k) {
      const int distance = phase + a.before - k * a.dilation;
      if (distance % a.stride == 0) taps.push_back({k, distance / a.stride});
    }
    cut(phase, a.stride, a.in, 0, 1, a.out, taps, &segments);
  }
  return segments;
}

Rects forward_rects(const Axes& axes, const Steps& src, const Steps& dst, ChannelTaps channels) {
  return make_rects(axes, forward_segments, src, dst, channels);
}

Rects tap_rects(const Axes& axes, const Steps& src, const Steps& dst) {
  Rects made;
  for (int z = 0; z < axes.depth.kernel; ++z)
    for (int y = 0; y < axes.rows.kernel; ++y)
      for (int x = 0; x < axes.cols.kernel; ++x) {
        const Segment d = seen_by(axes.depth, z), h = seen_by(axes.rows, y), w = seen_by(axes.cols, x);
        add_rects(made, taps_of(d, h, w, axes, src, {1, 0}), d, h, w, src, dst);
      }
  return made;
}

Rects backward_data_rects(const Axes& axes, const Steps& src, const Steps& dst, ChannelTaps channels) {
  return make_rects(axes, backward_data_segments, src, dst, channels);
}

}  // namespace cnnfast
