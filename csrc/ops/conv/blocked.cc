// Channels in lanes: direct convolution in nchw16c. The source may stay in the user's order.
#include <memory>

#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

// Outputs and blocks of output channels of one task of a forward pass.
constexpr int kPixelTask = 448;
constexpr int kBlockTask = 4;

int64_t blocks_of(int channels) {
  return ceil_div(channels, kLanes);
}

// Where a sample's pixels and channels lie.
struct Place {
  Steps steps;
  int64_t block, lane;  // floats between blocks of sixteen channels, and between channels in a block
  int64_t sample;
};

Place blocked_place(const Image& image) {
  const int64_t plane = image.pixels() * kLanes;
  return {{image, kLanes}, plane, 1, plane * blocks_of(image.c)};
}

Place place_of(const Node& node, const Image& image) {
  if (node.layout == Layout::blocked) return blocked_place(image);
  const int64_t sample = image.pixels() * image.c;
  if (node.format == DataFormat::channels_first)
    return {{image, 1}, image.pixels() * kLanes, image.pixels(), sample};
  return {{image, image.c}, kLanes, 1, sample};
}

std::vector<Rect> cut_rows(const Rects& rects) {
  std::vector<Rect> pieces;
  for (const Rect& rect : rects.rects) {
    const int rows = std::max(1, kPixelTask / rect.cols);
    for (int y = 0; y < rect.rows; y += rows) {
      Rect piece = rect;
      piece.src0 += y * rect.src_row;
      piece.dst0 += y * rect.dst_row;
      piece.rows = std::min(rows, rect.rows - y);
      pieces.push_back(piece);
    }
  }
  return pieces;
}

// Packs the kernel as [blocks of sixteen outputs][taps][inputs][16]; `transposed` for backward-data.
Buffer pack_weights(Builder& b, const Node& node, const ConvProblem& p, bool transposed) {
  const int taps = p.taps(), all_oc = p.out.c, ic = p.ic(), oc = p.oc();
  const int rows_c = transposed ? oc : ic, cols_c = transposed ? ic : oc;
  const int64_t block_floats = int64_t{taps} * rows_c * kLanes, group_blocks = blocks_of(cols_c);
  const Buffer packed = b.persistent(block_floats * group_blocks * p.a.groups);
  const int64_t kernel = b.param(node.params[0]).offset;
  Step& step =
      b.step(node, "pack weights", group_blocks * p.a.groups, {packed}, [=](const Context& c, int64_t task) {
        const int64_t g = task / group_blocks, first = task % group_blocks * kLanes;
        const float* from = c.run.params + kernel + g * oc;
        float* to = c.at(packed) + task * block_floats;
        for (int tap = 0; tap < taps; ++tap)
          for (int row = 0; row < rows_c; ++row)
            for (int64_t col = first; col < first + kLanes; ++col) {
              const int64_t i = transposed ? col : row, o = transposed ? row : col;
              *to++ = col < cols_c ? from[(tap * ic + i) * all_oc + o] : 0.0f;
            }
      });
  step.packs = true;
  return packed;
}

// Fewer channels than a block make taps of their own: the kernel's loop over channels would be too short to
// pay (measured on Zen 3, 2026-11: one channel 37 to 62 GFLOP/s, three 60 to 68).
bool channels_are_taps(int ic) {
  return ic < kLanes;
}

ChannelTaps channel_taps(int ic, const Place& src) {
  return channels_are_taps(ic) ? ChannelTaps{ic, src.lane} : ChannelTaps{1, 0};
}

// What forward and backward-data have in common.
struct Pass : ConvPass {
  Place src, dst;
  int ic, oc;  // of a group, as this direction sees them
  Rects rects;
  Buffer packed;
};

void lower(Builder& b, const Node& node, const ConvProblem& p, Pass pass) {
  const auto rects = std::make_shared<Rects>(std::move(pass.rects));
  const std::vector<Rect> pieces = cut_rows(*rects);
  const int64_t n_pieces = static_cast<int64_t>(pieces.size()), groups = p.a.groups;
  const int64_t blocks = blocks_of(pass.oc), parts = ceil_div(blocks, kBlockTask);
  const int64_t block_floats = int64_t{p.taps()} * pass.ic * kLanes;
  ConvBlocked a{};
  a.src_block = pass.src.block, a.src_lane = pass.src.lane, a.dst_block = pass.dst.block;
  a.ic = channels_are_taps(pass.ic) ? 1 : pass.ic, a.all_taps = p.taps() * pass.ic / a.ic;
  a.activation = pass.activation;
  const Place src = pass.src, dst = pass.dst;
  const Buffer from = pass.from, to = pass.to, packed = pass.packed;
  const int64_t bias = pass.bias;
  const int oc = pass.oc;
  const int64_t src_group = pass.ic / kLanes * src.block;  // more than one group: whole blocks
  const auto conv_blocked = b.k.conv_blocked;
  Step& step =
      b.step(node, pass.direction, b.n * groups * parts * n_pieces, {from, to, packed},
             [=, rects = rects](const Context& c, int64_t task) {
               const int64_t piece = task % n_pieces, part = task / n_pieces % parts;
               const int64_t g = task / n_pieces / parts % groups, sample = task / n_pieces / parts / groups;
               const int64_t block = part * kBlockTask;
               ConvBlocked one = a;
               one.src = c.at(from) + sample * src.sample + g * src_group;
               one.weights = c.at(packed) + (g * blocks + block) * block_floats;
               one.bias = bias < 0 ? nullptr : c.run.params + bias + g * oc + block * kLanes;
               one.dst = c.at(to) + sample * dst.sample + (g * blocks + block) * dst.block;
               one.oc = static_cast<int32_t>(std::min<int64_t>(kBlockTask * kLanes, oc - block * kLanes));
               one.rect = pieces[static_cast<size_t>(piece)];
               conv_blocked(one);
             });
  step.info.algorithm = "blocked";
}

