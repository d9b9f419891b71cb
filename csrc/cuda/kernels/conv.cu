// Convolutions in all directions, of any geometry and groups: an element of the result a thread.
#include "cuda/kernels/device_math.cuh"

namespace cnnfast::cuda {

namespace {

__device__ int64_t offset_of(const Images& images, int64_t n, int64_t c, int d, int h, int w) {
  return n * images.sample + c * images.channel + d * images.slice + h * images.row + w * images.pixel;
}

// The cell along an axis that a tap of an output sees; outside of the source, too.
__device__ int seen(const Convolution& c, int axis, int output, int tap) {
  return output * c.stride[axis] - c.padding[axis] + tap * c.dilation[axis];
}

// The output along an axis that sees a cell by this tap; below 0: none.
__device__ int seer(const Convolution& c, int axis, int cell, int tap) {
  const int at = cell + c.padding[axis] - tap * c.dilation[axis];
  if (at < 0 || at % c.stride[axis] != 0) return -1;
  const int output = at / c.stride[axis];
  return output < c.out[axis] ? output : -1;
}

__device__ bool is_inside(const Convolution& c, int axis, int cell) {
  return cell >= 0 && cell < c.in[axis];
}

// A cell of images whose channels are innermost.
struct Cell {
  int64_t n;
  int c, d, h, w;
};
__device__ Cell cell_of(int64_t i, int channels, const int32_t (&size)[3]) {
  Cell cell;
  cell.c = static_cast<int>(i % channels), i /= channels;
  cell.w = static_cast<int>(i % size[2]), i /= size[2];
  cell.h = static_cast<int>(i % size[1]), i /= size[1];
  cell.d = static_cast<int>(i % size[0]);
  cell.n = i / size[0];
  return cell;
}

int64_t pixels_of(const int32_t (&size)[3]) {
  return int64_t{size[0]} * size[1] * size[2];
}

}  // namespace

void conv_forward(cudaStream_t stream, const Convolution& c, const float* src, const float* kernel,
                  const float* bias, Activation activation, float* dst) {
  const int ic = c.ic / c.groups, oc = c.oc / c.groups;
  each(stream, c.n * pixels_of(c.out) * c.oc, [=] __device__(int64_t i) {
    const Cell o = cell_of(i, c.oc, c.out);
    const int first = o.c / oc * ic;
    float sum = 0;
    for (int kd = 0; kd < c.kernel[0]; ++kd)
      for (int kh = 0; kh < c.kernel[1]; ++kh)
        for (int kw = 0; kw < c.kernel[2]; ++kw) {
          const int d = seen(c, 0, o.d, kd), h = seen(c, 1, o.h, kh), w = seen(c, 2, o.w, kw);
          if (!is_inside(c, 0, d) || !is_inside(c, 1, h) || !is_inside(c, 2, w)) continue;
          const int64_t tap = (int64_t{kd} * c.kernel[1] + kh) * c.kernel[2] + kw;
          const float* const from = src + offset_of(c.src, o.n, first, d, h, w);
          for (int k = 0; k < ic; ++k) sum += from[k * c.src.channel] * kernel[(tap * ic + k) * c.oc + o.c];
        }
    if (bias) sum += bias[o.c];
    dst[offset_of(c.dst, o.n, o.c, o.d, o.h, o.w)] = activated(activation, sum);
  });
}

void conv_backward(cudaStream_t stream, const Convolution& c, const float* dst, const float* kernel,
                   const float* bias, Activation activation, float* src) {
  const int ic = c.ic / c.groups, oc = c.oc / c.groups;
  each(stream, c.n * pixels_of(c.in) * c.ic, [=] __device__(int64_t i) {
    const Cell s = cell_of(i, c.ic, c.in);
    const int first = s.c / ic * oc;
    float sum = 0;
    for (int kd = 0; kd < c.kernel[0]; ++kd)
      for (int kh = 0; kh < c.kernel[1]; ++kh)
        for (int kw = 0; kw < c.kernel[2]; ++kw) {
          const int d = seer(c, 0, s.d, kd), h = seer(c, 1, s.h, kh), w = seer(c, 2, s.w, kw);
          if (d < 0 || h < 0 || w < 0) continue;
          const int64_t tap = (int64_t{kd} * c.kernel[1] + kh) * c.kernel[2] + kw;
          const float* const from = dst + offset_of(c.dst, s.n, first, d, h, w);
          const float* const by = kernel + (tap * ic + s.c % ic) * c.oc + first;
          for (int k = 0; k < oc; ++k) sum += from[k * c.dst.channel] * by[k];
        }
    if (bias) sum += bias[s.c];
    src[offset_of(c.src, s.n, s.c, s.d, s.h, s.w)] = activated(activation, sum);
  });
}

void conv_weights(cudaStream_t stream, const Convolution& c, const float* src, const float* grad_dst,
                  float* grad_kernel) {
  const int ic = c.ic / c.groups, oc = c.oc / c.groups;
  each(stream, pixels_of(c.kernel) * ic * c.oc, [=] __device__(int64_t i) {
    const int o = static_cast<int>(i % c.oc), k = static_cast<int>(i / c.oc % ic);
    int tap = static_cast<int>(i / c.oc / ic);
    const int kw = tap % c.kernel[2], kh = tap / c.kernel[2] % c.kernel[1],
              kd = tap / c.kernel[2] / c.kernel[1];
    const int channel = o / oc * ic + k;
    double sum = 0;
    for (int n = 0; n < c.n; ++n) {
      float own = 0;  // of one sample: short enough
      for (int od = 0; od < c.out[0]; ++od)
        for (int oh = 0; oh < c.out[1]; ++oh)
          for (int ow = 0; ow < c.out[2]; ++ow) {
            const int d = seen(c, 0, od, kd), h = seen(c, 1, oh, kh), w = seen(c, 2, ow, kw);
            if (!is_inside(c, 0, d) || !is_inside(c, 1, h) || !is_inside(c, 2, w)) continue;
            own += src[offset_of(c.src, n, channel, d, h, w)] * grad_dst[offset_of(c.dst, n, o, od, oh, ow)];
          }
      sum += own;
    }
    grad_kernel[i] = static_cast<float>(sum);
  });
}

}  // namespace cnnfast::cuda
