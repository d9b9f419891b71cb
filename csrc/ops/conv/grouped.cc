// Groups that do not fill blocks of sixteen channels, in nchw16c: depthwise convolution, and groups of 2, 4
// or 8 channels. The kernels know groups with as many inputs as outputs. Where the two differ, the tensor
// with fewer channels is widened: each group's channels are repeated until both sides have as many, and what
// is computed in the wide tensor is summed over the repetitions.
#include <memory>

#include "core/sizes.h"
#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

constexpr int kOutputTask = 1024;  // outputs of one plane and one task, about: some microseconds

Steps steps_of(const Image& image) {
  return {image, kLanes};
}

// How the channels of a problem lie in the wide tensors. Wide channel c belongs to input
// (c / big) * ic + c % ic and to output (c / big) * oc + c % oc.
struct Wide {
  int ic, oc, small, big;  // of a group; small divides big
  int channels;            // of all groups
  explicit Wide(const ConvProblem& p)
      : ic(p.ic()), oc(p.oc()), small(std::min(ic, oc)), big(std::max(ic, oc)), channels(big * p.a.groups) {}
  int repeats() const { return big / small; }
  int64_t blocks() const { return blocks_of(channels); }
  // body(packed, kernel) for each weight of one block of wide channels: packed counts [tap][k][16] and kernel
  // the layer's own order. Source lane j and destination lane j ^ k meet in it; inputs are the source, or
  // with `transposed` the destination.
  template <class Body>
  void for_weights(int64_t block, int taps, int all_oc, bool transposed, Body body) const {
    for (int tap = 0; tap < taps; ++tap)
      for (int k = 0; k < small; ++k)
        for (int lane = 0; lane < kLanes; ++lane) {
          const int64_t j = block * kLanes + lane, l = block * kLanes + (lane ^ k);
          if (j >= channels) continue;
          const int64_t i = (transposed ? l : j) % ic, to = transposed ? j : l;
          const int64_t o = to / big * oc + to % oc;
          body((int64_t{tap} * small + k) * kLanes + lane, (tap * int64_t{ic} + i) * all_oc + o);
        }
  }
};

// A tensor of `image` with each group's channels repeated: [sample][wide block][pixels][16].
Buffer widen(Builder& b, const Node& node, const Wide& wide, const Image& image, Buffer from) {
  if (image.c == wide.channels) return from;
  const int64_t blocks = wide.blocks(), pixels = image.pixels(), src_blocks = blocks_of(image.c);
  const Buffer to = b.buffer(product(Dims{b.rows(node), blocks, pixels, kLanes}));
  const int repeats = wide.repeats(), small = wide.small, big = wide.big;
  b.step(node, "repeat channels", b.rows(node) * blocks, {from, to}, [=](const Context& c, int64_t task) {
    const int64_t sample = task / blocks, block = task % blocks;
    // Sixteen wide channels never come from two blocks.
    const float* src = c.at(from) + (sample * src_blocks + block / repeats) * pixels * kLanes;
    float* dst = c.at(to) + task * pixels * kLanes;
    int lanes[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      const int64_t channel = block * kLanes + lane;
      lanes[lane] = static_cast<int>((channel / big * small + channel % small) % kLanes);
    }
    for (int64_t pixel = 0; pixel < pixels; ++pixel, src += kLanes, dst += kLanes)
      for (int lane = 0; lane < kLanes; ++lane) dst[lane] = src[lanes[lane]];
  });
  return to;
}

