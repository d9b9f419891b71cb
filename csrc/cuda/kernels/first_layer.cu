// First layers: convolutions of images of one to four channels, by kernels so small that memory, not
// arithmetic, is what takes time (conv.cuh says where that ends). Forward that is the time to write the
// output, and backward to read its gradient, so either is touched once, in whole lines. Tensor cores would
// have nothing to do, and bringing single numbers of patches into their tiles would take longer than the
// whole. In float32, whatever the precision.
//
// Their gradient by the source, which first layers are seldom asked for, has few results (few_results.cu).
#include "cuda/kernels/conv.cuh"
#include "cuda/kernels/sum.cuh"

namespace cnnfast::cuda {

namespace {

// ---- Forward ----

// A thread has all sums of kFilters filters at kPixels pixels, and reads the weights from shared memory,
// where all lanes want the same: four at a time for eight products. A source's number is loaded for kFilters
// of them. For 32 x 2 pixels memory takes 400 cycles of a multiprocessor of an A100, the products of 27 terms
// 216.
constexpr int kFilters = 16, kPixels = 2, kFewThreads = 256;
constexpr int kTileRow = kFilters + 1;  // in shared memory: a column's numbers are in different banks

// What a pixel of the output sees.
struct Seen {
  Cell cell;
  const float* src;  // of its sample

  __device__ const float* by(const Convolution& c, int d, int h, int w) const {
    const int in_d = seen(c, 0, cell.d, d), in_h = seen(c, 1, cell.h, h), in_w = seen(c, 2, cell.w, w);
    if (!is_inside(c, 0, in_d) || !is_inside(c, 1, in_h) || !is_inside(c, 2, in_w)) return nullptr;
    return src + in_d * c.src.slice + in_h * c.src.row + in_w * c.src.pixel;
  }
};

__global__ void __launch_bounds__(kFewThreads, 2)
    few_forward_kernel(Convolution c, int64_t pixels, const float* src, const float* kernel,
                       Epilogue epilogue, float* dst) {
  __shared__ SharedArray<float, kFewTerms * kFilters> weights;
  __shared__ SharedArray<float, kFewThreads * kTileRow> tile;
  __shared__ SharedArray<int64_t, kFewThreads> places;
  const int thread = static_cast<int>(threadIdx.x), first = static_cast<int>(blockIdx.y) * kFilters;
  const int filters = c.oc - first < kFilters ? c.oc - first : kFilters;
  const int terms = static_cast<int>(pixels_of(c.kernel)) * c.ic;
  for (int at = thread; at < terms * kFilters; at += kFewThreads)
    weights[at] = at % kFilters < filters ? kernel[at / kFilters * c.oc + first + at % kFilters] : 0.0f;
  const int64_t begin = int64_t{blockIdx.x} * (kFewThreads * kPixels) + thread;
  Seen pixel[kPixels];
#pragma unroll
  for (int j = 0; j < kPixels; ++j) {
    const int64_t i = begin + j * kFewThreads;
    pixel[j].cell = cell_of(i < pixels ? i : 0, 1, c.out);
    pixel[j].src = src + pixel[j].cell.n * c.src.sample;
  }
  __syncthreads();
  float sums[kPixels][kFilters] = {};
  int term = 0;
  for (int d = 0; d < c.kernel[0]; ++d)
    for (int h = 0; h < c.kernel[1]; ++h)
      for (int w = 0; w < c.kernel[2]; ++w) {
        const float* from[kPixels];
#pragma unroll
        for (int j = 0; j < kPixels; ++j) from[j] = pixel[j].by(c, d, h, w);
        for (int k = 0; k < c.ic; ++k, term += kFilters) {
          float x[kPixels];
#pragma unroll
          for (int j = 0; j < kPixels; ++j) x[j] = from[j] ? from[j][k * c.src.channel] : 0.0f;
#pragma unroll
          for (int f = 0; f < kFilters; ++f) {
            const float weight = weights[term + f];
#pragma unroll
            for (int j = 0; j < kPixels; ++j) sums[j][f] += x[j] * weight;
          }
        }
      }
#pragma unroll
  for (int j = 0; j < kPixels; ++j) {
    const int64_t i = begin + j * kFewThreads;
    const int64_t place = i < pixels ? offset_of(c.dst, pixel[j].cell) : -1;
    if (c.dst.pixel == 1) {  // neighbours in the warp are neighbours in memory
#pragma unroll
      for (int f = 0; f < kFilters; ++f) {
        const int64_t at = place + (first + f) * c.dst.channel;
        if (place >= 0 && f < filters) dst[at] = finished(epilogue, first + f, at, sums[j][f]);
      }
      continue;
    }
    places[thread] = place;
#pragma unroll
    for (int f = 0; f < kFilters; ++f) tile[thread * kTileRow + f] = sums[j][f];
    __syncthreads();
    for (int number = thread; number < kFewThreads * kFilters; number += kFewThreads) {
      const int row = number / kFilters, f = number % kFilters;
      const int64_t at = places[row] + (first + f) * c.dst.channel;
      if (places[row] >= 0 && f < filters)
        dst[at] = finished(epilogue, first + f, at, tile[row * kTileRow + f]);
    }
    __syncthreads();
  }
}

// ---- Weights ----

// A block has the sums of all terms and kSumFilters filters over some pixels, of which it brings kStep at a
// time: 32 warps' worth of products for 8 KB of gradients, which take as long to come.
constexpr int kSumFilters = 64, kStep = 32;
constexpr int kOwnTerms = 4, kOwnFilters = 2;                         // that a thread has
constexpr int kPatchRow = kFewTerms + 4, kGradRow = kSumFilters + 2;  // vectors fit, and banks differ
constexpr int64_t kWeightBlocks = 512;                                // several for each multiprocessor

// What a thread brings of the patches: its terms of one pixel, of which each is a tap and a channel.
struct PatchTerms {
  int d[kOwnTerms], h[kOwnTerms], w[kOwnTerms], channel[kOwnTerms];

