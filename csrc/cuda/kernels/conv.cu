// Convolutions in all directions, of any geometry and groups. Each direction is a product for each group,
// whose matrices are read out of the images (product.cuh), but for groups of few channels (depthwise.cu),
// first layers (first_layer.cu) and results of few channels (few_results.cu).
#include "cuda/kernels/conv.cuh"
#include "cuda/kernels/product.cuh"

namespace cnnfast::cuda {

namespace {

// ---- Terms that threads walk along ----

// A position of the kernel, and a channel of a group's.
struct Tap {
  int d, h, w, channel;
};
__device__ Tap tap_of(const Convolution& c, int channels, int64_t number) {
  const int tap = static_cast<int>(number / channels), of_row = tap / c.kernel[2];
  return {of_row / c.kernel[1], of_row % c.kernel[1], tap % c.kernel[2], static_cast<int>(number % channels)};
}
__device__ void advance_tap(const Convolution& c, int channels, Tap& at, int by) {
  at.channel += by;
  while (at.channel >= channels) {
    at.channel -= channels;
    if (++at.w < c.kernel[2]) continue;
    at.w = 0;
    if (++at.h == c.kernel[1]) at.h = 0, ++at.d;
  }
}

// A pixel of the output.
__device__ void advance_pixel(const Convolution& c, Cell& at, int by) {
  at.w += by;
  while (at.w >= c.out[2]) {
    at.w -= c.out[2];
    if (++at.h < c.out[1]) continue;
    at.h = 0;
    if (++at.d == c.out[0]) at.d = 0, ++at.n;
  }
}

// ---- Matrices ----

// How far a number lies from the first one of a sample's channel.
__device__ int64_t offset_of(const Images& images, int d, int h, int w) {
  return d * images.slice + h * images.row + w * images.pixel;
}

// A row for each output pixel, of all that it sees: taps, then channels.
struct Patches {
  struct Row {
    const float* image;  // the group's channels of the sample
    int d, h, w;         // what the kernel's first tap sees
  };
  using Term = Tap;
  Convolution c;
  const float* src;
  bool near;
  __device__ Row row(int64_t group, int64_t pixel) const {
    const Cell o = cell_of(pixel, 1, c.out);
    return {src + o.n * c.src.sample + group * (c.ic / c.groups) * c.src.channel, seen(c, 0, o.d, 0),
            seen(c, 1, o.h, 0), seen(c, 2, o.w, 0)};
  }
  __device__ Tap term(int64_t k) const { return tap_of(c, c.ic / c.groups, k); }
  __device__ void advance(Tap& at, int by) const { advance_tap(c, c.ic / c.groups, at, by); }
  __device__ const float* at(const Row& o, const Tap& tap) const {
    const int d = o.d + tap.d * c.dilation[0], h = o.h + tap.h * c.dilation[1],
              w = o.w + tap.w * c.dilation[2];
    if (!is_inside(c, 0, d) || !is_inside(c, 1, h) || !is_inside(c, 2, w)) return nullptr;
    return o.image + tap.channel * c.src.channel + offset_of(c.src, d, h, w);
  }
};

__device__ bool is_output(const Convolution& c, int axis, int cell) {
  return cell >= 0 && cell < c.out[axis];
}

// A row for each input pixel, of all outputs that see it: taps, then channels.
struct Seers {
  struct Row {
    const float* image;
    int d, h, w;  // behind the border
  };
  using Term = Tap;
  Convolution c;
  const float* dst;
  bool near;
  __device__ Row row(int64_t group, int64_t pixel) const {
    const Cell s = cell_of(pixel, 1, c.in);
    return {dst + s.n * c.dst.sample + group * (c.oc / c.groups) * c.dst.channel, s.d + c.padding[0],
            s.h + c.padding[1], s.w + c.padding[2]};
  }
  __device__ Tap term(int64_t k) const { return tap_of(c, c.oc / c.groups, k); }
  __device__ void advance(Tap& at, int by) const { advance_tap(c, c.oc / c.groups, at, by); }
  __device__ const float* at(const Row& s, const Tap& tap) const {
    const int d = seer(c, 0, s.d, tap.d), h = seer(c, 1, s.h, tap.h), w = seer(c, 2, s.w, tap.w);
    if (!is_output(c, 0, d) || !is_output(c, 1, h) || !is_output(c, 2, w)) return nullptr;
    return s.image + tap.channel * c.dst.channel + offset_of(c.dst, d, h, w);
  }
};

// The patches turned: a row for each tap and channel, of what all output pixels see there.
struct TurnedPatches {
  struct Row {
    const float* src;  // of the channel
    int d, h, w;       // what the first output sees by the tap
  };
  using Term = Cell;
  Convolution c;
  const float* src;
  bool near;
  __device__ Row row(int64_t group, int64_t i) const {
    const int ic = c.ic / c.groups;
    const Tap tap = tap_of(c, ic, i);
    return {src + (group * ic + tap.channel) * c.src.channel, seen(c, 0, 0, tap.d), seen(c, 1, 0, tap.h),
            seen(c, 2, 0, tap.w)};
  }
  __device__ Cell term(int64_t pixel) const { return cell_of(pixel, 1, c.out); }
  __device__ void advance(Cell& at, int by) const { advance_pixel(c, at, by); }
  __device__ const float* at(const Row& row, const Cell& o) const {
    const int d = row.d + o.d * c.stride[0], h = row.h + o.h * c.stride[1], w = row.w + o.w * c.stride[2];
    if (!is_inside(c, 0, d) || !is_inside(c, 1, h) || !is_inside(c, 2, w)) return nullptr;
    return row.src + o.n * c.src.sample + offset_of(c.src, d, h, w);
  }
};

// A column for each output channel, of all pixels.
struct OutputPixels {
  using Row = const float*;
  using Term = Cell;
  Convolution c;
  const float* dst;
  bool near;
  __device__ Row row(int64_t group, int64_t channel) const {
    return dst + (group * (c.oc / c.groups) + channel) * c.dst.channel;
  }
  __device__ Cell term(int64_t pixel) const { return cell_of(pixel, 1, c.out); }
  __device__ void advance(Cell& at, int by) const { advance_pixel(c, at, by); }
  __device__ const float* at(Row row, const Cell& o) const {
    return row + o.n * c.dst.sample + offset_of(c.dst, o.d, o.h, o.w);
  }
};

// The kernel with a column for each output channel, or, turned, for each input channel.
struct Kernel {
  using Row = const float*;
  using Term = int;  // tap and channel
  Convolution c;
  const float* kernel;
  bool near = true;
  __device__ Row row(int64_t group, int64_t channel) const {
    return kernel + group * (c.oc / c.groups) + channel;
  }
  __device__ int term(int64_t k) const { return static_cast<int>(k); }
  __device__ void advance(int& at, int by) const { at += by; }
  __device__ const float* at(Row row, int k) const { return row + int64_t{k} * c.oc; }
};
struct TurnedKernel {
  using Row = const float*;
  struct Term {
    int tap, channel;
  };
  Convolution c;
  const float* kernel;
  bool near = false;
  __device__ Row row(int64_t group, int64_t channel) const {
    return kernel + channel * c.oc + group * (c.oc / c.groups);
  }
  __device__ Term term(int64_t k) const {
    const int oc = c.oc / c.groups;
    return {static_cast<int>(k / oc), static_cast<int>(k % oc)};
  }
  __device__ void advance(Term& at, int by) const {
    const int oc = c.oc / c.groups;
    for (at.channel += by; at.channel >= oc; at.channel -= oc) ++at.tap;
  }
  __device__ const float* at(Row row, const Term& at) const {
    return row + int64_t{at.tap} * (c.ic / c.groups) * c.oc + at.channel;
  }
};

// Where a product of pixels and a group's channels goes.
struct ToImages {
  Images images;
  int32_t size[3], channels;
  Epilogue epilogue;
  float* to;
  bool near;
  ToImages(const Images& images, const int32_t (&size)[3], int channels, const Epilogue& epilogue, float* to)
      : images(images),
        size{size[0], size[1], size[2]},
        channels(channels),
        epilogue(epilogue),
        to(to),
        near(images.pixel == 1) {}
  __device__ int64_t row(int64_t group, int64_t pixel) const {
    const Cell cell = cell_of(pixel, 1, size);
    return cell.n * images.sample + group * channels * images.channel +
           offset_of(images, cell.d, cell.h, cell.w);
  }
  __device__ void give(int64_t row, int group, int64_t channel, float sum) const {
    const int64_t place = row + channel * images.channel;
    to[place] = finished(epilogue, static_cast<int>(group * channels + channel), place, sum);
  }
};
// The gradient of the kernel.
struct ToKernel {
  int64_t columns, channels;  // of all groups, and of one
  float* to;
  bool near = false;
  __device__ int64_t row(int64_t group, int64_t i) const { return i * columns + group * channels; }
  __device__ void give(int64_t row, int, int64_t channel, float sum) const { to[row + channel] = sum; }
};

// ---- Directions ----

// Whether a group's channels come four at a time: they are side by side, and each four begins at 16 bytes.
bool come_in_fours(const Images& images, int channels, const float* data) {
  const auto is_four = [](int64_t step) { return step % 4 == 0; };
  return images.channel == 1 && channels % 4 == 0 && is_four(images.sample) && is_four(images.slice) &&
         is_four(images.row) && is_four(images.pixel) && begins_at_16(data);
}
bool inputs_come_in_fours(const Convolution& c, const float* src) {
  return come_in_fours(c.src, c.ic / c.groups, src);
}
bool outputs_come_in_fours(const Convolution& c, const float* dst) {
  return come_in_fours(c.dst, c.oc / c.groups, dst);
}
bool kernel_comes_in_fours(const Convolution& c, const float* kernel) {
  return c.oc / c.groups % 4 == 0 && begins_at_16(kernel);
}

// Whose matrices come by fours in these ways, where they all can.
template <Access kOfA, Access kOfB, class A, class B, class To>
void product_by(bool fours, cudaStream_t stream, const Convolution& c, const A& a, const B& b, const To& to,
                const ProductSize& size, float* scratch) {
  if (fours) return product<kOfA, kOfB>(stream, c.arithmetic, a, b, to, size, scratch);
  product<Access::singly, Access::singly>(stream, c.arithmetic, a, b, to, size, scratch);
}

ProductSize forward_size(const Convolution& c) {
  return {c.n * pixels_of(c.out), c.oc / c.groups, pixels_of(c.kernel) * (c.ic / c.groups), c.groups};
}
ProductSize backward_size(const Convolution& c) {
  return {c.n * pixels_of(c.in), c.ic / c.groups, pixels_of(c.kernel) * (c.oc / c.groups), c.groups};
}
ProductSize weights_size(const Convolution& c) {
  return {pixels_of(c.kernel) * (c.ic / c.groups), c.oc / c.groups, c.n * pixels_of(c.out), c.groups};
}

}  // namespace

int64_t conv_forward_scratch(const Convolution& c) {
  const bool is_product = !has_thin_groups(c) && !has_few_terms(c) && !has_few_results(c, false);
  return is_product ? product_scratch(forward_size(c)) : 0;
}

void conv_forward(cudaStream_t stream, const Convolution& c, const float* src, const float* kernel,
                  const Epilogue& epilogue, float* scratch, float* dst) {
  if (has_thin_groups(c)) return thin_forward(stream, c, src, kernel, epilogue, dst);
  if (has_few_terms(c)) return few_forward(stream, c, src, kernel, epilogue, dst);
  if (has_few_results(c, false)) return few_results(stream, c, false, src, kernel, epilogue, dst);
  const Patches a{c, src, c.src.pixel == 1};
  const Kernel b{c, kernel};
  const ToImages to(c.dst, c.out, c.oc / c.groups, epilogue, dst);
  const bool fours = inputs_come_in_fours(c, src) && kernel_comes_in_fours(c, kernel);
  product_by<Access::by_terms, Access::by_rows>(fours, stream, c, a, b, to, forward_size(c), scratch);
}

int64_t conv_backward_scratch(const Convolution& c) {
  return has_thin_groups(c) || has_few_results(c, true) ? 0 : product_scratch(backward_size(c));
}

void conv_backward(cudaStream_t stream, const Convolution& c, const float* dst, const float* kernel,
                   const Epilogue& epilogue, float* scratch, float* src) {
  if (has_thin_groups(c)) return thin_backward(stream, c, dst, kernel, epilogue, src);
  if (has_few_results(c, true)) return few_results(stream, c, true, dst, kernel, epilogue, src);
  const Seers a{c, dst, c.dst.pixel == 1};
  const TurnedKernel b{c, kernel};
  const ToImages to(c.src, c.in, c.ic / c.groups, epilogue, src);
  const bool fours = outputs_come_in_fours(c, dst) && kernel_comes_in_fours(c, kernel);
  product_by<Access::by_terms, Access::by_terms>(fours, stream, c, a, b, to, backward_size(c), scratch);
}

int64_t conv_weights_scratch(const Convolution& c) {
  if (has_thin_groups(c)) return thin_weights_scratch(c);
  if (has_few_terms(c)) return few_weights_scratch(c);
  return product_scratch(weights_size(c));
}

void conv_weights(cudaStream_t stream, const Convolution& c, const float* src, const float* grad_dst,
                  float* scratch, float* grad_kernel) {
  if (has_thin_groups(c)) return thin_weights(stream, c, src, grad_dst, scratch, grad_kernel);
  if (has_few_terms(c)) return few_weights(stream, c, src, grad_dst, scratch, grad_kernel);
  const TurnedPatches a{c, src, c.src.channel == 1};
  const OutputPixels b{c, grad_dst, c.dst.channel == 1};
  const ToKernel to{c.oc, c.oc / c.groups, grad_kernel};
  const bool fours = inputs_come_in_fours(c, src) && outputs_come_in_fours(c, grad_dst);
  product_by<Access::by_rows, Access::by_rows>(fours, stream, c, a, b, to, weights_size(c), scratch);
}

}  // namespace cnnfast::cuda