// The transposed step: sums the repetitions of each channel of a wide tensor, adds the bias and applies the
// activation.
void narrow(Builder& b, const Node& node, const Wide& wide, const Image& image, Buffer from, Buffer to,
            const ParamSource& bias, Activation activation) {
  const int64_t blocks = blocks_of(image.c), pixels = image.pixels(), src_blocks = wide.blocks();
  const int repeats = wide.repeats(), small = wide.small, big = wide.big, channels = image.c;
  const auto activate = b.k.activate;
  std::vector<Buffer> uses{from, to};
  if (bias.made) uses.push_back(bias.made);
  b.step(node, "sum channels", b.rows(node) * blocks, uses, [=](const Context& c, int64_t task) {
    const int64_t sample = task / blocks, block = task % blocks;
    const float* src = c.at(from) + sample * src_blocks * pixels * kLanes;
    float* dst = c.at(to) + task * pixels * kLanes;
    const int64_t first = block * kLanes, lanes = std::min<int64_t>(kLanes, channels - first);
    float start[kLanes] = {};
    if (bias) std::copy_n(c.values(bias) + first, lanes, start);
    for (int64_t pixel = 0; pixel < pixels; ++pixel) std::copy_n(start, kLanes, dst + pixel * kLanes);
    for (int repeat = 0; repeat < repeats; ++repeat) {
      int64_t from_lane[kLanes];
      for (int64_t lane = 0; lane < lanes; ++lane) {
        const int64_t channel = first + lane;
        const int64_t at = channel / small * big + repeat * small + channel % small;
        from_lane[lane] = at / kLanes * pixels * kLanes + at % kLanes;
      }
      for (int64_t pixel = 0; pixel < pixels * kLanes; pixel += kLanes)
        for (int64_t lane = 0; lane < lanes; ++lane) dst[pixel + lane] += src[from_lane[lane] + pixel];
    }
    activate(activation, dst, dst, pixels * kLanes);
  });
}

// The kernel as [wide blocks][taps][k][16]; `transposed` for backward-data, `turned` by 180 degrees. Where an
// output channel is a wide one, those of a block are made from no others.
Buffer pack_weights(Builder& b, const Node& node, const ConvProblem& p, const ParamSource& kernel,
                    bool transposed, bool turned) {
  const Wide wide(p);
  const int taps = p.taps(), all_oc = p.out.c;
  const int64_t tap_floats = int64_t{wide.small} * kLanes, block_floats = taps * tap_floats;
  const int unit = wide.oc == wide.big ? kLanes : all_oc;
  const auto pack = [=](const PackRows& r) {
    const bool all = r.end == all_oc;
    for (int64_t block = r.begin / kLanes; block < (all ? wide.blocks() : r.end / kLanes); ++block) {
      float* to = r.to + block * block_floats;
      wide.for_weights(block, taps, all_oc, transposed, [=](int64_t at, int64_t of) {
        const int64_t tap = at / tap_floats;
        to[turned ? at + (taps - 1 - 2 * tap) * tap_floats : at] = r.from[of];
      });
    }
  };
  return b.pack(node, wide.blocks() * block_floats, {kernel, int64_t{taps} * wide.ic, all_oc, unit, pack});
}

// What forward and backward-data have in common, between tensors of equally many channels.
struct Pass : ConvPass {
  const char* algorithm;
  Image src, dst;
  Buffer packed;
  Rects rects;
  Axes axes;            // of a convolution; zero for the phases of a strided backward-data
  bool rounds = false;  // `to` takes bfloat16
};

// Whether depthwise_3x3 takes it: at most one missing column on either side, and not both for one output.
bool is_3x3(const Wide& wide, const Axes& axes) {
  const Axis &d = axes.depth, &h = axes.rows, &w = axes.cols;
  const int beyond = (w.out - 1) * w.stride - w.before + 3 - w.in;
  return wide.small == 1 && d.in == 1 && d.out == 1 && d.kernel == 1 && h.kernel == 3 && w.kernel == 3 &&
         h.stride == w.stride && w.stride <= 2 && h.dilation == 1 && w.dilation == 1 && w.before >= 0 &&
         w.before <= 1 && beyond <= 1 && (w.out > 1 || w.before == 0 || beyond <= 0);
}

void lower_3x3(Builder& b, const Node& node, const Wide& wide, const Pass& pass) {
  Depthwise3x3 a{};
  a.ih = pass.src.h, a.iw = pass.src.w, a.oh = pass.dst.h, a.ow = pass.dst.w;
  a.stride = pass.axes.rows.stride, a.pad_top = pass.axes.rows.before, a.pad_left = pass.axes.cols.before;
  a.activation = pass.activation;
  const int64_t pieces = std::clamp<int64_t>(pass.dst.pixels() / kOutputTask, 1, a.oh),
                blocks = wide.blocks();
  const int64_t src_plane = pass.src.pixels() * kLanes, dst_plane = pass.dst.pixels() * kLanes;
  const ParamSource bias = pass.bias;
  const Buffer from = pass.from, to = pass.to, packed = pass.packed;
  const bool rounds = pass.rounds;
  const auto depthwise_3x3 = rounds ? b.k.bf16.depthwise_3x3 : b.k.depthwise_3x3;
  Step& step = b.step(node, pass.direction, b.rows(node) * blocks * pieces, pass.uses(packed),
                      [=](const Context& c, int64_t task) {
                        const int64_t piece = task % pieces, plane = task / pieces, block = plane % blocks;
                        Depthwise3x3 one = a;
                        one.src = c.at(from) + plane * src_plane;
                        one.weights = c.at(packed) + block * 9 * kLanes;
                        one.bias = bias ? c.values(bias) + block * kLanes : nullptr;
                        one.dst = rounds ? static_cast<void*>(c.as<uint16_t>(to) + plane * dst_plane)
                                         : c.at(to) + plane * dst_plane;
                        one.zeros = c.scratch;
                        one.row_begin = static_cast<int32_t>(piece * a.oh / pieces);
                        one.row_end = static_cast<int32_t>((piece + 1) * a.oh / pieces);
                        depthwise_3x3(one);
                      });
  step.info.algorithm = pass.algorithm;
  step.scratch = int64_t{a.iw} * kLanes;
}

