// Convolutions whose results have one to four channels: heads of segmentation, last layers of generators, the
// way back to the images of a first layer. For 32 channels of a pixel that is read, 128 bytes, an A100 has 12
// cycles of a multiprocessor, and a 3 x 3 kernel 9 taps of 32 lanes' products with four weights. Where
// channels are neighbours in memory, lanes are channels: what a warp loads is a line. Its lanes have sums of
// 8 pixels, which they add up while they turn them, so that in the end each has one. Elsewhere lanes are
// pixels, and weights come from shared memory.
#include "cuda/kernels/conv.cuh"
#include "cuda/kernels/sum.cuh"

namespace cnnfast::cuda {

namespace {

constexpr int kColumns = 4;               // channels of results
constexpr int kRun = kWarp / kColumns;    // pixels of a warp
constexpr unsigned kResultThreads = 256;  // of a block
constexpr int kResultWarps = static_cast<int>(kResultThreads) / kWarp;
constexpr int kWeightTerms = 128;  // that are in shared memory at a time

__device__ float weight_of(const Way& p, const float* kernel, int64_t tap, int term, int column) {
  if (term >= p.terms || column >= p.channels) return 0;
  return kernel[(tap * p.c.ic + (p.backward ? column : term)) * p.c.oc + (p.backward ? term : column)];
}

// body(tap's number, where the source's pixel begins that this result sees by it; below 0: the border). All
// threads are called for all taps.
template <class Body>
__device__ void for_taps(const Way& p, const Cell& result, const Body& body) {
  int64_t tap = 0;
  for (int d = 0; d < p.c.kernel[0]; ++d)
    for (int h = 0; h < p.c.kernel[1]; ++h)
      for (int w = 0; w < p.c.kernel[2]; ++w, ++tap) {
        const int at_d = p.place(0, result.d, d), at_h = p.place(1, result.h, h),
                  at_w = p.place(2, result.w, w);
        const bool inside = p.has(0, at_d) && p.has(1, at_h) && p.has(2, at_w);
        body(tap, inside ? offset_of(p.from, {result.n, 0, at_d, at_h, at_w}) : -1);
      }
}

// Lane i has the whole of sum i in the end, in sums[0]: half of what lanes have goes to the other half of
// them, again and again.
template <int kHalf>
__device__ void turn(float (&sums)[kWarp], int lane) {
  const bool upper = (lane & kHalf) != 0;
#pragma unroll
  for (int i = 0; i < kHalf; ++i) {
    const float given = upper ? sums[i] : sums[i + kHalf], kept = upper ? sums[i + kHalf] : sums[i];
    sums[i] = kept + __shfl_xor_sync(0xffffffffu, given, kHalf);
  }
  if constexpr (kHalf > 1) turn<kHalf / 2>(sums, lane);
}

__global__ void __launch_bounds__(kResultThreads)
    channel_lanes_kernel(Way p, int64_t pixels, const float* from, const float* kernel, Epilogue epilogue,
                         float* to) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t begin = (int64_t{blockIdx.x} * kResultWarps + threadIdx.x / kWarp) * kRun;
  const int64_t pixel = begin + lane % kRun;
  const Cell own = cell_of(pixel < pixels ? pixel : 0, 1, p.to_size);
  float sums[kWarp] = {};  // kColumns of each pixel
  for_taps(p, own, [&](int64_t tap, int64_t place) {
    for (int k = lane; k - lane < p.terms; k += kWarp) {
      float by[kColumns];
#pragma unroll
      for (int j = 0; j < kColumns; ++j) by[j] = weight_of(p, kernel, tap, k, j);
#pragma unroll
      for (int i = 0; i < kRun; ++i) {
        const int64_t at = __shfl_sync(0xffffffffu, place, i);
        const float x = at >= 0 && k < p.terms ? from[at + k] : 0.0f;
#pragma unroll
        for (int j = 0; j < kColumns; ++j) sums[i * kColumns + j] += x * by[j];
      }
    }
  });
  turn<kWarp / 2>(sums, lane);
  const int column = lane % kColumns;
  const int64_t place = __shfl_sync(0xffffffffu, offset_of(p.to, own), lane / kColumns);
  if (column >= p.channels || begin + lane / kColumns >= pixels) return;
  const int64_t at = place + column * p.to.channel;
  to[at] = finished(epilogue, column, at, sums[0]);
}

// For four blocks at once: left to itself, the compiler of CUDA 13.0 takes fewer registers and spills
// (compute capability 8.0).
__global__ void __launch_bounds__(kResultThreads, 4)
    pixel_lanes_kernel(Way p, int64_t pixels, const float* from, const float* kernel, Epilogue epilogue,
                       float* to) {
  __shared__ SharedArray<float, kWeightTerms * kColumns> weights;
  const int64_t pixel = int64_t{blockIdx.x} * kResultThreads + threadIdx.x;
  const Cell own = cell_of(pixel < pixels ? pixel : 0, 1, p.to_size);
  float sums[kColumns] = {};
  for_taps(p, own, [&](int64_t tap, int64_t place) {
    for (int first = 0; first < p.terms; first += kWeightTerms) {
      for (int i = static_cast<int>(threadIdx.x); i < kWeightTerms * kColumns; i += kResultThreads)
        weights[i] = weight_of(p, kernel, tap, first + i / kColumns, i % kColumns);
      __syncthreads();
      const int count = p.terms - first < kWeightTerms ? p.terms - first : kWeightTerms;
      for (int k = 0; place >= 0 && k < count; ++k) {
        const float x = from[place + (first + k) * p.from.channel];
#pragma unroll
        for (int j = 0; j < kColumns; ++j) sums[j] += x * weights[k * kColumns + j];
      }
      __syncthreads();
    }
  });
  if (pixel >= pixels) return;
  const int64_t place = offset_of(p.to, own);
#pragma unroll
  for (int j = 0; j < kColumns; ++j) {
    const int64_t at = place + j * p.to.channel;
    if (j < p.channels) to[at] = finished(epilogue, j, at, sums[j]);
  }
}

}  // namespace

void few_results(cudaStream_t stream, const Convolution& c, bool backward, const float* from,
                 const float* kernel, const Epilogue& epilogue, float* to) {
  const Way way(c, backward);
  const int64_t pixels = c.n * pixels_of(way.to_size);
  if (pixels == 0) return;
  const bool near = way.from.channel == 1;
  const int64_t of_block = near ? kResultWarps * kRun : int64_t{kResultThreads};
  launch(stream, near ? channel_lanes_kernel : pixel_lanes_kernel,
         dim3(static_cast<unsigned>((pixels + of_block - 1) / of_block)), kResultThreads, way, pixels, from,
         kernel, epilogue, to);
}

}  // namespace cnnfast::cuda