  __device__ PatchTerms(const Convolution& c, int first, int step) {
#pragma unroll
    for (int i = 0; i < kOwnTerms; ++i) {
      const int term = first + i * step, tap = term / c.ic;
      channel[i] = term % c.ic;
      w[i] = tap % c.kernel[2], h[i] = tap / c.kernel[2] % c.kernel[1],
      d[i] = tap / c.kernel[2] / c.kernel[1];
    }
  }
  __device__ float of(const Convolution& c, const Seen& pixel, int i) const {
    if (d[i] >= c.kernel[0]) return 0;  // behind the last term
    const float* const from = pixel.by(c, d[i], h[i], w[i]);
    return from ? from[channel[i] * c.src.channel] : 0.0f;
  }
};

__global__ void __launch_bounds__(kFewThreads, 2)
    few_weights_kernel(Convolution c, int64_t pixels, int64_t of_part, const float* src, const float* grad,
                       float* to) {
  __shared__ SharedArray<float, kStep * kPatchRow> patches;
  __shared__ SharedArray<float, kStep * kGradRow> grads;
  __shared__ SharedArray<int64_t, kStep> places;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
  const int first = static_cast<int>(blockIdx.x) * kSumFilters;
  const PatchTerms terms(c, warp, kFewThreads / kWarp);
  const bool near = c.dst.channel == 1;  // neighbours in memory are filters, not pixels
  const int64_t begin = blockIdx.z * of_part, end = begin + of_part < pixels ? begin + of_part : pixels;
  float sums[kOwnTerms][kOwnFilters] = {};
  for (int64_t step = begin; step < end; step += kStep) {
    const bool is_there = step + lane < end;
    Seen pixel{cell_of(is_there ? step + lane : 0, 1, c.out), src};
    pixel.src += pixel.cell.n * c.src.sample;
    if (warp == 0) places[lane] = is_there ? offset_of(c.dst, pixel.cell) : -1;
#pragma unroll
    for (int i = 0; i < kOwnTerms; ++i)
      patches[lane * kPatchRow + warp + i * (kFewThreads / kWarp)] = is_there ? terms.of(c, pixel, i) : 0.0f;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kStep * kSumFilters / kFewThreads; ++i) {
      const int number = thread + i * kFewThreads;
      const int row = near ? number / kSumFilters : number % kStep;
      const int f = near ? number % kSumFilters : number / kStep;
      const int64_t place = places[row];
      grads[row * kGradRow + f] =
          place >= 0 && first + f < c.oc ? grad[place + (first + f) * c.dst.channel] : 0.0f;
    }
    __syncthreads();
    for (int row = 0; row < kStep; ++row) {
      float x[kOwnTerms], y[kOwnFilters];
#pragma unroll
      for (int i = 0; i < kOwnTerms; ++i) x[i] = patches[row * kPatchRow + warp * kOwnTerms + i];
#pragma unroll
      for (int j = 0; j < kOwnFilters; ++j) y[j] = grads[row * kGradRow + lane * kOwnFilters + j];
#pragma unroll
      for (int i = 0; i < kOwnTerms; ++i)
#pragma unroll
        for (int j = 0; j < kOwnFilters; ++j) sums[i][j] += x[i] * y[j];
    }
    __syncthreads();
  }
  const int all = static_cast<int>(pixels_of(c.kernel)) * c.ic;
#pragma unroll
  for (int i = 0; i < kOwnTerms; ++i)
#pragma unroll
    for (int j = 0; j < kOwnFilters; ++j) {
      const int term = warp * kOwnTerms + i, f = first + lane * kOwnFilters + j;
      if (term < all && f < c.oc) to[(blockIdx.z * int64_t{all} + term) * c.oc + f] = sums[i][j];
    }
}

int64_t few_blocks(const Convolution& c) {
  return (c.oc + kSumFilters - 1) / kSumFilters;
}

int64_t few_parts(const Convolution& c) {
  constexpr int64_t kFewest = 4 * kStep;  // pixels
  return parts_for(c.n * pixels_of(c.out) / kFewest, kWeightBlocks / few_blocks(c));
}

}  // namespace

void few_forward(cudaStream_t stream, const Convolution& c, const float* src, const float* kernel,
                 const Epilogue& epilogue, float* dst) {
  constexpr int64_t kOfBlock = int64_t{kFewThreads} * kPixels;
  const int64_t pixels = c.n * pixels_of(c.out);
  if (pixels == 0) return;
  const dim3 grid(static_cast<unsigned>((pixels + kOfBlock - 1) / kOfBlock),
                  static_cast<unsigned>((c.oc + kFilters - 1) / kFilters));
  launch(stream, few_forward_kernel, grid, kFewThreads, c, pixels, src, kernel, epilogue, dst);
}

int64_t few_weights_scratch(const Convolution& c) {
  return weight_parts_scratch(c, few_parts(c));
}

void few_weights(cudaStream_t stream, const Convolution& c, const float* src, const float* grad_dst,
                 float* scratch, float* grad_kernel) {
  const int64_t parts = few_parts(c), pixels = c.n * pixels_of(c.out);
  const dim3 grid(static_cast<unsigned>(few_blocks(c)), 1, static_cast<unsigned>(parts));
  launch(stream, few_weights_kernel, grid, kFewThreads, c, pixels, (pixels + parts - 1) / parts, src,
         grad_dst, parts > 1 ? scratch : grad_kernel);
  if (parts > 1) add_weight_parts(stream, c, parts, scratch, grad_kernel);
}

}  // namespace cnnfast::cuda
