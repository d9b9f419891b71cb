// Sums by a block of threads, each of which has added its own share: within warps by shuffles, then over
// warps, in an order that the number of threads tells.
#pragma once
#include "cuda/launch.h"

namespace cnnfast::cuda {

constexpr int kWarp = 32;
constexpr unsigned kSumThreads = 256;

template <class T>
__device__ T warp_sum(T value) {
#pragma unroll
  for (unsigned step = kWarp / 2; step > 0; step /= 2) value += __shfl_down_sync(0xffffffffu, value, step);
  return value;  // the first lane's is the whole
}

// For thread 0; all kSumThreads of the block call it.
template <class T>
__device__ T block_sum(T value) {
  constexpr int kWarps = static_cast<int>(kSumThreads) / kWarp;
  __shared__ SharedArray<T, kWarps> of_warps;
  value = warp_sum(value);
  const int thread = static_cast<int>(threadIdx.x);
  if (thread % kWarp == 0) of_warps[thread / kWarp] = value;
  __syncthreads();
  T sum{};
  if (thread == 0)
    for (int i = 0; i < kWarps; ++i) sum += of_warps[i];
  return sum;
}

// For threads below `columns`, a power of two: the sum of each column of what the threads of a block have, of
// whom thread t is in column t % columns. All kSumThreads call it.
template <class T>
__device__ T column_sum(SharedArray<T, kSumThreads>& tree, T value, int columns) {
  const int thread = static_cast<int>(threadIdx.x);
  tree[thread] = value;
  __syncthreads();
  for (int step = kSumThreads / 2; step >= columns; step /= 2) {
    if (thread < step) tree[thread] += tree[thread + step];
    __syncthreads();
  }
  return tree[thread];
}

// Into how many parts sums are cut: as many blocks as are wanted, unless too little is left for each.
inline int64_t parts_for(int64_t most, int64_t wanted) {
  const int64_t parts = most < wanted ? most : wanted;
  return parts < 1 ? 1 : parts;
}

// take(i, the sum over parts of from[part * size + i]): a warp has 32 neighbours of some parts.
template <class Take>
__global__ void add_parts_kernel(int64_t parts, int64_t size, const float* from, Take take) {
  __shared__ SharedArray<float, kSumThreads> tree;
  const int64_t i = int64_t{blockIdx.x} * kWarp + threadIdx.x % kWarp;
  float sum = 0;
  for (int64_t part = threadIdx.x / kWarp; i < size && part < parts; part += kSumThreads / kWarp)
    sum += from[part * size + i];
  sum = column_sum(tree, sum, kWarp);
  if (threadIdx.x < kWarp && i < size) take(i, sum);
}
template <class Take>
void add_parts(cudaStream_t stream, int64_t parts, int64_t size, const float* from, Take take) {
  launch(stream, add_parts_kernel<Take>, dim3(static_cast<unsigned>((size + kWarp - 1) / kWarp)), kSumThreads,
         parts, size, from, take);
}

// take(i, sum over k < length of term(i, k)), a block for each i.
template <class Term, class Take>
__global__ void sums_kernel(int64_t length, Term term, Take take) {
  const int64_t i = blockIdx.x;
  double sum = 0;
  for (int64_t k = threadIdx.x; k < length; k += kSumThreads) sum += static_cast<double>(term(i, k));
  sum = block_sum(sum);
  if (threadIdx.x == 0) take(i, sum);
}

// For i < count.
template <class Term, class Take>
void sums(cudaStream_t stream, int64_t count, int64_t length, Term term, Take take) {
  if (count > 0)
    launch(stream, sums_kernel<Term, Take>, dim3(static_cast<unsigned>(count)), kSumThreads, length, term,
           take);
}

// Whether a block for each of so many sums is faster than a thread: their terms are many and the sums few.
inline bool asks_for_blocks(int64_t count, int64_t length) {
  constexpr int64_t kMostSums = 1 << 14;
  return length >= kSumThreads && count <= kMostSums;
}

}  // namespace cnnfast::cuda
