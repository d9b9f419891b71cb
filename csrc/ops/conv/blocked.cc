// Channels in lanes: direct convolution in nchw16c, forward and backward-data. The source may stay in the
// user's order.
#include "ops/conv/blocked.h"

#include <memory>

#include "ops/conv/pack.h"

namespace cnnfast {

namespace {

// Packs the kernel as [blocks of sixteen outputs][pieces of the inputs][taps][channels of the piece][16],
// pieces of `side` channels; `transposed` for backward-data.
Buffer pack_weights(Builder& b, const Node& node, const ConvProblem& p, const ParamSource& kernel, int side,
                    bool transposed) {
  const int taps = p.taps(), inputs = transposed ? p.oc() : p.ic();
  const int64_t blocks = blocks_of(transposed ? p.ic() : p.oc()),
                block_floats = int64_t{taps} * inputs * kLanes;
  const KernelSteps steps(p, transposed);
  const int64_t floats = blocks * block_floats * p.a.groups;
  const bool streams = floats >= kStreamedFloats;
  const auto pack = [=, gather16 = b.k.gather16, stream = b.k.formula.stream](const PackBlock& one) {
    float* to = one.to + (one.group * blocks + one.block) * block_floats;
    Shuffle a{};
    a.lane_stride = steps.output, a.b_stride = steps.input;
    a.lanes = one.lanes, a.n_a = 1;
    for (int input = one.begin; input < one.end; input += a.n_b) {
      const int piece = input / side * side, channels = std::min(side, inputs - piece);
      a.n_b = std::min(one.end, piece + channels) - input;
      for (int tap = 0; tap < taps; ++tap) {
        float* rows = to + (int64_t{piece} * taps + tap * channels + input - piece) * kLanes;
        gather16(a, one.from + tap * steps.tap + input * steps.input, streams ? one.scratch : rows);
        if (streams) stream(one.scratch, int64_t{a.n_b} * kLanes, rows);
      }
    }
    if (streams && one.last) stream(nullptr, 0, nullptr);
  };
  return pack_blocks(b, node, p, kernel, transposed, floats, pack, streams ? int64_t{side} * kLanes : 0);
}

// Under a fused pooling a task's outputs go to its scratch, and what is left of them from there to the image.
struct Pooling {
  const KernelTable* k;
  WindowPool kind;
  WindowRows cut;
  int width;  // of the full image
  Buffer index;

  int64_t row() const { return int64_t{width} * kLanes; }
  int64_t scratch() const { return 2 * cut.most() * row() * kBlockTask; }

