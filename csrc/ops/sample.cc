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
};

// What the loops over corners are made for.
template <int kAxes, bool kNearest>
struct Kind {
  static constexpr int axes = kAxes, corners = kNearest ? 1 : 1 << kAxes;
  static constexpr bool nearest = kNearest;
};

template <class Body>
void with_kind(const Sample& s, Body body) {
  const bool nearest = s.how.interpolation == Interpolation::nearest;
  if (s.axes == 1)
    nearest ? body(Kind<1, true>{}) : body(Kind<1, false>{});
  else if (s.axes == 2)
    nearest ? body(Kind<2, true>{}) : body(Kind<2, false>{});
  else
    nearest ? body(Kind<3, true>{}) : body(Kind<3, false>{});
}

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

// The cell at a place or before it, or the nearest one. The library's functions are calls on old CPUs.
template <class K>
int32_t cell_of(float x) {
  if (K::nearest) return static_cast<int32_t>(static_cast<double>(x) + (x < 0 ? -0.5 : 0.5));
  const auto cell = static_cast<int32_t>(x);
  return cell - (x < static_cast<float>(cell));
}

// False where the place is no number. Slopes are found where they are asked for.
template <class K, bool kSlopes = false>
bool find_corners(const Sample& s, const float* place, Corners& corners) {
  std::array<std::array<int64_t, K::axes>, 2> cells;  // low and high, along each axis
  std::array<std::array<float, K::axes>, 2> weights;
  for (size_t i = 0; i < K::axes; ++i) {
    if (std::isnan(place[i])) return false;
    const float x = std::clamp(place[i], -kFar, kFar);
    const int32_t low = cell_of<K>(x);
    cells[0][i] = inside(s.how.beyond, low, s.sizes[i]);
    if (!K::nearest) cells[1][i] = inside(s.how.beyond, low + 1, s.sizes[i]);
    weights[1][i] = x - static_cast<float>(low), weights[0][i] = 1 - weights[1][i];
  }
  for (size_t k = 0; k < K::corners; ++k) {
    int64_t at = 0;
    float weight = 1;
    for (size_t i = 0; i < K::axes; ++i) {
      const int64_t cell = cells[k >> i & 1][i];
      at = at < 0 || cell < 0 ? -1 : at * s.sizes[i] + cell;
      if (!K::nearest) weight *= weights[k >> i & 1][i];
    }
    corners[k].at = at, corners[k].weight = weight;
    for (size_t j = 0; kSlopes && j < K::axes; ++j) {
      float slope = k >> j & 1 ? 1.0f : -1.0f;
      for (size_t i = 0; i < K::axes; ++i)
        if (i != j) slope *= weights[k >> i & 1][i];
      corners[k].slopes[j] = slope;
    }
  }
  return true;
}

float value_at(const Sample& s, const float* src, const Corner& corner, int64_t channel) {
  return corner.at < 0 ? s.how.fill : src[corner.at * s.cell + channel * s.channel];
}

template <class K>
void read_place(const Sample& s, const float* src, const float* place, float* dst) {
  Corners corners;
  const bool known = find_corners<K>(s, place, corners);
  for (int64_t c = 0; c < s.channels; ++c) {
    float sum = known ? 0.0f : NAN;
    for (size_t k = 0; known && k < K::corners; ++k)
      sum += corners[k].weight * value_at(s, src, corners[k], c);
    dst[c * s.place_channel] = sum;
  }
}

template <class K>
void add_to_cells(const Sample& s, const float* grad, const Corners& corners, float* dst) {
  for (size_t k = 0; k < K::corners; ++k) {
    if (corners[k].at < 0) continue;
    for (int64_t c = 0; c < s.channels; ++c)
      dst[corners[k].at * s.cell + c * s.channel] += corners[k].weight * grad[c * s.place_channel];
  }
}

// The gradient of a place: how the output changes as it moves.
template <class K>
void find_slopes(const Sample& s, const float* src, const float* grad, const Corners& corners, float* dst) {
  for (int64_t c = 0; c < s.channels; ++c)
    for (size_t k = 0; k < K::corners; ++k) {
      const float term = grad[c * s.place_channel] * value_at(s, src, corners[k], c);
      for (size_t i = 0; i < K::axes; ++i) dst[i] += term * corners[k].slopes[i];
    }
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Sample s = sample_of(b, node);
  const int64_t all = b.rows(node) * s.places, some = std::clamp<int64_t>(kFlatTask / s.channels, 1, all);
  const Buffer from = b.output(node.inputs[0]), at = b.output(node.inputs[1]), to = b.output(value);
  b.step(node, "forward", ceil_div(all, some), {from, at, to}, [=](const Context& c, int64_t task) {
    with_kind(s, [&](auto kind) {
      for (int64_t i = task * some; i < std::min(all, (task + 1) * some); ++i) {
        const int64_t row = i / s.places, place = i % s.places;
        read_place<decltype(kind)>(s, c.at(from) + row * s.src_row,
                                   c.at(at) + row * s.at_row + place * s.axes,
                                   c.at(to) + row * s.places * s.channels + place * s.place);
      }
    });
  });
}

void backward_image(Builder& b, const Node& node, const Sample& s, Buffer grad) {
  const Buffer at = b.output(node.inputs[1]), to = b.new_grad(node.inputs[0]);
  b.step(node, "backward", b.rows(node), {grad, at, to}, [=](const Context& c, int64_t row) {
    float* const dst = c.at(to) + row * s.src_row;
    std::fill_n(dst, s.cells * s.channels, 0.0f);
    with_kind(s, [&](auto kind) {
      using K = decltype(kind);
      Corners corners;
      for (int64_t i = 0; i < s.places; ++i)
        if (find_corners<K>(s, c.at(at) + row * s.at_row + i * s.axes, corners))
          add_to_cells<K>(s, c.at(grad) + row * s.places * s.channels + i * s.place, corners, dst);
    });
  });
}

// Of places that every row has for itself, or of one row, for which a task adds up all rows.
void backward_places(Builder& b, const Node& node, const Sample& s, Buffer grad) {
  const bool shared = s.at_row == 0;
  const int64_t rows = b.rows(node), floats = s.places * s.axes;
  const int64_t some = std::clamp<int64_t>(kFlatTask / s.channels, 1, s.places);
  const int64_t parts = ceil_div(s.places, some), tasks = (shared ? 1 : rows) * parts;
  const Buffer from = b.output(node.inputs[0]), at = b.output(node.inputs[1]);
  const Buffer to = b.new_grad(node.inputs[1]);
  b.step(node, "backward places", tasks, {from, at, grad, to}, [=](const Context& c, int64_t task) {
    const int64_t first = task / parts, begin = task % parts * some, end = std::min(s.places, begin + some);
    float* const dst = c.at(to) + first * floats;
    std::fill_n(dst + begin * s.axes, (end - begin) * s.axes, 0.0f);
    with_kind(s, [&](auto kind) {
      using K = decltype(kind);
      if (K::nearest) return;
      Corners corners;
      for (int64_t row = first; row < (shared ? rows : first + 1); ++row)
        for (int64_t i = begin; i < end; ++i)
          if (find_corners<K, true>(s, c.at(at) + row * s.at_row + i * s.axes, corners))
            find_slopes<K>(s, c.at(from) + row * s.src_row,
                           c.at(grad) + row * s.places * s.channels + i * s.place, corners, dst + i * s.axes);
    });
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
