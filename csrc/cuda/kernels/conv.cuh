// What all kernels of convolutions share, and what those offer that are no products: conv.cu tells which are
// which.
#pragma once
#include "cuda/kernels/cells.cuh"
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/sum.cuh"

namespace cnnfast::cuda {

// The cell along an axis that a tap of an output sees; outside of the source, too.
__device__ inline int seen(const Convolution& c, int axis, int output, int tap) {
  return output * c.stride[axis] - c.padding[axis] + tap * c.dilation[axis];
}

// The output along an axis that sees a cell, so far behind the border, by a tap; outside of the output, too.
constexpr int kNowhere = -2147483647;  // none
__device__ inline int seer(const Convolution& c, int axis, int behind, int tap) {
  const int at = behind - tap * c.dilation[axis];
  if (c.stride[axis] == 1) return at;  // a division is dear
  return at % c.stride[axis] == 0 ? at / c.stride[axis] : kNowhere;
}

__device__ inline bool is_inside(const Convolution& c, int axis, int cell) {
  return cell >= 0 && cell < c.in[axis];
}

__device__ inline float finished(const Epilogue& by, int channel, int64_t place, float sum) {
  if (by.scale) sum *= by.scale[channel];
  if (by.shift) sum += by.shift[channel];
  if (by.addend) sum += by.addend[place];
  return activated(by.activation, sum);
}

__host__ __device__ inline int64_t pixels_of(const int32_t (&size)[3]) {
  return int64_t{size[0]} * size[1] * size[2];
}

__host__ __device__ inline int64_t kernel_size(const Convolution& c) {
  return pixels_of(c.kernel) * (c.ic / c.groups) * c.oc;
}

// The gradient of a kernel that is summed in parts: of one, where it belongs; else of each in scratch.
inline int64_t weight_parts_scratch(const Convolution& c, int64_t parts) {
  return parts > 1 ? parts * kernel_size(c) : 0;
}
inline void add_weight_parts(cudaStream_t stream, const Convolution& c, int64_t parts, const float* scratch,
                             float* grad_kernel) {
  add_parts(stream, parts, kernel_size(c), scratch,
            [=] __device__(int64_t i, float sum) { grad_kernel[i] = sum; });
}

// One way through a convolution, forward or back: from numbers that are read to results.
struct Way {
  Convolution c;
  bool backward;
  Images from, to;
  int32_t from_size[3], to_size[3];
  int channels, terms;  // of results; of their group, that a result is a sum over

  Way(const Convolution& c, bool backward)
      : c(c),
        backward(backward),
        from(backward ? c.dst : c.src),
        to(backward ? c.src : c.dst),
        channels(backward ? c.ic : c.oc),
        terms((backward ? c.oc : c.ic) / c.groups) {
    for (int axis = 0; axis < 3; ++axis) {
      from_size[axis] = backward ? c.out[axis] : c.in[axis];
      to_size[axis] = backward ? c.in[axis] : c.out[axis];
    }
  }
  // What a result sees by a tap along an axis, inside or not.
  __device__ int place(int axis, int result, int tap) const {
    return backward ? seer(c, axis, result + c.padding[axis], tap) : seen(c, axis, result, tap);
  }
  __device__ bool has(int axis, int place) const { return place >= 0 && place < from_size[axis]; }
};

// ---- Groups of few channels (depthwise.cu) ----

// Depthwise convolutions, and all whose groups leave most of a product's tile of 64 columns empty. 16
// channels fill a quarter of it, which tensor cores make up for.
inline bool has_thin_groups(const Convolution& c) {
  constexpr int kFew = 16;
  return c.groups > 1 && (c.ic / c.groups < kFew || c.oc / c.groups < kFew);
}
void thin_forward(cudaStream_t stream, const Convolution& conv, const float* src, const float* kernel,
                  const Epilogue& epilogue, float* dst);
void thin_backward(cudaStream_t stream, const Convolution& conv, const float* dst, const float* kernel,
                   const Epilogue& epilogue, float* src);
int64_t thin_weights_scratch(const Convolution& conv);  // floats
void thin_weights(cudaStream_t stream, const Convolution& conv, const float* src, const float* grad_dst,
                  float* scratch, float* grad_kernel);

// ---- First layers (first_layer.cu) ----

// A pixel of one to four channels, of which an output sees so few that writing it takes longer than the sum:
// on an A100 4 bytes take the time of 25 products in float32, on an H100 that of 40.
constexpr int kFewTerms = 32;
inline bool has_few_terms(const Convolution& c) {
  return c.groups == 1 && c.ic <= 4 && pixels_of(c.kernel) * c.ic <= kFewTerms;
}
void few_forward(cudaStream_t stream, const Convolution& conv, const float* src, const float* kernel,
                 const Epilogue& epilogue, float* dst);
int64_t few_weights_scratch(const Convolution& conv);  // floats
void few_weights(cudaStream_t stream, const Convolution& conv, const float* src, const float* grad_dst,
                 float* scratch, float* grad_kernel);

// ---- Few results (few_results.cu) ----

// One to four channels of results would leave a tile of a product all but empty.
inline bool has_few_results(const Convolution& c, bool backward) {
  return c.groups == 1 && (backward ? c.ic : c.oc) <= 4;
}
void few_results(cudaStream_t stream, const Convolution& conv, bool backward, const float* from,
                 const float* kernel, const Epilogue& epilogue, float* to);

}  // namespace cnnfast::cuda
