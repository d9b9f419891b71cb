// Images read at places between their cells: linearly between neighbours, or at the nearest one. Backward
// each row's places add to the cells they read in their order, and get the slopes there.
#include <array>
#include <cmath>

#include "ops/op.h"

namespace cnnfast {

namespace {

constexpr int kMostAxes = 3, kMostCorners = 1 << kMostAxes;
constexpr float kFar = 1 << 30;  // places are held within; no axis is as long

struct Sample {
  Sampling how;
  int axes;
  std::array<int64_t, kMostAxes> sizes;
  int64_t places;                // of a row
  int64_t cells, channels;       // of a source's row
  int64_t cell, channel;         // steps in the source
  int64_t place, place_channel;  // steps in the output
  int64_t src_row, at_row;       // floats from row to row; 0: all read one
  int corners() const { return how.interpolation == Interpolation::nearest ? 1 : 1 << axes; }
};

Sample sample_of(const Builder& b, const Node& node) {
  const auto& attrs = *node.as<SampleAttrs>();
  const Node &src = b.source(node, 0), &at = b.source(node, 1);
  Sample s{};
  s.how = attrs.how;
  s.axes = static_cast<int>(at.dims.back());
  s.places = at.elems() / s.axes;
  const bool first = attrs.channels_first;
  s.channels = first ? src.dims.front() : src.dims.back();
  s.cells = src.elems() / s.channels;
  for (int i = 0; i < s.axes; ++i) s.sizes[static_cast<size_t>(i)] = src.dims[static_cast<size_t>(i) + first];
  s.cell = first ? 1 : s.channels, s.channel = first ? s.cells : 1;
  s.place = first ? 1 : s.channels, s.place_channel = first ? s.places : 1;
  s.src_row = src.rows > 0 ? src.elems() : 0;
  s.at_row = at.rows > 0 ? at.elems() : 0;
  return s;
}

int64_t remainder(int64_t a, int64_t by) {
  const int64_t rest = a % by;
  return rest < 0 ? rest + by : rest;
}

// The cell that stands in for one beyond the border; -1: the fill.
int64_t inside(Beyond beyond, int64_t at, int64_t size) {
  if (at >= 0 && at < size) return at;
  switch (beyond) {
    case Beyond::nearest:
      return at < 0 ? 0 : size - 1;
    case Beyond::wrap:
      return remainder(at, size);
    case Beyond::reflect: {
      const int64_t rest = remainder(at, 2 * size);
      return rest < size ? rest : 2 * size - 1 - rest;
    }
    case Beyond::mirror: {
      const int64_t rest = size == 1 ? 0 : remainder(at, 2 * size - 2);
      return rest < size ? rest : 2 * size - 2 - rest;
    }
    case Beyond::constant:
      break;
  }
  return -1;
}

// A cell that a place reads: where it is in the source's row, -1 for the fill, what it counts, and how that
// changes along each axis.
struct Corner {
  int64_t at;
  float weight;
  std::array<float, kMostAxes> slopes;
};
using Corners = std::array<Corner, kMostCorners>;

// False where the place is no number.
bool find_corners(const Sample& s, const float* place, Corners& corners) {
  std::array<int64_t, kMostAxes> low{};
  std::array<float, kMostAxes> part{};
  const bool nearest = s.how.interpolation == Interpolation::nearest;
  for (size_t i = 0; i < static_cast<size_t>(s.axes); ++i) {
    if (std::isnan(place[i])) return false;
    const float x = std::clamp(place[i], -kFar, kFar);
    const float cell = nearest ? std::round(x) : std::floor(x);
    low[i] = static_cast<int64_t>(cell), part[i] = x - cell;
  }
  for (int k = 0; k < s.corners(); ++k) {
    Corner& corner = corners[static_cast<size_t>(k)];
    corner = {0, 1.0f, {1.0f, 1.0f, 1.0f}};
    for (size_t i = 0; i < static_cast<size_t>(s.axes); ++i) {
      const bool high = k >> i & 1;
      const int64_t at = inside(s.how.beyond, low[i] + high, s.sizes[i]);
      corner.at = at < 0 || corner.at < 0 ? -1 : corner.at * s.sizes[i] + at;
      if (nearest) continue;
      const float weight = high ? part[i] : 1 - part[i];
      corner.weight *= weight;
      for (size_t j = 0; j < static_cast<size_t>(s.axes); ++j)
        corner.slopes[j] *= j != i ? weight : high ? 1.0f : -1.0f;
    }
  }
  return true;
}

float value_at(const Sample& s, const float* src, const Corner& corner, int64_t channel) {
  return corner.at < 0 ? s.how.fill : src[corner.at * s.cell + channel * s.channel];
}

void read_place(const Sample& s, const float* src, const float* place, float* dst) {
  Corners corners;
  const bool known = find_corners(s, place, corners);
  for (int64_t c = 0; c < s.channels; ++c) {
    float sum = known ? 0.0f : NAN;
    for (int k = 0; known && k < s.corners(); ++k) {
      const Corner& corner = corners[static_cast<size_t>(k)];
      sum += corner.weight * value_at(s, src, corner, c);
    }
    dst[c * s.place_channel] = sum;
  }
}

void add_to_cells(const Sample& s, const float* grad, const Corners& corners, float* dst) {
  for (int k = 0; k < s.corners(); ++k) {
    const Corner& corner = corners[static_cast<size_t>(k)];
    if (corner.at < 0) continue;
    for (int64_t c = 0; c < s.channels; ++c)
      dst[corner.at * s.cell + c * s.channel] += corner.weight * grad[c * s.place_channel];
  }
}

// The gradient of a place: how the output changes as it moves.
void find_slopes(const Sample& s, const float* src, const float* grad, const Corners& corners, float* dst) {
  for (int64_t c = 0; c < s.channels; ++c)
    for (int k = 0; k < s.corners(); ++k) {
      const Corner& corner = corners[static_cast<size_t>(k)];
      const float term = grad[c * s.place_channel] * value_at(s, src, corner, c);
      for (int i = 0; i < s.axes; ++i) dst[i] += term * corner.slopes[static_cast<size_t>(i)];
    }
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Sample s = sample_of(b, node);
  const int64_t all = b.rows(node) * s.places, some = std::clamp<int64_t>(kFlatTask / s.channels, 1, all);
  const Buffer from = b.output(node.inputs[0]), at = b.output(node.inputs[1]), to = b.output(value);
  b.step(node, "forward", ceil_div(all, some), {from, at, to}, [=](const Context& c, int64_t task) {
    for (int64_t i = task * some; i < std::min(all, (task + 1) * some); ++i) {
      const int64_t row = i / s.places, place = i % s.places;
      read_place(s, c.at(from) + row * s.src_row, c.at(at) + row * s.at_row + place * s.axes,
                 c.at(to) + row * s.places * s.channels + place * s.place);
    }
  });
}

void backward_image(Builder& b, const Node& node, const Sample& s, Buffer grad) {
  const Buffer at = b.output(node.inputs[1]), to = b.new_grad(node.inputs[0]);
  b.step(node, "backward", b.rows(node), {grad, at, to}, [=](const Context& c, int64_t row) {
    float* const dst = c.at(to) + row * s.src_row;
    std::fill_n(dst, s.cells * s.channels, 0.0f);
    Corners corners;
    for (int64_t i = 0; i < s.places; ++i)
      if (find_corners(s, c.at(at) + row * s.at_row + i * s.axes, corners))
        add_to_cells(s, c.at(grad) + row * s.places * s.channels + i * s.place, corners, dst);
  });
}

// Of places that every row has for itself, or of one row.
void backward_places(Builder& b, const Node& node, const Sample& s, Buffer grad) {
  const int64_t rows = b.rows(node), floats = s.places * s.axes;
  const int64_t some = std::clamp<int64_t>(kFlatTask / s.channels, 1, s.places),
                parts = ceil_div(s.places, some);
  const Buffer from = b.output(node.inputs[0]), at = b.output(node.inputs[1]),
               to = b.new_grad(node.inputs[1]);
  const bool shared = s.at_row == 0;  // then a task adds up all rows
  b.step(node, "backward places", (shared ? 1 : rows) * parts, {from, at, grad, to},
         [=](const Context& c, int64_t task) {
           const int64_t first = task / parts, begin = task % parts * some,
                         end = std::min(s.places, begin + some);
           float* const dst = c.at(to) + first * floats;
           std::fill_n(dst + begin * s.axes, (end - begin) * s.axes, 0.0f);
           if (s.how.interpolation == Interpolation::nearest) return;
           Corners corners;
           for (int64_t row = first; row < (shared ? rows : first + 1); ++row)
             for (int64_t i = begin; i < end; ++i)
               if (find_corners(s, c.at(at) + row * s.at_row + i * s.axes, corners))
                 find_slopes(s, c.at(from) + row * s.src_row,
                             c.at(grad) + row * s.places * s.channels + i * s.place, corners,
                             dst + i * s.axes);
         });
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Sample s = sample_of(b, node);
  const Buffer grad = b.grad(value);
  if (b.needs_grad(node.inputs[0])) backward_image(b, node, s, grad);
  if (b.needs_grad(node.inputs[1])) backward_places(b, node, s, grad);
}

}  // namespace

const Op kSampleOp{"sample", forward, backward};

}  // namespace cnnfast
