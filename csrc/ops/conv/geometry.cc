#include "ops/conv/geometry.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>

#include "cnnfast/error.h"
#include "core/sizes.h"

namespace cnnfast {

namespace {

// Outputs first, first + step, ... (count of them); output j reads source base + j * src_step + shift of a
// tap, if that lies inside [0, extent). Shifts rise or fall from tap to tap, so that an output's taps are
// neighbours.
struct Line {
  int first, step, count;
  int64_t base;
  int src_step, extent;

  // The first output that reads no longer before `end` through this shift.
  int first_from(int64_t end, int shift) const {
    const int64_t way = end - base - shift;
    return way <= 0 ? 0 : static_cast<int>(std::min<int64_t>(count, (way + src_step - 1) / src_step));
  }
  int begin(const Segment::AxisTap& tap) const { return first_from(0, tap.shift); }
  int end(const Segment::AxisTap& tap) const { return first_from(extent, tap.shift); }
};

// What a list of taps and its rectangle take, in taps.
constexpr int64_t kRectTaps = 16;

struct Segments {
  std::vector<Segment> all;
  int64_t taps = 0;
  bool too_many() const { return std::max(taps, static_cast<int64_t>(all.size()) * kRectTaps) > kMostTaps; }

  // Cuts the outputs into runs with equal valid taps.
  void cut(const Line& line, const std::vector<Segment::AxisTap>& given) {
    std::vector<int> borders{0, line.count};
    for (const auto& tap : given)
      if (const int begin = line.begin(tap), end = line.end(tap); begin < end)
        borders.push_back(begin), borders.push_back(end);
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    const bool falling = given.size() > 1 && given.front().shift > given.back().shift;
    for (size_t i = 0; i + 1 < borders.size() && !too_many(); ++i) {
      const int j = borders[i];
      const auto place = [&](const auto& before) {
        return std::partition_point(given.begin(), given.end(), before);
      };
      const auto begun = [&](const auto& tap) { return line.begin(tap) <= j; };
      const auto ended = [&](const auto& tap) { return line.end(tap) <= j; };
      const auto first = falling ? place(ended) : place(std::not_fn(begun));
      const auto last = falling ? place(begun) : place(std::not_fn(ended));
      taps += last - first;
      all.push_back({line.first + j * line.step,
                     line.step,
                     borders[i + 1] - j,
                     static_cast<int>(line.base + int64_t{j} * line.src_step),
                     line.src_step,
                     {first, last}});
    }
  }

  // Phases [begin, end) of a stride, which no output reads: as few runs as there may be.
  void cut_unread(int begin, int end, const Axis& a) {
    const int periods = (a.in - begin + a.stride - 1) / a.stride;
    for (int phase = begin; end - begin <= periods && phase < end && !too_many(); ++phase)
      cut({phase, a.stride, (a.in - phase + a.stride - 1) / a.stride, 0, 1, a.out}, {});
    for (int at = begin; end - begin > periods && at < a.in && !too_many(); at += a.stride)
      cut({at, 1, std::min(end - begin, a.in - at), 0, 1, a.out}, {});
  }
};

// Of the rectangles of a direction.
int64_t count_taps(const Axes& axes, std::vector<Segment> (*segments)(const Axis&), int depth) {
  int64_t taps = 1, rects = int64_t{depth} * kRectTaps;
  for (const Axis* axis : {&axes.depth, &axes.rows, &axes.cols}) {
    const std::vector<Segment> all = segments(*axis);
    int64_t own = 0;
    for (const Segment& segment : all) own += static_cast<int64_t>(segment.taps.size());
    taps = product(taps, own);
    if (axis != &axes.depth) rects = product(rects, static_cast<int64_t>(all.size()));
  }
  return std::max(taps, rects);
}

int32_t to_offset(int64_t floats) {
  checked_size(std::abs(floats), std::numeric_limits<int32_t>::max(),
               "the distance between two inputs of a convolution, in floats,");
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
  Segments alone;
  alone.cut({0, 1, a.out, int64_t{at} * a.dilation - a.before, a.stride, a.in}, {{at, 0}});
  for (const Segment& segment : alone.all)
    if (!segment.taps.empty()) return segment;
  return {0, 1, 0, 0, a.stride, {{at, 0}}};
}

}  // namespace

std::vector<Segment> forward_segments(const Axis& a) {
  std::vector<Segment::AxisTap> taps;
  for (int k = 0; k < a.kernel; ++k) taps.push_back({k, k * a.dilation});
  Segments segments;
  segments.cut({0, 1, a.out, -int64_t{a.before}, a.stride, a.in}, taps);
  return segments.all;
}

std::vector<Segment> backward_data_segments(const Axis& a) {
  // Input phase + stride * j was read by output j + (phase + before - k * dilation) / stride, where that
  // divides.
  std::map<int, std::vector<Segment::AxisTap>> phases;
  for (int k = 0; k < a.kernel && static_cast<int64_t>(phases.size()) * kRectTaps <= kMostTaps; ++k) {
    const int64_t origin = int64_t{k} * a.dilation - a.before;
    const int phase = static_cast<int>((origin % a.stride + a.stride) % a.stride);
    if (phase < a.in) phases[phase].push_back({k, static_cast<int>((phase - origin) / a.stride)});
  }
  Segments segments;
  int next = 0;
  for (const auto& [phase, taps] : phases) {
    segments.cut_unread(next, phase, a);
    segments.cut({phase, a.stride, (a.in - phase + a.stride - 1) / a.stride, 0, 1, a.out}, taps);
    next = phase + 1;
  }
  segments.cut_unread(next, std::min(a.stride, a.in), a);
  return segments.all;
}

int64_t count_taps(const Axes& axes) {
  const int64_t positions =
      product(Dims{axes.depth.kernel, axes.rows.kernel, axes.cols.kernel, kRectTaps});  // of tap_rects
  if (positions > kMostTaps) return positions;
  return std::max({positions, count_taps(axes, forward_segments, axes.depth.out),
                   count_taps(axes, backward_data_segments, axes.depth.in)});
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