  // `to` is where the convolution's destination begins in its buffer.
  void run(const Context& c, const ConvBlocked& conv, int64_t piece, int64_t to) const {
    const int rows = cut.begin(piece + 1) - cut.begin(piece);
    const bool mean = kind == WindowPool::mean;
    ConvBlocked full = conv;
    full.dst = c.scratch, full.dst_block = 2 * rows * row();
    full.activation = mean ? conv.activation : Activation::none;
    k->conv_blocked(full);
    Pool pool{};
    pool.planes = 1;
    pool.geometry.h = halved_axis(2 * rows);
    pool.geometry.w = halved_axis(width);
    pool.activation = mean ? Activation::none : conv.activation;
    for (int64_t block = 0; block < blocks_of(conv.oc); ++block) {
      const int64_t at = block * conv.dst_block + int64_t{cut.begin(piece)} * (width / 2) * kLanes;
      pool.src = full.dst + block * full.dst_block;
      pool.dst = conv.dst + at;
      pool.index = index ? c.as<uint8_t>(index) + to + at : nullptr;
      (mean ? k->average_pool : k->max_pool)(pool);
    }
  }
};

// What forward and backward-data have in common.
struct Pass : ConvPass {
  Place src, dst;
  int ic, oc;       // of a group, as this direction sees them
  int packed_side;  // of the packed weights' pieces
  Rects rects;
  Buffer packed;
};

void lower(Builder& b, const Node& node, const ConvProblem& p, Pass pass) {
  if (pass.src.runs)
    join_runs(pass.rects, pass.src, pass.ic, [&](int position, int piece) {
      const int channel = piece * pass.src.side, side = pass.packed_side;
      return (channel / side * p.taps() + position) * side + channel % side;
    });
  const auto rects = std::make_shared<Rects>(std::move(pass.rects));
  const bool pool = pass.pool != WindowPool::none;
  const Pooling pooling{&b.k, pass.pool, {p.pooled(), pass.ic, p.taps()}, p.out.w, pass.pool_index};
  const Pieces pieces =
      pool ? cut_windows(*rects, pooling.row(), pooling.cut) : cut_rows(*rects, pass.ic, p.taps());
  const int64_t n_pieces = static_cast<int64_t>(pieces.size()), groups = p.a.groups;
  const int64_t blocks = blocks_of(pass.oc), parts = ceil_div(blocks, kBlockTask);
  const int64_t block_floats = int64_t{p.taps()} * pass.ic * kLanes;
  ConvBlocked a{};
  a.src_block = pass.src.next, a.dst_block = pass.dst.next;
  a.ic = pass.ic, a.all_taps = p.taps();
  a.activation = pass.activation;
  const Place src = pass.src, dst = pass.dst;
  const Buffer from = pass.from, to = pass.to, packed = pass.packed, residual = pass.residual;
  const ParamSource bias = pass.bias;
  const int oc = pass.oc;
  const auto conv_blocked = b.k.conv_blocked;
  // Where a task's output channels begin, counted in blocks.
  const auto block_of = [=](int64_t task) {
    const int64_t part = task / n_pieces;
    return part / parts % groups * blocks + part % parts * kBlockTask;
  };
  const auto run = [=, rects = rects](const Context& c, int64_t task) {
    const int64_t at = task % n_pieces, part = task / n_pieces % parts;
    const int64_t g = task / n_pieces / parts % groups, sample = task / n_pieces / parts / groups;
    const std::vector<Rect>& piece = pieces[static_cast<size_t>(at)];
    ConvBlocked one = a;
    one.src = c.at(from) + sample * src.sample + g * src.group;
    one.weights = c.at(packed) + block_of(task) * block_floats;
    one.next_weights = c.at(packed) + block_of(task + 1) * block_floats;
    one.bias = bias ? c.values(bias) + g * oc + part * kBlockTask * kLanes : nullptr;
    const int64_t dst_at = sample * dst.sample + block_of(task) * dst.next;
    one.dst = c.at(to) + dst_at;
    one.residual = residual ? c.at(residual) + dst_at : nullptr;
    one.oc = static_cast<int32_t>(std::min<int64_t>(kBlockTask * kLanes, oc - part * kBlockTask * kLanes));
    one.rects = piece.data(), one.n_rects = static_cast<int32_t>(piece.size());
    if (pool)
      pooling.run(c, one, at, dst_at);
    else
      conv_blocked(one);
  };
  Step& step = b.step(node, pass.direction, p.n * groups * parts * n_pieces, pass.uses(packed), run);
  if (pool) step.scratch = pooling.scratch();
  step.info.algorithm = "blocked";
}

void forward(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node &node = b.node(value), &source = b.source(node);
  if (skips_pixels(p, source)) {
    ConvPass read = given;
    read.from = gather_pixels(b, node, p, given.from);
    return forward(b, value, of_read_pixels(p), read);
  }
  const Place src = place_of(source, p.in, p.ic());
  Pass pass{given, src, blocked_place(p.pooled(), p.oc()), p.ic(), p.oc(), src.side, {}, {}};
  pass.rects = forward_rects(p.axes(), pass.src.steps, {p.out, kLanes}, channel_taps(pass.src, pass.ic));
  pass.packed = pack_weights(b, node, p, pass.kernel, pass.packed_side, false);
  lower(b, node, p, std::move(pass));
}

// Backward: each pixel of a strided convolution's source is seen through some of the positions only. Then the
// weights of a position lie together (Zen 3, 2026-11: 3x3 s2 from 70 to 90 % of peak).
bool sees_parts_of_kernel(const ConvProblem& p) {
  return p.taps() > 1 && p.strided();
}

void backward_data(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node& node = b.node(value);
  if (skips_pixels(p, b.source(node))) {
    ConvPass read = given;
    read.to = b.buffer(p.n * blocks_of(p.in.c) * p.out.pixels() * kLanes), read.residual = {};
    backward_data(b, value, of_read_pixels(p), read);
    return scatter_pixels(b, node, p, read.to, given);
  }
  const Place src = blocked_place(p.out, p.oc());
  Pass pass{given, src, blocked_place(p.in, p.ic()), p.oc(), p.ic(), src.side, {}, {}};
  if (sees_parts_of_kernel(p) && p.oc() % kLanes == 0) pass.src.runs = true, pass.packed_side = p.oc();
  pass.rects = backward_data_rects(p.axes(), pass.src.steps, pass.dst.steps, channel_taps(pass.src, pass.ic));
  pass.packed = pack_weights(b, node, p, pass.kernel, pass.packed_side, true);
  lower(b, node, p, std::move(pass));
}

std::string refuse(const ConvProblem& p) {
  if (p.a.groups == 1 || (p.ic() % kLanes == 0 && p.oc() % kLanes == 0)) return "";
  return "a group must have a multiple of 16 channels on both sides, has " + std::to_string(p.ic()) +
         " and " + std::to_string(p.oc());
}

// The gradient of a mean asks for the outputs that it is made of.
bool pools(const ConvAttrs&, WindowPool kind, bool differentiates) {
  return kind == WindowPool::maximum || !differentiates;
}

double cost(const ConvProblem& p) {
  // Output channels are padded to sixteen; few input channels make the inner loop short (measured on Zen 3,
  // 2026-11: 37 % of peak for 1 channel, 60 % for 3, 90 % from 30 on); few pixels wait for weights.
  const double weights = static_cast<double>(blocks_of(p.oc())) * kLanes * p.a.groups * p.ic() * p.taps();
  const double madds = weights * static_cast<double>(p.out.pixels()) * p.n;
  return madds * (p.ic() + 1.6) / p.ic() / 0.95 + far_weights(weights);
}

}  // namespace

const ConvAlgorithm kConvBlockedAlgorithm{
    "blocked",     Layout::blocked,          true,    refuse, cost, forward,
    backward_data, blocked_backward_weights, nullptr, true,   pools};

}  // namespace cnnfast
