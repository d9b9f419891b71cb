// Batch in lanes: sixteen samples a vector, for tiny channel counts. Takes every problem; a batch below
// sixteen leaves lanes idle.
#include <limits>
#include <memory>

#include "ops/conv/pack.h"

namespace cnnfast {

namespace {

// Channels whose gradient one task of backward-weights computes, at most.
constexpr int kOcTask = 30;
// Outputs of one task of a forward pass: some hundred microseconds of work, and a multiple of every tile.
constexpr int kPixelTask = 192;

struct Planes {  // floats between planes and between blocks of sixteen samples
  int64_t plane, block;
  explicit Planes(const Image& image) : plane(image.pixels() * kLanes), block(plane * image.c) {}
};

// The outputs of one block of samples, cut into tasks.
struct Piece {
  Rect rect;
  int begin, end;
};
struct Work {
  Rects rects;
  std::vector<Piece> pieces;
};

std::shared_ptr<Work> cut_work(Rects rects) {
  auto work = std::make_shared<Work>();
  work->rects = std::move(rects);
  for (const Rect& rect : work->rects.rects)
    for (int begin = 0; begin < rect.rows * rect.cols; begin += kPixelTask)
      work->pieces.push_back({rect, begin, std::min(begin + kPixelTask, rect.rows * rect.cols)});
  return work;
}

int64_t tiles(const Builder& b, int oc) {
  return ceil_div(oc, b.k.lanes_oc_tile);
}

// Packs the kernel's rows, tile by tile of output channels; `transposed` packs for backward-data, where
// input and output channels change places. Channels that fill the last tile stay zero.
Buffer pack_weights(Builder& b, const Node& node, const ConvProblem& p, const ParamSource& kernel,
                    bool transposed) {
  const int tile = b.k.lanes_oc_tile, taps = p.taps(), groups = p.a.groups, ic = p.ic(), oc = p.oc();
  const int64_t rows = transposed ? oc : ic, cols = transposed ? ic : oc;
  const int64_t group_floats = ceil_div(cols, tile) * tile * taps * rows;
  const KernelSteps steps(p, transposed);
  const auto pack_group = [=](const float* from, float* to, int64_t begin, int64_t end) {
    const int64_t row0 = transposed ? 0 : begin, row1 = transposed ? rows : end;
    const int64_t col0 = transposed ? begin : 0, col1 = transposed ? end : cols;
    for (int64_t first = col0 / tile * tile; first < col1; first += tile)
      for (int tap = 0; tap < taps; ++tap)
        for (int64_t row = row0; row < row1; ++row) {
          const float* weights = from + tap * steps.tap + row * steps.input;
          float* packed = to + first * taps * rows + (tap * rows + row) * tile - first;
          for (int64_t col = std::max(first, col0); col < std::min(first + tile, col1); ++col)
            packed[col] = weights[col * steps.output];
        }
  };
  const auto pack = [=](const PackRows& r) {
    for (int g = 0; g < groups; ++g) pack_group(r.from + g * oc, r.to + g * group_floats, r.begin, r.end);
  };
  return b.pack(node, group_floats * groups, {kernel, taps, ic, kLanes, pack});
}

// What forward and backward-data have in common.
struct Pass : ConvPass {
  Planes src, dst;
  int ic, oc;  // of a group, as this direction sees them
  Rects rects;
  Buffer packed;
};

void lower(Builder& b, const Node& node, const ConvProblem& p, Pass pass) {
  const auto work = cut_work(std::move(pass.rects));
  const Planes in = pass.src, out = pass.dst;
  const Buffer from = pass.from, to = pass.to, packed = pass.packed, index = pass.pool_index;
  ConvLanes a{};
  a.dst_channel = out.plane;
  a.oc = pass.oc, a.rows = p.taps() * pass.ic;
  a.activation = pass.activation;
  a.pool = pass.pool != WindowPool::none;
  const ParamSource bias = pass.bias;
  const int64_t pieces = static_cast<int64_t>(work->pieces.size()), groups = p.a.groups;
  const int64_t packed_group = tiles(b, pass.oc) * b.k.lanes_oc_tile * a.rows;
  const int64_t src_group = pass.ic * in.plane, dst_group = pass.oc * out.plane;
  const auto conv_lanes = b.k.conv_lanes;
  Step& step = b.step(node, pass.direction, ceil_div(p.n, kLanes) * groups * pieces, pass.uses(packed),
                      [=](const Context& c, int64_t task) {
                        const Piece& piece = work->pieces[static_cast<size_t>(task % pieces)];
                        const int64_t g = task / pieces % groups, block = task / pieces / groups;
                        ConvLanes one = a;
                        one.src = c.at(from) + block * in.block + g * src_group;
                        one.weights = c.at(packed) + g * packed_group;
                        one.bias = bias ? c.values(bias) + g * one.oc : nullptr;
                        one.dst = c.at(to) + block * out.block + g * dst_group;
                        one.pool_index =
                            index ? c.as<uint8_t>(index) + block * out.block + g * dst_group : nullptr;
                        one.rect = piece.rect, one.begin = piece.begin, one.end = piece.end;
                        conv_lanes(one);
                      });
  step.info.algorithm = "lanes";
}

void forward(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node& node = b.node(value);
  const Image pooled = p.pooled();
  Pass pass{given, Planes(p.in), Planes(pooled), p.ic(), p.oc(), {}, {}};
  pass.rects = forward_rects(p.axes(), {p.in, kLanes}, {pooled, kLanes}, {p.ic(), pass.src.plane});
  if (p.pools()) pass.rects.rects[0].rows /= 2, pass.rects.rects[0].cols /= 2;
  pass.packed = pack_weights(b, node, p, pass.kernel, false);
  lower(b, node, p, std::move(pass));
}

void backward_data(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node& node = b.node(value);
  Pass pass{given, Planes(p.out), Planes(p.in), p.oc(), p.ic(), {}, {}};
  pass.rects = backward_data_rects(p.axes(), {p.out, kLanes}, {p.in, kLanes}, {p.oc(), pass.src.plane});
  pass.packed = pack_weights(b, node, p, pass.kernel, true);
  lower(b, node, p, std::move(pass));
}

void backward_weights(Builder& b, int value, const ConvProblem& p, Buffer src, Buffer grad_out) {
  const Node& node = b.node(value);
  const Image image = p.pooled();
  const Planes in(p.in), out(image);
  const auto rects =
      std::make_shared<Rects>(forward_rects(p.axes(), {p.in, kLanes}, {image, kLanes}, {p.ic(), in.plane}));
  if (p.pools()) rects->rects[0].rows /= 2, rects->rects[0].cols /= 2;
  int64_t scratch = 0;
  for (const Rect& rect : rects->rects)
    scratch = std::max(scratch, b.k.lanes_wgrad_scratch(rect.n_taps, p.pools() ? 4 * rect.cols : rect.cols));
  const int64_t blocks = ceil_div(p.n, kLanes), weights = int64_t{p.taps()} * p.ic() * p.out.c;
  const int64_t bias_at = ceil_div(weights, kLanes) * kLanes;  // the bias follows the kernel in a partial sum
  const int64_t partial = bias_at + ceil_div(p.out.c, kLanes) * kLanes;
  const int64_t parts = partial_sums(blocks, partial);
  const int64_t oc_tasks = ceil_div(p.oc(), kOcTask), groups = p.a.groups;
  const Buffer sums = b.buffer(parts * partial);
  const Buffer index = b.saved(value, "pool_index");
  std::vector<Buffer> uses{src, grad_out, sums};
  if (index) uses.push_back(index);
  const int oc = p.oc(), ic = p.ic(), taps = p.taps(), all_oc = p.out.c;
  const auto wgrad = b.k.conv_lanes_wgrad;
  Step& step =
      b.step(node, "backward weights", parts * groups * oc_tasks, uses, [=](const Context& c, int64_t task) {
        const int64_t slice = task % oc_tasks, g = task / oc_tasks % groups, part = task / oc_tasks / groups;
        const int64_t oc0 = slice * oc / oc_tasks, oc1 = (slice + 1) * oc / oc_tasks, channel = g * oc + oc0;
        ConvLanesWgrad a{};
        a.grad_weights = c.at(sums) + part * partial + channel;
        a.grad_bias = c.at(sums) + part * partial + bias_at + channel;
        a.scratch = c.scratch;
        a.dst_channel = out.plane, a.grad_oc_stride = all_oc;
        a.oc = static_cast<int32_t>(oc1 - oc0);
        for (int64_t row = 0; row < int64_t{taps} * ic; ++row)
          std::fill_n(a.grad_weights + row * all_oc, a.oc, 0.0f);
        std::fill_n(a.grad_bias, a.oc, 0.0f);
        for (int64_t block = part * blocks / parts; block < (part + 1) * blocks / parts; ++block) {
          const int64_t at = block * out.block + channel * out.plane;
          a.src = c.at(src) + block * in.block + g * ic * in.plane;
          a.grad_dst = c.at(grad_out) + at;
          a.pool_index = index ? c.as<uint8_t>(index) + at : nullptr;
          for (const Rect& rect : rects->rects) {
            a.rect = rect;
            wgrad(a);
          }
        }
      });
  step.info.algorithm = "lanes";
  step.scratch = scratch;

  const ParamPlace kernel_to = b.place(node.params[0]);
  const ParamPlace bias_to = p.a.use_bias ? b.place(node.params[1]) : ParamPlace{};
  const auto sum_rows = b.k.sum_rows;
  b.step(node, "sum partial gradients", flat_tasks(weights), {sums}, [=](const Context& c, int64_t task) {
    const int64_t at = task * kFlatTask;
    sum_rows(c.at(sums) + at, parts, partial, c.grad(kernel_to) + at, flat_size(weights, task));
    if (task == 0 && bias_to) sum_rows(c.at(sums) + bias_at, parts, partial, c.grad(bias_to), all_oc);
  });
}

std::string refuse(const ConvProblem& p) {
  // Kernels find the channels of a sample by 32-bit offsets.
  const int64_t floats = std::max(p.in.c * p.in.pixels(), p.out.c * p.out.pixels()) * kLanes;
  if (floats > std::numeric_limits<int32_t>::max())
    return "sixteen samples may have 2^31 values, have " + std::to_string(floats);
  if (!p.counts_taps(std::max(p.ic(), p.oc())))
    return "the kernel has too many positions for " + std::to_string(std::max(p.ic(), p.oc())) + " channels";
  return "";
}

double cost(const ConvProblem& p) {
  // Lanes are filled up to sixteen. A tile reads its channels' windows from the second-level cache once they
  // outgrow the first: measured on Zen 3, 2026-11, 85 % of peak for 1 channel, 70 % for 32 (72 KB).
  const double footprint = 64.0 * p.ic() * p.taps() * 2;
  // A tile has three channels at least, whether a group fills it or not.
  const double channels = static_cast<double>(ceil_div(p.oc(), 3)) * 3 * p.a.groups;
  const double madds = channels * static_cast<double>(p.out.pixels()) * p.ic() * p.taps();
  return madds * static_cast<double>(ceil_div(p.n, kLanes)) * kLanes / 0.85 * (1.0 + footprint / 131072.0);
}

// Its kernel pools one rectangle.
bool pools(const ConvAttrs& a, WindowPool kind, bool) {
  return kind == WindowPool::maximum &&
         a.padding.top + a.padding.bottom + a.padding.left + a.padding.right == 0;
}

}  // namespace

const ConvAlgorithm kConvLanesAlgorithm{"lanes",       Layout::lanes,    false,   refuse, cost,  forward,
                                        backward_data, backward_weights, nullptr, false,  pools, true};

}  // namespace cnnfast
