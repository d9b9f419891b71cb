// Convolutions in all directions, of any geometry and groups. Where a group has channels enough each
// direction is a product whose matrices are read out of the images (product.cuh); else an element of the
// result is a thread's.
#include "cuda/kernels/cells.cuh"
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/product.cuh"

namespace cnnfast::cuda {

namespace {

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

// A position of the kernel.
struct Tap {
  int d, h, w;
};
__device__ Tap tap_of(const Convolution& c, int64_t number) {
  const int tap = static_cast<int>(number);
  return {tap / c.kernel[2] / c.kernel[1], tap / c.kernel[2] % c.kernel[1], tap % c.kernel[2]};
}
// body(tap, its number) for each.
template <class Body>
__device__ void for_taps(const Convolution& c, const Body& body) {
  int64_t number = 0;
  for (int d = 0; d < c.kernel[0]; ++d)
    for (int h = 0; h < c.kernel[1]; ++h)
      for (int w = 0; w < c.kernel[2]; ++w) body(Tap{d, h, w}, number++);
}

// What an output sees by a tap, in the output's channel of the source; null: the border.
__device__ const float* seen_by(const Convolution& c, const float* src, const Cell& o, const Tap& tap) {
  const int d = seen(c, 0, o.d, tap.d), h = seen(c, 1, o.h, tap.h), w = seen(c, 2, o.w, tap.w);
  if (!is_inside(c, 0, d) || !is_inside(c, 1, h) || !is_inside(c, 2, w)) return nullptr;
  return src + offset_of(c.src, {o.n, o.c, d, h, w});
}
// The output that sees a cell by a tap, in the cell's channel of the destination; null: none.
__device__ const float* seer_of(const Convolution& c, const float* dst, const Cell& s, const Tap& tap) {
  const int d = seer(c, 0, s.d, tap.d), h = seer(c, 1, s.h, tap.h), w = seer(c, 2, s.w, tap.w);
  return d < 0 || h < 0 || w < 0 ? nullptr : dst + offset_of(c.dst, {s.n, s.c, d, h, w});
}

__device__ float finished(const Epilogue& by, int channel, int64_t place, float sum) {
  if (by.scale) sum *= by.scale[channel];
  if (by.shift) sum += by.shift[channel];
  if (by.addend) sum += by.addend[place];
  return activated(by.activation, sum);
}

__host__ __device__ int64_t pixels_of(const int32_t (&size)[3]) {
  return int64_t{size[0]} * size[1] * size[2];
}

// ---- An element a thread ----

void forward_by_element(cudaStream_t stream, const Convolution& c, const float* src, const float* kernel,
                        const Epilogue& epilogue, float* dst) {
  const int ic = c.ic / c.groups, oc = c.oc / c.groups;
  each(stream, c.n * pixels_of(c.out) * c.oc, [=] __device__(int64_t i) {
    const Cell o = cell_of(i, c.oc, c.out);
    const Cell first{o.n, o.c / oc * ic, o.d, o.h, o.w};  // of the group's channels
    float sum = 0;
    for_taps(c, [&](const Tap& tap, int64_t number) {
      const float* const from = seen_by(c, src, first, tap);
      for (int k = 0; from && k < ic; ++k)
        sum += from[k * c.src.channel] * kernel[(number * ic + k) * c.oc + o.c];
    });
    const int64_t place = offset_of(c.dst, o);
    dst[place] = finished(epilogue, o.c, place, sum);
  });
}

void backward_by_element(cudaStream_t stream, const Convolution& c, const float* dst, const float* kernel,
                         const Epilogue& epilogue, float* src) {
  const int ic = c.ic / c.groups, oc = c.oc / c.groups;
  each(stream, c.n * pixels_of(c.in) * c.ic, [=] __device__(int64_t i) {
    const Cell s = cell_of(i, c.ic, c.in);
    const Cell first{s.n, s.c / ic * oc, s.d, s.h, s.w};  // of the group's channels
    float sum = 0;
    for_taps(c, [&](const Tap& tap, int64_t number) {
      const float* const from = seer_of(c, dst, first, tap);
      const float* const by = kernel + (number * ic + s.c % ic) * c.oc + first.c;
      for (int k = 0; from && k < oc; ++k) sum += from[k * c.dst.channel] * by[k];
    });
    const int64_t place = offset_of(c.src, s);
    src[place] = finished(epilogue, s.c, place, sum);
  });
}

void weights_by_element(cudaStream_t stream, const Convolution& c, const float* src, const float* grad_dst,
                        float* grad_kernel) {
  const int ic = c.ic / c.groups, oc = c.oc / c.groups;
  each(stream, pixels_of(c.kernel) * ic * c.oc, [=] __device__(int64_t i) {
    const int o = static_cast<int>(i % c.oc), k = static_cast<int>(i / c.oc % ic);
    const Tap tap = tap_of(c, i / c.oc / ic);
    const int channel = o / oc * ic + k;
    double sum = 0;
    for (int n = 0; n < c.n; ++n) {
      float own = 0;  // of one sample: short enough
      for (int od = 0; od < c.out[0]; ++od)
        for (int oh = 0; oh < c.out[1]; ++oh)
          for (int ow = 0; ow < c.out[2]; ++ow) {
            const float* const from = seen_by(c, src, {n, channel, od, oh, ow}, tap);
            if (from) own += *from * grad_dst[offset_of(c.dst, {n, o, od, oh, ow})];
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
    return seer_of(c, dst, {s.n, g.first_oc + static_cast<int>(k % g.oc), s.d, s.h, s.w},
                   tap_of(c, k / g.oc));
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
    return row + offset_of(c.dst, o);
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
  Epilogue epilogue;
  float* to;
  ToImages(const Images& images, const int32_t (&size)[3], int first, const Epilogue& epilogue, float* to)
      : images(images), size{size[0], size[1], size[2]}, first(first), epilogue(epilogue), to(to) {}
  __device__ void operator()(int64_t pixel, int64_t channel, float sum) const {
    const Cell cell = cell_of(pixel, 1, size);
    const int at = first + static_cast<int>(channel);
    const int64_t place = offset_of(images, {cell.n, at, cell.d, cell.h, cell.w});
    to[place] = finished(epilogue, at, place, sum);
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
                  const Epilogue& epilogue, float* dst) {
  if (!fills_tiles(c)) return forward_by_element(stream, c, src, kernel, epilogue, dst);
  for (int i = 0; i < c.groups; ++i) {
    const Group g(c, i);
    product(stream, c.arithmetic, Patches{c, g, src, c.src.pixel == 1}, Kernel{c, g, kernel},
            ToImages(c.dst, c.out, g.first_oc, epilogue, dst), c.n * pixels_of(c.out), g.oc,
            pixels_of(c.kernel) * g.ic);
  }
}

void conv_backward(cudaStream_t stream, const Convolution& c, const float* dst, const float* kernel,
                   const Epilogue& epilogue, float* src) {
  if (!fills_tiles(c)) return backward_by_element(stream, c, dst, kernel, epilogue, src);
  for (int i = 0; i < c.groups; ++i) {
    const Group g(c, i);
    product(stream, c.arithmetic, Seers{c, g, dst, c.dst.pixel == 1}, TurnedKernel{c, g, kernel},
            ToImages(c.src, c.in, g.first_ic, epilogue, src), c.n * pixels_of(c.in), g.ic,
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