// Runs of rectangles that make tasks of about kOutputTask outputs.
struct Work {
  Rects whole;
  std::vector<Rect> pieces;
  std::vector<size_t> ends;  // of each task, in pieces
};

std::shared_ptr<Work> cut_work(Rects rects) {
  auto work = std::make_shared<Work>();
  work->whole = std::move(rects);
  int outputs = 0;
  for (const Rect& rect : work->whole.rects) {
    const int rows = std::max(1, kOutputTask / rect.cols);
    for (int y = 0; y < rect.rows; y += rows) {
      if (outputs >= kOutputTask) work->ends.push_back(work->pieces.size()), outputs = 0;
      Rect piece = rect;
      piece.src0 += y * rect.src_row;
      piece.dst0 += y * rect.dst_row;
      piece.rows = std::min(rows, rect.rows - y);
      outputs += piece.rows * piece.cols;
      work->pieces.push_back(piece);
    }
  }
  work->ends.push_back(work->pieces.size());
  return work;
}

void lower_rects(Builder& b, const Node& node, const ConvProblem& p, const Wide& wide, Pass pass) {
  const std::shared_ptr<const Work> work = cut_work(std::move(pass.rects));
  ConvGrouped a{};
  a.group = wide.small, a.activation = pass.activation;
  const int64_t tasks = static_cast<int64_t>(work->ends.size()), blocks = wide.blocks();
  const int64_t src_plane = pass.src.pixels() * kLanes, dst_plane = pass.dst.pixels() * kLanes;
  const int64_t block_floats = int64_t{p.taps()} * wide.small * kLanes;
  const ParamSource bias = pass.bias;
  const Buffer from = pass.from, to = pass.to, packed = pass.packed;
  const auto conv_grouped = b.k.conv_grouped;
  Step& step = b.step(
      node, pass.direction, p.n * blocks * tasks, pass.uses(packed), [=](const Context& c, int64_t at) {
        const size_t task = static_cast<size_t>(at % tasks);
        const int64_t plane = at / tasks, block = plane % blocks;
        ConvGrouped one = a;
        one.src = c.at(from) + plane * src_plane;
        one.weights = c.at(packed) + block * block_floats;
        one.bias = bias ? c.values(bias) + block * kLanes : nullptr;
        one.dst = c.at(to) + plane * dst_plane;
        for (size_t piece = task ? work->ends[task - 1] : 0; piece < work->ends[task]; ++piece) {
          one.rect = work->pieces[piece];
          conv_grouped(one);
        }
      });
  step.info.algorithm = pass.algorithm;
}

