// Convolutions in all directions, of any geometry and groups. Where a group has channels enough each
// direction is a product whose matrices are read out of the images (product.cuh); else an element of the
// result is a thread's.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/product.cuh"

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

__host__ __device__ int64_t pixels_of(const int32_t (&size)[3]) {
  return int64_t{size[0]} * size[1] * size[2];
}

// ---- An element a thread ----

void forward_by_element(cudaStream_t stream, const Convolution& c, const float* src, const float* kernel,
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

void backward_by_element(cudaStream_t stream, const Convolution& c, const float* dst, const float* kernel,
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

void weights_by_element(cudaStream_t stream, const Convolution& c, const float* src, const float* grad_dst,
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

// ---- As products, of one group ----

// Fewer channels, of either side, leave most of a tile empty.
bool fills_tiles(const Convolution& c) {
  constexpr int kFew = 8;
  return c.groups == 1 || (c.ic / c.groups >= kFew && c.oc / c.groups >= kFew);
}

// The group's channels.
struct Group {
  int ic, oc, first_ic, first_oc;
  Group(const Convolution& c, int number)
      : ic(c.ic / c.groups), oc(c.oc / c.groups), first_ic(number * ic), first_oc(number * oc) {}
};

struct Tap {
  int d, h, w;
};
__device__ Tap tap_of(const Convolution& c, int64_t number) {
  const int tap = static_cast<int>(number);
  return {tap / c.kernel[2] / c.kernel[1], tap / c.kernel[2] % c.kernel[1], tap % c.kernel[2]};
}
__device__ const float* seen_by(const Convolution& c, const float* src, const Cell& o, const Tap& tap) {
  const int d = seen(c, 0, o.d, tap.d), h = seen(c, 1, o.h, tap.h), w = seen(c, 2, o.w, tap.w);
  if (!is_inside(c, 0, d) || !is_inside(c, 1, h) || !is_inside(c, 2, w)) return nullptr;
  return src + offset_of(c.src, o.n, o.c, d, h, w);
}

// A row for each output pixel, of all that it sees: taps, then channels.
struct Patches {
  using Row = Cell;
  Convolution c;
  Group g;
  const float* src;
  bool near;
  __device__ Row row(int64_t pixel) const { return cell_of(pixel, 1, c.out); }
  __device__ const float* at(const Row& o, int64_t k) const {
    const float* const pixel = seen_by(c, src, o, tap_of(c, k / g.ic));
    return pixel ? pixel + (g.first_ic + k % g.ic) * c.src.channel : nullptr;
  }
};
// A row for each input pixel, of all outputs that see it: taps, then channels.
struct Seers {
  using Row = Cell;
  Convolution c;
  Group g;
  const float* dst;
  bool near;
  __device__ Row row(int64_t pixel) const { return cell_of(pixel, 1, c.in); }
  __device__ const float* at(const Row& s, int64_t k) const {
    const Tap tap = tap_of(c, k / g.oc);
    const int d = seer(c, 0, s.d, tap.d), h = seer(c, 1, s.h, tap.h), w = seer(c, 2, s.w, tap.w);
    if (d < 0 || h < 0 || w < 0) return nullptr;
    return dst + offset_of(c.dst, s.n, g.first_oc + static_cast<int>(k % g.oc), d, h, w);
  }
};
// The patches turned: a row for each tap and channel, of what all output pixels see there.
struct TurnedPatches {
  struct Row {
    Tap tap;
    const float* src;  // of the channel
  };
  Convolution c;
  Group g;
  const float* src;
  bool near;
  __device__ Row row(int64_t i) const {
    return {tap_of(c, i / g.ic), src + (g.first_ic + i % g.ic) * c.src.channel};
  }
  __device__ const float* at(const Row& row, int64_t pixel) const {
    return seen_by(c, row.src, cell_of(pixel, 1, c.out), row.tap);
  }
};
// A column for each output channel, of all pixels.
struct OutputPixels {
  using Row = const float*;
  Convolution c;
  Group g;
  const float* dst;
  bool near;
  __device__ Row row(int64_t channel) const { return dst + (g.first_oc + channel) * c.dst.channel; }
  __device__ const float* at(Row row, int64_t pixel) const {
    const Cell o = cell_of(pixel, 1, c.out);
    return row + offset_of(c.dst, o.n, 0, o.d, o.h, o.w);
  }
};
// The kernel with a column for each output channel, or, turned, for each input channel.
struct Kernel {
  using Row = const float*;
  Convolution c;
  Group g;
  const float* kernel;
  bool near = true;
  __device__ Row row(int64_t channel) const { return kernel + g.first_oc + channel; }
  __device__ const float* at(Row row, int64_t k) const { return row + k * c.oc; }
};
struct TurnedKernel {
  using Row = const float*;
  Convolution c;
  Group g;
  const float* kernel;
  bool near = false;
  __device__ Row row(int64_t channel) const { return kernel + channel * c.oc + g.first_oc; }
  __device__ const float* at(Row row, int64_t k) const { return row + k / g.oc * g.ic * c.oc + k % g.oc; }
};

// Where a product of pixels and channels goes.
struct ToImages {
  Images images;
  int32_t size[3];
  int first;
  const float* bias;
  Activation activation;
  float* to;
  ToImages(const Images& images, const int32_t (&size)[3], int first, const float* bias,
           Activation activation, float* to)
      : images(images),
        size{size[0], size[1], size[2]},
        first(first),
        bias(bias),
        activation(activation),
        to(to) {}
  __device__ void operator()(int64_t pixel, int64_t channel, float sum) const {
    const Cell cell = cell_of(pixel, 1, size);
    const int at = first + static_cast<int>(channel);
    if (bias) sum += bias[at];
    to[offset_of(images, cell.n, at, cell.d, cell.h, cell.w)] = activated(activation, sum);
  }
};
// A part of the gradient of the kernel.
struct ToKernel {
  int64_t size, columns;
  int first;
  float* to;
  __device__ void operator()(int64_t row, int64_t channel, float sum) const {
    to[blockIdx.z * size + row * columns + first + channel] = sum;
  }
};

int64_t kernel_size(const Convolution& c) {
  return pixels_of(c.kernel) * (c.ic / c.groups) * c.oc;
}

// Into how many parts the sums over all pixels are cut: blocks enough for a device, as shapes tell.
int64_t weight_parts(const Convolution& c) {
  constexpr int64_t kBlocks = 256, kFewest = 16 * kTerms;
  if (!fills_tiles(c)) return 1;
  const int64_t pixels = c.n * pixels_of(c.out), rows = pixels_of(c.kernel) * (c.ic / c.groups);
  const int64_t tiles = ((rows + kTile - 1) / kTile) * ((c.oc / c.groups + kTile - 1) / kTile) * c.groups;
  const int64_t most = pixels / kFewest, wanted = kBlocks / tiles;
  return most < 1 || wanted < 1 ? 1 : (wanted < most ? wanted : most);
}

}  // namespace

void conv_forward(cudaStream_t stream, const Convolution& c, const float* src, const float* kernel,
                  const float* bias, Activation activation, float* dst) {
  if (!fills_tiles(c)) return forward_by_element(stream, c, src, kernel, bias, activation, dst);
  for (int i = 0; i < c.groups; ++i) {
    const Group g(c, i);
    product(stream, c.arithmetic, Patches{c, g, src, c.src.pixel == 1}, Kernel{c, g, kernel},
            ToImages(c.dst, c.out, g.first_oc, bias, activation, dst), c.n * pixels_of(c.out), g.oc,
            pixels_of(c.kernel) * g.ic);
  }
}

void conv_backward(cudaStream_t stream, const Convolution& c, const float* dst, const float* kernel,
                   const float* bias, Activation activation, float* src) {
  if (!fills_tiles(c)) return backward_by_element(stream, c, dst, kernel, bias, activation, src);
  for (int i = 0; i < c.groups; ++i) {
    const Group g(c, i);
    product(stream, c.arithmetic, Seers{c, g, dst, c.dst.pixel == 1}, TurnedKernel{c, g, kernel},
            ToImages(c.src, c.in, g.first_ic, bias, activation, src), c.n * pixels_of(c.in), g.ic,
            pixels_of(c.kernel) * g.oc);
  }
}

int64_t conv_weights_scratch(const Convolution& c) {
  const int64_t parts = weight_parts(c);
  return parts > 1 ? parts * kernel_size(c) : 0;
}

void conv_weights(cudaStream_t stream, const Convolution& c, const float* src, const float* grad_dst,
                  float* scratch, float* grad_kernel) {
  if (!fills_tiles(c)) return weights_by_element(stream, c, src, grad_dst, grad_kernel);
  const int64_t parts = weight_parts(c), size = kernel_size(c);
  float* const to = parts > 1 ? scratch : grad_kernel;
  for (int i = 0; i < c.groups; ++i) {
    const Group g(c, i);
    product(stream, c.arithmetic, TurnedPatches{c, g, src, c.src.channel == 1},
            OutputPixels{c, g, grad_dst, c.dst.channel == 1}, ToKernel{size, c.oc, g.first_oc, to},
            pixels_of(c.kernel) * g.ic, g.oc, c.n * pixels_of(c.out), parts);
  }
  if (parts == 1) return;
  each(stream, size, [=] __device__(int64_t i) {
    float sum = 0;
    for (int64_t part = 0; part < parts; ++part) sum += scratch[part * size + i];
    grad_kernel[i] = sum;
  });
}

}  // namespace cnnfast::cuda
