// Convolutions of groups of few channels, depthwise ones first, in all directions. There is little to
// compute: a result of a 3 x 3 depthwise layer is 9 products, and the 8 bytes that are read and written for
// it take an A100 the time of 50 products, of 25 loads that the first cache answers, or of 100 instructions.
// So nothing is staged or multiplied by tensor cores; what counts is that neighbours in a warp have
// neighbours in memory, and few loads and instructions a result. A thread makes a strip of results, one below
// the other: the taps of these overlap, so that a column of the source is loaded once for all of them, into
// registers, and where the strip lies is told once. By a result of a 3 x 3 kernel that is 4.5 loads of the
// source and 2.25 of weights.
#include <utility>

#include "cuda/kernels/conv.cuh"
#include "cuda/kernels/sum.cuh"

namespace cnnfast::cuda {

namespace {

constexpr int kStrip = 4;             // results of a thread
constexpr int64_t kManyBlocks = 512;  // several for each processor of a GPU

// Strips run along the height, or, where images are lines, along the width: these two change places, which
// moves nothing in memory.
Convolution upright(Convolution c) {
  if (c.kernel[1] != 1 || c.in[1] != 1 || c.out[1] != 1) return c;
  for (auto* const axes : {&c.in, &c.out, &c.kernel, &c.stride, &c.padding, &c.dilation})
    std::swap((*axes)[1], (*axes)[2]);
  std::swap(c.src.row, c.src.pixel);
  std::swap(c.dst.row, c.dst.pixel);
  return c;
}

// How rows of results make strips: those of one are `step` apart, so that the taps of one are those of the
// next, `spacing` rows of the other side on.
struct Strips {
  int step, spacing, count;
  Strips(int rows, int step, int spacing)
      : step(step), spacing(spacing), count((rows + kStrip * step - 1) / (kStrip * step) * step) {}
  __device__ int first(int strip) const { return strip / step * (kStrip * step) + strip % step; }
};

// Of outputs by windows of kHigh taps: of all of the kernel's, or, where these do not line up, of one.
Strips forward_strips(const Convolution& c, int high) {
  if (high == 1) return {c.out[1], 1, c.stride[1]};
  return c.stride[1] == 1 ? Strips(c.out[1], c.dilation[1], c.dilation[1]) : Strips(c.out[1], 1, 1);
}
// Of sources. Those that a stride's tap sees are as far apart as the stride.
Strips backward_strips(const Convolution& c, int high) {
  if (high == 1) return {c.in[1], c.stride[1], 1};
  return {c.in[1], c.dilation[1], c.dilation[1]};
}

// ---- Forward and back ----

struct Pass : Way {
  Strips strips;
  int own;  // channels of a group of results