// A depthwise convolution whose source gets its border: rows of it are copied between zeros, a strip that
// stays in cache (64 KB were faster than 32), so that all outputs see all taps and fill tiles. Cut into
// rectangles as above, the outputs near the border, at 7 x 7 most of them, would be tiles of one pixel.
struct Strip {
  static constexpr int kMost = 16384;  // floats
  Axis h, w;                           // of the convolution; before: of zeros, in the strip as well
  int rows, src_rows, src_cols;        // outputs' at a time, and the strip's then
  explicit Strip(const Axes& axes) : h(axes.rows), w(axes.cols), src_cols(static_cast<int>(reach(w, w.out))) {
    const int most = kMost / kLanes / src_cols - static_cast<int>(reach(h, 1));
    const int pieces = parts(h.out, most < 0 ? 1 : std::min(h.out, most / h.stride + 1));
    rows = parts(h.out, pieces), src_rows = static_cast<int>(reach(h, rows));
  }
  static int parts(int all, int part) { return (all + part - 1) / part; }
  // How many cells so many outputs of an axis see.
  static int64_t reach(const Axis& a, int outputs) {
    return int64_t{outputs - 1} * a.stride + int64_t{a.kernel - 1} * a.dilation + 1;
  }
  int pieces() const { return parts(h.out, rows); }
  int64_t floats() const { return int64_t{src_rows} * src_cols * kLanes; }
  // The rows that outputs from row y on see.
  void fill(const float* plane, int y, float* to) const {
    const int begin = std::clamp(w.before, 0, src_cols), from = std::max(-w.before, 0);
    const int count = std::clamp(w.in - from, 0, src_cols - begin);
    for (int row = 0; row < src_rows; ++row, to += src_cols * kLanes) {
      const int at = y * h.stride - h.before + row;
      const bool inside = at >= 0 && at < h.in;
      const int first = inside ? begin : src_cols, end = inside ? begin + count : src_cols;
      std::fill(to, to + first * kLanes, 0.0f);
      if (inside)
        std::copy_n(plane + (int64_t{at} * w.in + from) * kLanes, count * kLanes, to + first * kLanes);
      std::fill(to + end * kLanes, to + src_cols * kLanes, 0.0f);
    }
  }
};

// Whether copies cost little: there is a border, but the image is no smaller than the kernel, and rows are
// not copied again for every few outputs, or by strides (72@56 in steps of 2: 88 us to 93).
bool takes_strips(const Wide& wide, const Axes& axes, const Rects& rects) {
  const Axis &d = axes.depth, &h = axes.rows, &w = axes.cols;
  if (wide.small != 1 || rects.rects.size() < 2 || d.in != 1 || d.out != 1 || d.kernel != 1) return false;
  if (Strip::reach(h, 1) > h.in || Strip::reach(w, 1) > w.in) return false;
  if (Strip::reach(w, w.out) > Strip::kMost / kLanes) return false;
  const Strip strip(axes);
  return strip.floats() <= Strip::kMost && (strip.pieces() == 1 || (h.stride == 1 && strip.rows >= h.kernel));
}

void lower_strips(Builder& b, const Node& node, const ConvProblem& p, const Wide& wide, const Pass& pass) {
  const Strip strip(pass.axes);
  const Image src{kLanes, strip.src_rows, strip.src_cols}, dst{kLanes, strip.rows, pass.dst.w};
  Axes axes = pass.axes;
  axes.rows.in = src.h, axes.rows.out = dst.h, axes.rows.before = 0;
  axes.cols.in = src.w, axes.cols.before = 0;
  const auto rects = std::make_shared<const Rects>(forward_rects(axes, steps_of(src), steps_of(dst), {1, 0}));
  const int64_t pieces = strip.pieces(), blocks = wide.blocks();
  const int64_t src_plane = pass.src.pixels() * kLanes, dst_plane = pass.dst.pixels() * kLanes;
  const int64_t block_floats = int64_t{p.taps()} * kLanes;
  const ParamSource bias = pass.bias;
  const Buffer from = pass.from, to = pass.to, packed = pass.packed;
  Step& step = b.step(
      node, pass.direction, p.n * blocks * pieces, pass.uses(packed),
      [=, activation = pass.activation, conv_grouped = b.k.conv_grouped](const Context& c, int64_t task) {
        const int64_t plane = task / pieces, block = plane % blocks;
        const int y = static_cast<int>(task % pieces) * strip.rows;
        strip.fill(c.at(from) + plane * src_plane, y, c.scratch);
        ConvGrouped one{};
        one.group = 1, one.tap_run = strip.w.dilation == 1 ? strip.w.kernel : 0;
        one.activation = activation, one.rect = rects->rects[0];
        one.rect.rows = std::min(strip.rows, strip.h.out - y);
        one.src = c.scratch;
        one.weights = c.at(packed) + block * block_floats;
        one.bias = bias ? c.values(bias) + block * kLanes : nullptr;
        one.dst = c.at(to) + plane * dst_plane + int64_t{y} * strip.w.out * kLanes;
        conv_grouped(one);
      });
  step.info.algorithm = pass.algorithm;
  step.scratch = strip.floats();
}

