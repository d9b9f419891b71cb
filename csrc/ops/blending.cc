#include "ops/blending.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cnnfast {

namespace {

// The way from a cell's centre to the next in the source, as a fraction: above / below.
struct Stride {
  double above, below;
};

Stride stride_of(const Resizing& how, int64_t from, int64_t to) {
  if (how.coordinates == Coordinates::align_corners)
    return {static_cast<double>(from - 1), static_cast<double>(std::max<int64_t>(to - 1, 1))};
  if (how.step != 0) return {how.step, 1};
  return {static_cast<double>(from), static_cast<double>(to)};
}

// Where a cell's centre lies in the source: from the centre of its first cell on, or with half_pixel from its
// border. One division of whole numbers, so that what falls between two cells does so exactly.
double place_of(Coordinates coordinates, int64_t i, Stride stride) {
  const double cells = static_cast<double>(i) + (coordinates == Coordinates::half_pixel ? 0.5 : 0.0);
  return cells * stride.above / stride.below;
}

int64_t nearest(Coordinates coordinates, int64_t i, Stride stride, int64_t from) {
  const double rounding = coordinates == Coordinates::align_corners ? 0.5 : 0.0;
  return std::min(static_cast<int64_t>(place_of(coordinates, i, stride) + rounding), from - 1);
}

int radius_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::cubic:
      return 2;
    case Interpolation::lanczos3:
      return 3;
    case Interpolation::lanczos5:
      return 5;
    case Interpolation::nearest:
    case Interpolation::linear:
      break;
  }
  return 1;
}

double keys(double x, double a) {
  return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

double lanczos(double x, int radius) {
  if (x < 1e-9) return 1;
  const double angle = std::numbers::pi * x;
  return radius * std::sin(angle) * std::sin(angle / radius) / (angle * angle);
}

// What a cell counts at a distance, as a multiple of a cell's size.
double weight_at(const Resizing& how, double distance) {
  const double x = std::abs(distance);
  const int radius = radius_of(how.interpolation);
  if (x >= radius) return 0;
  if (how.interpolation == Interpolation::linear) return 1 - x;
  return how.interpolation == Interpolation::cubic ? keys(x, static_cast<double>(how.cubic))
                                                   : lanczos(x, radius);
}

// The cells that count around a centre, of which what lies beyond the border goes to the last cell or is left
// out; they sum to 1, and first and last are not 0.
struct Run {
  int64_t first;
  std::vector<double> weights;
};

Run run_of(const Resizing& how, double centre, double stretch, int64_t from) {
  const double reach = radius_of(how.interpolation) * stretch;
  const auto begin = static_cast<int64_t>(std::ceil(centre - reach));
  const auto end = static_cast<int64_t>(std::floor(centre + reach)) + 1;
  const int64_t first = std::clamp<int64_t>(begin, 0, from - 1),
                last = std::clamp<int64_t>(end - 1, 0, from - 1);
  Run run{first, std::vector<double>(static_cast<size_t>(last - first + 1))};
  double sum = 0;
  for (int64_t cell = begin; cell < end; ++cell) {
    const int64_t inside = std::clamp<int64_t>(cell, 0, from - 1);
    if (inside != cell && !how.repeats) continue;
    const double weight = weight_at(how, (static_cast<double>(cell) - centre) / stretch);
    run.weights[static_cast<size_t>(inside - first)] += weight, sum += weight;
  }
  for (double& weight : run.weights) weight /= sum;
  while (run.weights.back() == 0) run.weights.pop_back();
  while (run.weights.front() == 0) run.weights.erase(run.weights.begin()), ++run.first;
  return run;
}

void append(Blending& to, int64_t first, const std::vector<double>& weights) {
  to.cells.push_back({static_cast<int32_t>(first), static_cast<int32_t>(weights.size()),
                      static_cast<int32_t>(to.weights.size())});
  for (const double weight : weights) to.weights.push_back(static_cast<float>(weight));
}

}  // namespace

Blending blending_of(const Resizing& how, int64_t from, int64_t to) {
  Blending made;
  const Stride stride = stride_of(how, from, to);
  const double stretch = how.antialias ? std::max(stride.above / stride.below, 1.0) : 1.0;
  const double border = how.coordinates == Coordinates::half_pixel ? 0.5 : 0.0;
  for (int64_t i = 0; i < to; ++i) {
    if (how.interpolation == Interpolation::nearest) {
      append(made, nearest(how.coordinates, i, stride, from), {1.0});
      continue;
    }
    const Run run = run_of(how, place_of(how.coordinates, i, stride) - border, stretch, from);
    append(made, run.first, run.weights);
  }
  return made;
}

Blending transposed(const Blending& blending, int64_t from) {
  Blending made;
  made.cells.assign(static_cast<size_t>(from), {0, 0, 0});
  const auto n = static_cast<int32_t>(blending.cells.size());
  for (int32_t i = 0; i < n; ++i) {
    const BlendedCell& read = blending.cells[static_cast<size_t>(i)];
    for (int32_t t = 0; t < read.count; ++t) {
      BlendedCell& cell = made.cells[static_cast<size_t>(read.first + t)];
      if (cell.count == 0) cell.first = i;
      cell.count = i - cell.first + 1;
    }
  }
  int32_t end = 0;
  for (BlendedCell& cell : made.cells) cell.weights_at = end, end += cell.count;
  made.weights.assign(static_cast<size_t>(end), 0.0f);
  for (int32_t i = 0; i < n; ++i) {
    const BlendedCell& read = blending.cells[static_cast<size_t>(i)];
    for (int32_t t = 0; t < read.count; ++t) {
      const BlendedCell& cell = made.cells[static_cast<size_t>(read.first + t)];
      made.weights[static_cast<size_t>(cell.weights_at + i - cell.first)] =
          blending.weights[static_cast<size_t>(read.weights_at + t)];
    }
  }
  return made;
}

}  // namespace cnnfast