  Pass(const Convolution& c, bool backward, int high)
      : Way(c, backward),
        strips(backward ? backward_strips(c, high) : forward_strips(c, high)),
        own(channels / c.groups) {}
  // A strip, as the first cell of it, of a number: neighbours are neighbours in memory.
  __device__ Cell strip(int64_t i) const {
    Cell at = cell_of(i, to.channel == 1 ? channels : 1, to_size[0], strips.count, to_size[2]);
    if (to.channel != 1) at.c = static_cast<int>(at.n % channels), at.n /= channels;
    at.h = strips.first(at.h);
    return at;
  }
  // Where the weights of a result's channel begin, and how far they are apart.
  __device__ int64_t weights(int channel) const {
    return backward ? int64_t{channel % own} * c.oc + channel / own * terms : channel;
  }
  __device__ int64_t by_term() const { return backward ? 1 : c.oc; }
  __device__ int64_t by_tap() const { return int64_t{c.ic / c.groups} * c.oc; }
};

template <int kHigh, int kStride>
void make_strips(cudaStream_t stream, const Pass& p, const float* from, const float* kernel,
                 const Epilogue& epilogue, float* to) {
  const int64_t strips = int64_t{p.c.n} * p.channels * p.to_size[0] * p.strips.count * p.to_size[2];
  each(stream, strips, [=] __device__(int64_t i) {
    const Cell first = p.strip(i);
    const float* const source =
        from + first.n * p.from.sample + int64_t{first.c / p.own} * p.terms * p.from.channel;
    const float* const weights = kernel + p.weights(first.c);
    const int64_t further = p.strips.spacing * p.from.row, row_of_taps = p.c.kernel[2] * p.by_tap();
    float sums[kStrip] = {};
    // Of the window at this place of the source, whose first taps have the weights `by`.
    const auto add = [&](int slice, int row, int column, const float* by) {
      for (int k = 0; k < p.terms; ++k, by += p.by_term()) {
        float x[(kStrip - 1) * kStride + kHigh];
        int64_t at = slice * p.from.slice + row * p.from.row + column * p.from.pixel + k * p.from.channel;
#pragma unroll
        for (int t = 0; t < (kStrip - 1) * kStride + kHigh; ++t, at += further)
          x[t] = p.has(1, row + t * p.strips.spacing) ? source[at] : 0.0f;
#pragma unroll
        for (int tap = 0; tap < kHigh; ++tap) {
          const float weight = by[(p.backward ? kHigh - 1 - tap : tap) * row_of_taps];
#pragma unroll
          for (int t = 0; t < kStrip; ++t) sums[t] += x[t * kStride + tap] * weight;
        }
      }
    };
    for (int d = 0; d < p.c.kernel[0]; ++d) {
      const int slice = p.place(0, first.d, d);
      if (!p.has(0, slice)) continue;
      for (int h = 0; h < p.c.kernel[1]; h += kHigh) {
        const int row = p.place(1, first.h, p.backward ? h + kHigh - 1 : h);
        if (row == kNowhere) continue;
        for (int w = 0; w < p.c.kernel[2]; ++w) {
          const int column = p.place(2, first.w, w);
          if (!p.has(2, column)) continue;
          add(slice, row, column, weights + ((d * p.c.kernel[1] + h) * p.c.kernel[2] + w) * p.by_tap());
        }
      }
    }
#pragma unroll
    for (int t = 0; t < kStrip; ++t) {
      const int row = first.h + t * p.strips.step;
      if (row >= p.to_size[1]) continue;
      const int64_t place = offset_of(p.to, {first.n, first.c, first.d, row, first.w});
      to[place] = finished(epilogue, first.c, place, sums[t]);
    }
  });
}

// With windows for what networks have.
void make_pass(cudaStream_t stream, const Convolution& conv, bool backward, const float* from,
               const float* kernel, const Epilogue& epilogue, float* to) {
  const Convolution c = upright(conv);
  const auto run = [&](auto make, int high) {
    make(stream, Pass(c, backward, high), from, kernel, epilogue, to);
  };
  const int high = c.kernel[1];
  if (c.stride[1] == 1) {
    if (high == 3) return run(make_strips<3, 1>, high);
    if (high == 5) return run(make_strips<5, 1>, high);
    if (high == 7) return run(make_strips<7, 1>, high);
  }
  if (c.stride[1] == 2 && c.dilation[1] == 1 && !backward) {
    if (high == 3) return run(make_strips<3, 2>, high);
    if (high == 5) return run(make_strips<5, 2>, high);
  }
  return run(make_strips<1, 1>, 1);
}

// ---- Weights ----

// A thread keeps the sums of a window of the kernel, for one output channel and one channel that it sees,
// over strips of outputs. Threads of a block have `columns` output channels between them, side by side in
// memory where channels are, and add up in a fixed tree what they have of one; parts of the batch are added
// up after.
struct ThinWeights {
  Convolution c;
  Strips strips;
  int high, wide;            // taps of a window
  int columns;               // a power of two
  int64_t blocks, windows;   // of columns; of the kernel, for each channel that is seen
  int64_t positions, parts;  // strips of a channel