// Between the problem's own tensors: widens the source or narrows the destination where they differ.
void lower(Builder& b, const Node& node, const ConvProblem& p, Pass pass) {
  const Wide wide(p);
  const Buffer to = pass.to;
  const ParamSource bias = pass.bias;
  const Activation activation = pass.activation;
  const bool narrows = pass.dst.c != wide.channels;
  pass.from = widen(b, node, wide, pass.src, pass.from);
  if (narrows) {
    pass.to = b.buffer(product(Dims{p.n, wide.blocks(), pass.dst.pixels(), kLanes}));
    pass.bias = {}, pass.activation = Activation::none;
  }
  const Image image = pass.dst;
  const Buffer wide_to = pass.to;
  if (is_3x3(wide, pass.axes)) {
    lower_3x3(b, node, wide, pass);
  } else if (takes_strips(wide, pass.axes, pass.rects)) {
    lower_strips(b, node, p, wide, pass);
  } else {
    lower_rects(b, node, p, wide, std::move(pass));
  }
  if (narrows) narrow(b, node, wide, image, wide_to, to, bias, activation);
}

// A convolution along these axes, with packed weights in the order of its taps.
void lower_conv(Builder& b, const Node& node, const ConvProblem& p, Pass pass, const Axes& axes) {
  pass.axes = axes;
  pass.rects = forward_rects(axes, steps_of(pass.src), steps_of(pass.dst), {1, 0});
  lower(b, node, p, std::move(pass));
}

template <const ConvAlgorithm& algorithm>
void forward(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node& node = b.node(value);
  const Buffer packed = pack_weights(b, node, p, given.kernel, false, false);
  Pass pass{given, algorithm.name, p.in, p.out, packed, {}, {}};
  const Wide wide(p);
  if (b.k.bf16.depthwise_3x3 && is_3x3(wide, p.axes()) && wide.channels == p.out.c &&
      is_bounds(node.activation) && is_read_in_bf16(b, value)) {
    pass.to = b.saved(value, "bfloat16") = b.buffer(ceil_div(floats_of(node, b.n), 2));
    pass.rounds = true;
  }
  lower_conv(b, node, p, std::move(pass), p.axes());
}

// The convolution of stride 1 that takes output gradients to input gradients, with turned weights.
Axis turned(const Axis& a) {
  return {a.out, a.in, a.kernel, 1, (a.kernel - 1) * a.dilation - a.before, a.dilation};
}

template <const ConvAlgorithm& algorithm>
void backward_data(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node& node = b.node(value);
  const Axes axes = p.axes();
  const bool strided = axes.depth.stride > 1 || axes.rows.stride > 1 || axes.cols.stride > 1;
  const Buffer packed = pack_weights(b, node, p, given.kernel, true, !strided);
  Pass pass{given, algorithm.name, p.out, p.in, packed, {}, {}};
  if (!strided)
    return lower_conv(b, node, p, std::move(pass),
                      {turned(axes.depth), turned(axes.rows), turned(axes.cols)});
  pass.rects = backward_data_rects(axes, steps_of(p.out), steps_of(p.in), {1, 0});
  lower(b, node, p, std::move(pass));
}