void forward(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node& node = b.node(value);
  Pass pass{given, place_of(b.source(node), p.in), blocked_place(p.out), p.ic(), p.oc(), {}, {}};
  pass.rects = forward_rects(p.axes(), pass.src.steps, pass.dst.steps, channel_taps(pass.ic, pass.src));
  pass.packed = pack_weights(b, node, p, false);
  lower(b, node, p, std::move(pass));
}

void backward_data(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node& node = b.node(value);
  Pass pass{given, blocked_place(p.out), blocked_place(p.in), p.oc(), p.ic(), {}, {}};
  pass.rects = backward_data_rects(p.axes(), pass.src.steps, pass.dst.steps, channel_taps(pass.ic, pass.src));
  pass.packed = pack_weights(b, node, p, true);
  lower(b, node, p, std::move(pass));
}

void backward_weights(Builder& b, int value, const ConvProblem& p, Buffer from, Buffer grad_out) {
  const Node& node = b.node(value);
  const Place src = place_of(b.source(node), p.in), dst = blocked_place(p.out);
  const auto rects =
      std::make_shared<Rects>(forward_rects(p.axes(), src.steps, dst.steps, ChannelTaps{1, 0}));
  const int ic = p.ic(), all_oc = p.out.c;
  const int64_t rows = int64_t{p.taps()} * ic, blocks = blocks_of(all_oc), group_blocks = blocks / p.a.groups;
  const int64_t block_floats = (rows + 1) * kLanes;  // the last row is the bias
  const int64_t partial = blocks * block_floats, parts = partial_sums(b.n, partial);
  const Buffer sums = b.buffer(parts * partial);
  const int64_t n = b.n;
  const auto wgrad = b.k.conv_blocked_wgrad;
  Step& step = b.step(
      node, "backward weights", parts * blocks, {from, grad_out, sums}, [=](const Context& c, int64_t task) {
        const int64_t part = task / blocks, block = task % blocks;
        ConvBlockedWgrad a{};
        a.grad_weights = c.at(sums) + part * partial + block * block_floats;
        a.grad_bias = a.grad_weights + rows * kLanes;
        a.src_block = src.block, a.src_lane = src.lane, a.ic = ic;
        std::fill_n(a.grad_weights, block_floats, 0.0f);
        for (int64_t sample = part * n / parts; sample < (part + 1) * n / parts; ++sample) {
          a.src = c.at(from) + sample * src.sample + block / group_blocks * (ic / kLanes) * src.block;
          a.grad_dst = c.at(grad_out) + sample * dst.sample + block * dst.block;
          for (const Rect& rect : rects->rects) {
            a.rect = rect;
            wgrad(a);
          }
        }
      });
  step.info.algorithm = "blocked";

  const int64_t kernel_at = b.param(node.params[0]).offset;
  const int64_t bias_at = p.a.use_bias ? b.param(node.params[1]).offset : -1;
  const auto sum_rows = b.k.sum_rows;
  Step& sum = b.step(node, "sum partial gradients", blocks, {sums}, [=](const Context& c, int64_t block) {
    sum_rows(c.at(sums) + block * block_floats, parts, partial, c.scratch, block_floats);
    const int64_t channels = std::min<int64_t>(kLanes, all_oc - block * kLanes);
    float* kernel = c.run.grads + kernel_at + block * kLanes;
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(c.scratch + row * kLanes, channels, kernel + row * all_oc);
    if (bias_at >= 0)
      std::copy_n(c.scratch + rows * kLanes, channels, c.run.grads + bias_at + block * kLanes);
  });
  sum.scratch = block_floats;
}

std::string refuse(const ConvProblem& p) {
  if (p.a.groups == 1 || (p.ic() % kLanes == 0 && p.oc() % kLanes == 0)) return "";
  return "a group must have a multiple of 16 channels on both sides, has " + std::to_string(p.ic()) +
         " and " + std::to_string(p.oc());
}

double cost(const ConvProblem& p) {
  // Output channels are padded to sixteen; few input channels make the inner loop short (measured on Zen 3,
  // 2026-11: 37 % of peak for 1 channel, 60 % for 3, 90 % from 30 on).
  const double madds = static_cast<double>(blocks_of(p.oc())) * kLanes * p.a.groups *
                       static_cast<double>(p.out.pixels()) * p.ic() * p.taps();
  return madds * p.n * (p.ic() + 1.6) / p.ic() / 0.95;
}

}  // namespace

const ConvAlgorithm kConvBlockedAlgorithm{"blocked", Layout::blocked, true,          refuse,
                                          cost,      forward,         backward_data, backward_weights};

}  // namespace cnnfast
