// Convolutions in all directions, of any geometry and groups. Each direction is a product for each group,
// whose matrices are read out of the images (product.cuh), but for groups of few channels (depthwise.cu),
// first layers (first_layer.cu) and results of few channels (few_results.cu).
#include "cuda/kernels/conv.cuh"
#include "cuda/kernels/product.cuh"

namespace cnnfast::cuda {

namespace {

// The output along an axis that sees a cell by this tap; below 0: none.
__device__ int seer(const Convolution& c, int axis, int cell, int tap) {
  const int at = cell + c.padding[axis] - tap * c.dilation[axis];
  if (at < 0 || at % c.stride[axis] != 0) return -1;
  const int output = at / c.stride[axis];
  return output < c.out[axis] ? output : -1;
}

// A position of the kernel.
struct Tap {
  int d, h, w;
};
__device__ Tap tap_of(const Convolution& c, int64_t number) {
  const int tap = static_cast<int>(number);
  return {tap / c.kernel[2] / c.kernel[1], tap / c.kernel[2] % c.kernel[1], tap % c.kernel[2]};
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

// ---- As products, of one group ----

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

// Into how many parts the sums over all pixels are cut: blocks enough for a device, as shapes tell.
int64_t weight_parts(const Convolution& c) {
  constexpr int64_t kBlocks = 256, kFewest = 16 * kTerms;
  const int64_t pixels = c.n * pixels_of(c.out), rows = pixels_of(c.kernel) * (c.ic / c.groups);
  const int64_t tiles = ((rows + kTile - 1) / kTile) * ((c.oc / c.groups + kTile - 1) / kTile) * c.groups;
  const int64_t most = pixels / kFewest, wanted = kBlocks / tiles;
  return most < 1 || wanted < 1 ? 1 : (wanted < most ? wanted : most);
}

}  // namespace

void conv_forward(cudaStream_t stream, const Convolution& c, const float* src, const float* kernel,
                  const Epilogue& epilogue, float* dst) {
  if (has_thin_groups(c)) return thin_forward(stream, c, src, kernel, epilogue, dst);
  if (has_few_terms(c)) return few_forward(stream, c, src, kernel, epilogue, dst);
  if (has_few_results(c, false)) return few_results(stream, c, false, src, kernel, epilogue, dst);
  for (int i = 0; i < c.groups; ++i) {
    const Group g(c, i);
    product(stream, c.arithmetic, Patches{c, g, src, c.src.pixel == 1}, Kernel{c, g, kernel},
            ToImages(c.dst, c.out, g.first_oc, epilogue, dst), c.n * pixels_of(c.out), g.oc,
            pixels_of(c.kernel) * g.ic);
  }
}

void conv_backward(cudaStream_t stream, const Convolution& c, const float* dst, const float* kernel,
                   const Epilogue& epilogue, float* src) {
  if (has_thin_groups(c)) return thin_backward(stream, c, dst, kernel, epilogue, src);
  if (has_few_results(c, true)) return few_results(stream, c, true, dst, kernel, epilogue, src);
  for (int i = 0; i < c.groups; ++i) {
    const Group g(c, i);
    product(stream, c.arithmetic, Seers{c, g, dst, c.dst.pixel == 1}, TurnedKernel{c, g, kernel},
            ToImages(c.src, c.in, g.first_ic, epilogue, src), c.n * pixels_of(c.in), g.ic,
            pixels_of(c.kernel) * g.oc);
  }
}

int64_t conv_weights_scratch(const Convolution& c) {
  if (has_thin_groups(c)) return thin_weights_scratch(c);
  if (has_few_terms(c)) return few_weights_scratch(c);
  const int64_t parts = weight_parts(c);
  return parts > 1 ? parts * kernel_size(c) : 0;
}

void conv_weights(cudaStream_t stream, const Convolution& c, const float* src, const float* grad_dst,
                  float* scratch, float* grad_kernel) {
  if (has_thin_groups(c)) return thin_weights(stream, c, src, grad_dst, scratch, grad_kernel);
  if (has_few_terms(c)) return few_weights(stream, c, src, grad_dst, scratch, grad_kernel);
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