  ThinWeights(const Convolution& c, int high, int wide)
      : c(c), strips(forward_strips(c, high)), high(high), wide(wide), columns(1) {
    while (c.dst.channel == 1 && columns < c.oc && columns < kWarp) columns *= 2;
    blocks = (c.oc + columns - 1) / columns;
    windows = int64_t{c.kernel[0]} * (c.kernel[1] / high) * wide_windows() * (c.ic / c.groups);
    positions = int64_t{c.n} * c.out[0] * strips.count * c.out[2];
    const int64_t of_block = int64_t{kSumThreads} / columns * 4;  // at least, to be worth a tree
    parts = parts_for(positions / of_block, kManyBlocks / (blocks * windows));
  }
  __host__ __device__ int wide_windows() const { return (c.kernel[2] + wide - 1) / wide; }
};

// The first tap of a window.
struct Corner {
  int d, h, w;
};

template <int kHigh, int kWide, int kStride>
__device__ void add_strip(const ThinWeights& p, const Corner& tap, const Cell& first, const float* src,
                          const float* grad, float (&sums)[kHigh][kWide]) {
  const Convolution& c = p.c;
  const int slice = seen(c, 0, first.d, tap.d), row = seen(c, 1, first.h, tap.h);
  if (!is_inside(c, 0, slice)) return;
  float by[kStrip];
#pragma unroll
  for (int t = 0; t < kStrip; ++t) {
    const int h = first.h + t * p.strips.step;
    by[t] = h < c.out[1] ? grad[offset_of(c.dst, {first.n, 0, first.d, h, first.w})] : 0.0f;
  }
#pragma unroll
  for (int w = 0; w < kWide; ++w) {
    const int column = seen(c, 2, first.w, tap.w + w);
    if (tap.w + w >= c.kernel[2] || !is_inside(c, 2, column)) continue;
    float x[(kStrip - 1) * kStride + kHigh];
    int64_t at = first.n * c.src.sample + slice * c.src.slice + row * c.src.row + column * c.src.pixel;
#pragma unroll
    for (int t = 0; t < (kStrip - 1) * kStride + kHigh; ++t, at += p.strips.spacing * c.src.row)
      x[t] = is_inside(c, 1, row + t * p.strips.spacing) ? src[at] : 0.0f;
#pragma unroll
    for (int h = 0; h < kHigh; ++h)
#pragma unroll
      for (int t = 0; t < kStrip; ++t) sums[h][w] += x[t * kStride + h] * by[t];
  }
}

template <int kHigh, int kWide, int kStride>
__global__ void __launch_bounds__(kSumThreads)
    thin_weights_kernel(ThinWeights p, int64_t of_part, const float* src, const float* grad, float* to) {
  __shared__ SharedArray<float, kSumThreads> tree;
  const Convolution& c = p.c;
  const int ic = c.ic / c.groups, oc = c.oc / c.groups, thread = static_cast<int>(threadIdx.x);
  const int channel = static_cast<int>(blockIdx.x % p.blocks) * p.columns + thread % p.columns;
  int window = static_cast<int>(blockIdx.x / p.blocks);
  const int k = window % ic;
  window /= ic;
  const int across = window / p.wide_windows(), down = c.kernel[1] / kHigh;
  const Corner tap{across / down, across % down * kHigh, window % p.wide_windows() * kWide};
  float sums[kHigh][kWide] = {};
  if (channel < c.oc) {
    const int64_t begin = blockIdx.z * of_part;
    const int64_t end = begin + of_part < p.positions ? begin + of_part : p.positions;
    const int64_t seen_channel = int64_t{channel / oc} * ic + k;
    for (int64_t i = begin + thread / p.columns; i < end; i += kSumThreads / p.columns) {
      Cell first = cell_of(i, 1, c.out[0], p.strips.count, c.out[2]);
      first.h = p.strips.first(first.h);
      add_strip<kHigh, kWide, kStride>(p, tap, first, src + seen_channel * c.src.channel,
                                       grad + channel * c.dst.channel, sums);
    }
  }
  float* const part = to + blockIdx.z * kernel_size(c) + int64_t{k} * c.oc + channel;
#pragma unroll
  for (int h = 0; h < kHigh; ++h)
#pragma unroll
    for (int w = 0; w < kWide; ++w) {
      const float sum = column_sum(tree, sums[h][w], p.columns);
      if (thread >= p.columns || channel >= c.oc || tap.w + w >= c.kernel[2]) continue;
      part[((tap.d * c.kernel[1] + tap.h + h) * int64_t{c.kernel[2]} + tap.w + w) * ic * c.oc] = sum;
    }
}

// take(kernel, its numbers) for the windows that suit.
template <class Take>
void for_weights(const Convolution& conv, const Take& take) {
  const Convolution c = upright(conv);
  const auto is = [&](int high, int wide, int stride) {
    return c.kernel[1] == high && c.kernel[2] == wide && c.stride[1] == stride &&
           (stride == 1 || c.dilation[1] == 1);
  };
  if (is(3, 3, 1)) return take(thin_weights_kernel<3, 3, 1>, ThinWeights(c, 3, 3));
  if (is(3, 3, 2)) return take(thin_weights_kernel<3, 3, 2>, ThinWeights(c, 3, 3));
  if (is(5, 5, 1)) return take(thin_weights_kernel<5, 5, 1>, ThinWeights(c, 5, 5));
  if (is(5, 5, 2)) return take(thin_weights_kernel<5, 5, 2>, ThinWeights(c, 5, 5));
  if (is(7, 7, 1)) return take(thin_weights_kernel<7, 7, 1>, ThinWeights(c, 7, 7));
  return take(thin_weights_kernel<1, 8, 1>, ThinWeights(c, 1, 8));
}

}  // namespace

void thin_forward(cudaStream_t stream, const Convolution& c, const float* src, const float* kernel,
                  const Epilogue& epilogue, float* dst) {
  make_pass(stream, c, false, src, kernel, epilogue, dst);
}

void thin_backward(cudaStream_t stream, const Convolution& c, const float* dst, const float* kernel,
                   const Epilogue& epilogue, float* src) {
  make_pass(stream, c, true, dst, kernel, epilogue, src);
}

int64_t thin_weights_scratch(const Convolution& c) {
  int64_t floats = 0;
  for_weights(c, [&](auto, const ThinWeights& p) { floats = weight_parts_scratch(c, p.parts); });
  return floats;
}

void thin_weights(cudaStream_t stream, const Convolution& c, const float* src, const float* grad_dst,
                  float* scratch, float* grad_kernel) {
  for_weights(c, [&](auto kernel, const ThinWeights& p) {
    const dim3 grid(static_cast<unsigned>(p.blocks * p.windows), 1, static_cast<unsigned>(p.parts));
    launch(stream, kernel, grid, kSumThreads, p, (p.positions + p.parts - 1) / p.parts, src, grad_dst,
           p.parts > 1 ? scratch : grad_kernel);
    if (p.parts > 1) add_weight_parts(stream, c, p.parts, scratch, grad_kernel);
  });
}

}  // namespace cnnfast::cuda
