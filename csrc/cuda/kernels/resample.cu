// Images between their cells: an axis in another size by weights that were told before, and reads at places
// that are computed. Backward nothing is scattered: a cell of the source finds those who read it, by the
// transposed weights or in the sorted list of the cells that places read, and adds them up in their order.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/sorted.cuh"

namespace cnnfast::cuda {

void blend(cudaStream_t stream, const Blended& b, const float* from, float* to) {
  each(stream, b.outer * b.to * b.inner, [=] __device__(int64_t i) {
    const int64_t outer = i / b.inner / b.to;
    const BlendedCell cell = b.cells[i / b.inner % b.to];
    const float* const first = from + (outer * b.from + cell.first) * b.inner + i % b.inner;
    float sum = 0;
    for (int t = 0; t < cell.count; ++t) sum += b.weights[cell.weights_at + t] * first[t * b.inner];
    to[i] = sum;
  });
}

namespace {

constexpr float kFar = 1 << 30;  // places are held within; no axis is as long

__device__ int64_t remainder_of(int64_t a, int64_t by) {
  const int64_t rest = a % by;
  return rest < 0 ? rest + by : rest;
}

// The cell that stands in for one beyond the border; -1: the fill.
__device__ int64_t inside(Border border, int64_t at, int64_t size) {
  if (at >= 0 && at < size) return at;
  int64_t rest = 0;
  switch (border) {
    case Border::nearest:
      return at < 0 ? 0 : size - 1;
    case Border::wrap:
      return remainder_of(at, size);
    case Border::reflect:
      rest = remainder_of(at, 2 * size);
      return rest < size ? rest : 2 * size - 1 - rest;
    case Border::mirror:
      rest = size == 1 ? 0 : remainder_of(at, 2 * size - 2);
      return rest < size ? rest : 2 * size - 2 - rest;
    case Border::constant:
      break;
  }
  return -1;
}

// Along one axis: the cells at and behind a place, and how near it is to the second.
struct Neighbours {
  int64_t cells[2];
  float weights[2];
};
__device__ Neighbours neighbours_of(const Sampled& s, int axis, float place) {
  const float x = place < -kFar ? -kFar : (place > kFar ? kFar : place);
  const auto low = static_cast<int64_t>(s.nearest ? trunc(static_cast<double>(x) + (x < 0 ? -0.5 : 0.5))
                                                  : static_cast<double>(floorf(x)));
  const float high = x - static_cast<float>(low);
  return {{inside(s.border, low, s.sizes[axis]), inside(s.border, low + 1, s.sizes[axis])}, {1 - high, high}};
}

__device__ bool is_known(const Sampled& s, const float* place) {
  for (int i = 0; i < s.axes; ++i)
    if (isnan(place[i])) return false;
  return true;
}

// A cell that a place reads: where it is in the source's row, -1 for the fill, and what it counts. Corner k
// takes the second neighbour along axis i where bit i is set.
struct Corner {
  int64_t at;
  float weight;
};
__device__ Corner corner_of(const Sampled& s, const Neighbours* around, int k) {
  Corner corner{0, 1};
  for (int i = 0; i < s.axes; ++i) {
    const int64_t cell = around[i].cells[k >> i & 1];
    corner.at = corner.at < 0 || cell < 0 ? -1 : corner.at * s.sizes[i] + cell;
    if (!s.nearest) corner.weight *= around[i].weights[k >> i & 1];
  }
  return corner;
}

// How what a corner counts changes along an axis.
__device__ float slope_of(const Sampled& s, const Neighbours* around, int k, int axis) {
  float slope = k >> axis & 1 ? 1.0f : -1.0f;
  for (int i = 0; i < s.axes; ++i)
    if (i != axis) slope *= around[i].weights[k >> i & 1];
  return slope;
}

__device__ void find_neighbours(const Sampled& s, const float* place, Neighbours* around) {
  for (int i = 0; i < s.axes; ++i) around[i] = neighbours_of(s, i, place[i]);
}

__host__ __device__ int corners_of(const Sampled& s) {
  return s.nearest ? 1 : 1 << s.axes;
}

__device__ float value_at(const Sampled& s, const float* src, int64_t at, int64_t channel) {
  return at < 0 ? s.fill : src[at * s.cell + channel * s.channel];
}

// Of a number of the output: row, place and channel.
struct Read {
  int64_t row, place, channel;
};
__device__ Read read_of(const Sampled& s, int64_t i) {
  const int64_t row = i / (s.places * s.channels), rest = i % (s.places * s.channels);
  if (s.place == 1) return {row, rest % s.places, rest / s.places};
  return {row, rest / s.channels, rest % s.channels};
}

// Lists of the corners' cells and weights, as the sorting wants them: one for each row of places.
int64_t lists_of(const Sampled& s) {
  return s.at_row == 0 ? 1 : s.rows;
}

}  // namespace

void sample(cudaStream_t stream, const Sampled& s, const float* src, const float* places, float* to) {
  each(stream, s.rows * s.places * s.channels, [=] __device__(int64_t i) {
    const Read r = read_of(s, i);
    const float* const place = places + r.row * s.at_row + r.place * s.axes;
    if (!is_known(s, place)) return static_cast<void>(to[i] = nanf(""));
    Neighbours around[kMostSampledAxes];
    find_neighbours(s, place, around);
    float sum = 0;
    for (int k = 0; k < corners_of(s); ++k) {
      const Corner corner = corner_of(s, around, k);
      sum += corner.weight * value_at(s, src + r.row * s.src_row, corner.at, r.channel);
    }
    to[i] = sum;
  });
}

int64_t sample_scratch(const Sampled& s) {
  const int64_t lists = lists_of(s), reads = s.places * corners_of(s);
  return 2 * lists * reads + sorting_scratch(lists, reads);
}

void sample_grad(cudaStream_t stream, const Sampled& s, const float* grad, const float* places,
                 float* scratch, float* to) {
  const int64_t lists = lists_of(s), reads = s.places * corners_of(s), n = lists * reads;
  float* const weights = scratch;
  auto* const cells = reinterpret_cast<int32_t*>(scratch + n);
  each(stream, lists * s.places, [=] __device__(int64_t i) {
    const float* const place = places + i * s.axes;
    const bool known = is_known(s, place);
    Neighbours around[kMostSampledAxes];
    if (known) find_neighbours(s, place, around);
    for (int k = 0; k < corners_of(s); ++k) {
      const Corner corner = known ? corner_of(s, around, k) : Corner{-1, 0};
      cells[i * corners_of(s) + k] = static_cast<int32_t>(corner.at);
      weights[i * corners_of(s) + k] = corner.weight;
    }
  });
  const Givers givers = sorted_givers(stream, cells, lists, reads, cells + n);
  each(stream, s.rows * s.cells * s.channels, [=] __device__(int64_t i) {
    const int64_t row = i / (s.cells * s.channels), rest = i % (s.cells * s.channels);
    const int64_t cell = s.cell == 1 ? rest % s.cells : rest / s.channels;
    const int64_t channel = s.cell == 1 ? rest / s.cells : rest % s.channels;
    const int64_t list = s.at_row == 0 ? 0 : row;
    const float* const from = grad + row * s.places * s.channels + channel * s.place_channel;
    to[row * s.src_row + cell * s.cell + channel * s.channel] = sum_of_givers(
        givers, list, static_cast<int32_t>(cell),
        [&](int32_t read) { return weights[list * reads + read] * from[read / corners_of(s) * s.place]; });
  });
}

void sample_grad_places(cudaStream_t stream, const Sampled& s, const float* src, const float* grad,
                        const float* places, float* to) {
  const bool shared = s.at_row == 0;
  each(stream, lists_of(s) * s.places, [=] __device__(int64_t i) {
    const float* const place = places + i * s.axes;
    float slopes[kMostSampledAxes] = {};
    Neighbours around[kMostSampledAxes];
    const bool moves = !s.nearest && is_known(s, place);
    if (moves) find_neighbours(s, place, around);
    const int64_t first = shared ? 0 : i / s.places, end = shared ? s.rows : first + 1;
    for (int64_t row = first; moves && row < end; ++row)
      for (int64_t c = 0; c < s.channels; ++c) {
        const float by = grad[(row * s.places * s.channels) + i % s.places * s.place + c * s.place_channel];
        for (int k = 0; k < corners_of(s); ++k) {
          const float term = by * value_at(s, src + row * s.src_row, corner_of(s, around, k).at, c);
          for (int j = 0; j < s.axes; ++j) slopes[j] += term * slope_of(s, around, k, j);
        }
      }
    for (int j = 0; j < s.axes; ++j) to[i * s.axes + j] = slopes[j];
  });
}

}  // namespace cnnfast::cuda
