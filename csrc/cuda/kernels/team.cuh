// Rows of numbers, each worked on by as many threads as suit its length: by one, a warp or a block, which
// combine what they have in a fixed tree. What is done to a row is an object with
//   template <class Team> operator()(Team team, int64_t row) const
// whose threads take every Team::kSize-th number from team.rank() on.
#pragma once
#include "cuda/kernels/sum.cuh"
#include "cuda/launch.h"

namespace cnnfast::cuda {

// What all threads of a team make of their values by `combine`, of which it does not matter which one comes
// first. All of them call it, and all get it.
template <unsigned kThreadsOfTeam>
struct Team {
  static constexpr unsigned kSize = kThreadsOfTeam;
  static __device__ unsigned rank() { return threadIdx.x % kSize; }

  template <class T, class Combine>
  static __device__ T all(T value, Combine combine) {
    if constexpr (kSize > 1) {
#pragma unroll
      for (int step = kWarp / 2; step > 0; step /= 2)
        value = combine(value, __shfl_xor_sync(0xffffffffu, value, step));
    }
    if constexpr (kSize > kWarp) {
      constexpr int kWarps = static_cast<int>(kSize) / kWarp;
      __shared__ SharedArray<T, kWarps> of_warps;
      if (rank() % kWarp == 0) of_warps[rank() / kWarp] = value;
      __syncthreads();
      value = of_warps[0];
      for (int i = 1; i < kWarps; ++i) value = combine(value, static_cast<T>(of_warps[i]));
      __syncthreads();
    }
    return value;
  }
  template <class T>
  static __device__ T sum(T value) {
    return all(value, [](T a, T b) { return a + b; });
  }
};

// For four blocks at once: left to itself, the compiler of CUDA 13.0 takes fewer registers than the body
// needs and spills (reductions, compute capability 8.0).
template <unsigned kSize, class Body>
__global__ void __launch_bounds__(kThreads, 4) team_kernel(int64_t rows, Body body) {
  const int64_t row = (int64_t{blockIdx.x} * kThreads + threadIdx.x) / kSize;
  if (row < rows) body(Team<kSize>(), row);
}

template <class Body>
struct ByOne {
  Body body;
  __device__ void operator()(int64_t row) const { body(Team<1>(), row); }
};

// A team for each row.
template <unsigned kSize, class Body>
void by_teams(cudaStream_t stream, int64_t rows, const Body& body) {
  if (rows == 0) return;
  if constexpr (kSize == 1)
    each(stream, rows, ByOne<Body>{body});
  else
    launch(stream, team_kernel<kSize, Body>,
           dim3(static_cast<unsigned>((rows * kSize + kThreads - 1) / kThreads)), kThreads, rows, body);
}

// For rows whose numbers are side by side. One of up to 32 lies in a line or two, which the first cache keeps
// for its thread's next number, though neighbours load far from each other; a warp loads lines, and has work
// for all lanes from there on; a row that keeps a warp for more than 32 rounds is a block's.
template <class Body>
void by_rows(cudaStream_t stream, int64_t rows, int64_t length, const Body& body) {
  if (length <= kWarp) return by_teams<1>(stream, rows, body);
  if (length <= kWarp * kWarp) return by_teams<kWarp>(stream, rows, body);
  by_teams<kThreads>(stream, rows, body);
}

}  // namespace cnnfast::cuda