template <const ConvAlgorithm& algorithm>
void backward_weights(Builder& b, int value, const ConvProblem& p, Buffer from, Buffer grad_out) {
  const Node& node = b.node(value);
  const Wide wide(p);
  const auto rects =
      std::make_shared<Rects>(forward_rects(p.axes(), steps_of(p.in), steps_of(p.out), {1, 0}));
  const int taps = p.taps(), all_oc = p.out.c;
  const int64_t weights = int64_t{taps} * wide.small * kLanes,
                block_floats = weights + kLanes;  // and the bias
  const int64_t blocks = wide.blocks(), partial = blocks * block_floats, parts = partial_sums(p.n, partial);
  const Buffer src = widen(b, node, wide, p.in, from);
  const Buffer grad = widen(b, node, wide, p.out, grad_out), sums = b.buffer(parts * partial);
  const int64_t src_plane = p.in.pixels() * kLanes, dst_plane = p.out.pixels() * kLanes, n = p.n;
  const auto wgrad = b.k.conv_grouped_wgrad;
  Step& step = b.step(node, "backward weights", parts * blocks, {src, grad, sums},
                      [=](const Context& c, int64_t task) {
                        const int64_t part = task / blocks, block = task % blocks;
                        ConvGroupedWgrad a{};
                        a.group = wide.small;
                        a.grad_weights = c.at(sums) + part * partial + block * block_floats;
                        a.grad_bias = a.grad_weights + weights;
                        std::fill_n(a.grad_weights, block_floats, 0.0f);
                        for (int64_t sample = part * n / parts; sample < (part + 1) * n / parts; ++sample) {
                          a.src = c.at(src) + (sample * blocks + block) * src_plane;
                          a.grad_dst = c.at(grad) + (sample * blocks + block) * dst_plane;
                          for (const Rect& rect : rects->rects) {
                            a.rect = rect;
                            wgrad(a);
                          }
                        }
                      });
  step.info.algorithm = algorithm.name;

  const ParamPlace kernel_to = b.place(node.params[0]);
  const ParamPlace bias_to = p.a.use_bias ? b.place(node.params[1]) : ParamPlace{};
  const auto sum_rows = b.k.sum_rows;
  Step& sum = b.step(node, "sum partial gradients", blocks, {sums}, [=](const Context& c, int64_t block) {
    sum_rows(c.at(sums) + block * block_floats, parts, partial, c.scratch, block_floats);
    float* kernel = c.grad(kernel_to);
    wide.for_weights(block, taps, all_oc, false, [&](int64_t at, int64_t of) { kernel[of] = c.scratch[at]; });
    if (!bias_to) return;
    for (int lane = 0; lane < kLanes; ++lane) {
      const int64_t channel = block * kLanes + lane;
      if (channel < wide.channels && channel % wide.big < wide.oc)
        c.grad(bias_to)[channel / wide.big * wide.oc + channel % wide.oc] = c.scratch[weights + lane];
    }
  });
  sum.scratch = block_floats;
}

std::string channels_of(const ConvProblem& p) {
  return std::to_string(p.ic()) + " and " + std::to_string(p.oc());
}

std::string refuse_depthwise(const ConvProblem& p) {
  if (p.a.groups > 1 && p.ic() == 1) return "";
  return "there must be as many groups as input channels, and more than one; there are " +
         std::to_string(p.a.groups) + " and " + std::to_string(p.in.c);
}

std::string refuse_grouped(const ConvProblem& p) {
  const int small = std::min(p.ic(), p.oc()), big = std::max(p.ic(), p.oc());
  if (p.a.groups == 1) return "there is one group";
  if (p.ic() == 1) return "a group of one input channel is for \"depthwise\"";
  if (small <= 8 && kLanes % small == 0 && big % small == 0) return "";
  return "a group's smaller number of channels must be 1, 2, 4 or 8 and divide the larger one, they are " +
         channels_of(p);
}

// In multiply-adds at full speed, fitted on Zen 3, 2026-11, within 30 %: the sums, at the share of the peak
// that each size of group reaches; a channel's pixel read or written; one repeated or summed.
double cost(const ConvProblem& p) {
  constexpr double kMemory = 2.25, kRepeat = 16;
  const Wide wide(p);
  const bool fast = is_3x3(wide, p.axes());
  const double slowness = fast              ? 1.0
                          : wide.small == 1 ? 2.4
                          : wide.small == 2 ? 1.5
                          : wide.small == 4 ? 1.3
                                            : 1.8;
  const double in = static_cast<double>(p.in.pixels()), out = static_cast<double>(p.out.pixels());
  double pixel_costs = out * wide.small * p.taps() * slowness + (in + out) * kMemory;
  if (wide.repeats() > 1) pixel_costs += kRepeat * (p.ic() < p.oc() ? in : out);
  return p.n * static_cast<double>(wide.blocks()) * kLanes * pixel_costs;
}

}  // namespace

const ConvAlgorithm kConvDepthwiseAlgorithm{"depthwise",
                                            Layout::blocked,
                                            false,
                                            refuse_depthwise,
                                            cost,
                                            forward<kConvDepthwiseAlgorithm>,
                                            backward_data<kConvDepthwiseAlgorithm>,
                                            backward_weights<kConvDepthwiseAlgorithm>};

const ConvAlgorithm kConvGroupedAlgorithm{"grouped",
                                          Layout::blocked,
                                          false,
                                          refuse_grouped,
                                          cost,
                                          forward<kConvGroupedAlgorithm>,
                                          backward_data<kConvGroupedAlgorithm>,
                                          backward_weights<kConvGroupedAlgorithm>};

}  // namespace cnnfast
