// Winograd for 3x3 convolutions of stride 1 in nchw16c: fewer multiplications than the direct sum, with
// larger rounding errors (docs/design/engine.md has the figures). F(4, 3) needs a quarter of them; F(2, 3)
// needs 4/9, but wastes less at the borders of small images and its weights are smaller. Backward-data is the
// same computation with turned weights; backward-weights is the direct one.
#include <cmath>

#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

constexpr int kFewestChannels = 16;  // below, the transforms cost more than they save
constexpr int kFewestTasks = 4;      // where there are tiles or channels enough: a few threads share a layer
constexpr int kPartBlocks = 8;       // a task's blocks of output channels where tiles are too few for tasks
// Tiles of a task, about, at most: each weight that comes from the third-level cache is used this often. Zen
// 3, 2026-11: against 48, 24 take 0 to 15 % longer and 96 the same.
constexpr int kMostTiles = 48;

int64_t blocks_of(int channels) {
  return ceil_div(channels, kLanes);
}

int frequencies(int tile) {
  return (tile + 2) * (tile + 2);
}

int64_t tiles_of(const Image& out, int tile) {
  return ceil_div(out.h, tile) * ceil_div(out.w, tile);
}

// How the tiles of a batch are cut into tasks.
struct Cut {
  int64_t tiles, unit, units, count;
  Cut(int64_t tiles, int64_t unit) : tiles(tiles), unit(unit), units(ceil_div(tiles, unit)) {
    const int64_t needed = ceil_div(tiles, kMostTiles);
    count = needed == 1 ? 1 : ceil_div(needed, kFewestTasks) * kFewestTasks;
  }
  int64_t begin(int64_t task) const { return std::min(tiles, task * units / count * unit); }
  int64_t most() const { return std::min(tiles, ceil_div(units, count) * unit); }
};

// What forward and backward-data have in common.
struct Pass : ConvPass {
  const char* algorithm;
  int tile;
  bool transposed;
  Image src, dst;
  int ic, oc;  // of a group, as this direction sees them
  int pad_top, pad_left;
};

// [groups][frequencies][blocks of sixteen outputs][inputs][16]
Buffer pack_weights(Builder& b, const Node& node, const ConvProblem& p, const Pass& pass) {
  const int64_t blocks = blocks_of(pass.oc), block_floats = int64_t{pass.ic} * kLanes;
  const int64_t frequency = blocks * block_floats, group_floats = frequency * frequencies(pass.tile);
  const Buffer packed = b.persistent(group_floats * p.a.groups);
  const int64_t kernel = b.param(node.params[0]).offset;
  WinogradWeights a{};
  a.tap_stride = int64_t{p.ic()} * p.out.c;
  a.row_stride = pass.transposed ? 1 : p.out.c;
  a.lane_stride = pass.transposed ? p.out.c : 1;
  a.frequency = frequency, a.rows = pass.ic, a.tile = pass.tile, a.flipped = pass.transposed;
  const int oc = pass.oc;
  const int64_t group_columns = p.oc();
  const auto winograd_weights = b.k.winograd_weights;
  Step& step =
      b.step(node, "pack weights", blocks * p.a.groups, {packed}, [=](const Context& c, int64_t task) {
        const int64_t g = task / blocks, block = task % blocks;
        WinogradWeights one = a;
        one.kernel = c.run.params + kernel + g * group_columns + block * kLanes * a.lane_stride;
        one.dst = c.at(packed) + g * group_floats + block * block_floats;
        one.lanes = static_cast<int32_t>(std::min<int64_t>(kLanes, oc - block * kLanes));
        winograd_weights(one);
      });
  step.packs = true;
  return packed;
}

void lower(Builder& b, const Node& node, const ConvProblem& p, const Pass& pass) {
  const Buffer packed = pack_weights(b, node, p, pass);
  const int64_t out_blocks = blocks_of(pass.oc), groups = p.a.groups;
  const Cut cut(b.n * tiles_of(pass.dst, pass.tile), b.k.winograd_tiles);
  const int64_t parts =
      cut.count * groups >= kFewestTasks ? 1 : std::clamp<int64_t>(out_blocks / kPartBlocks, 1, kFewestTasks);
  Winograd a{};
  a.src_block = pass.src.pixels() * kLanes, a.src_sample = a.src_block * blocks_of(pass.src.c);
  a.dst_block = pass.dst.pixels() * kLanes, a.dst_sample = a.dst_block * blocks_of(pass.dst.c);
  a.weights_frequency = out_blocks * pass.ic * kLanes;
  a.ic = pass.ic, a.ih = pass.src.h, a.iw = pass.src.w, a.oh = pass.dst.h, a.ow = pass.dst.w;
  a.pad_top = pass.pad_top, a.pad_left = pass.pad_left;
  a.tile = pass.tile, a.activation = pass.activation;
  const int64_t group_floats = a.weights_frequency * frequencies(pass.tile);
  const int64_t src_group = pass.ic / kLanes * a.src_block;  // more than one group: whole blocks
  const int64_t bias = pass.bias;
  const int oc = pass.oc;
  const Buffer from = pass.from, to = pass.to;
  const auto winograd = b.k.winograd;
  Step& step = b.step(node, pass.direction, cut.count * parts * groups, {from, to, packed},
                      [=](const Context& c, int64_t task) {
                        const int64_t at = task % cut.count, part = task / cut.count % parts;
                        const int64_t g = task / cut.count / parts;
                        const int64_t block = part * out_blocks / parts,
                                      end = (part + 1) * out_blocks / parts;
                        Winograd one = a;
                        one.src = c.at(from) + g * src_group;
                        one.weights = c.at(packed) + g * group_floats + block * a.ic * kLanes;
                        one.bias = bias < 0 ? nullptr : c.run.params + bias + g * oc + block * kLanes;
                        one.dst = c.at(to) + (g * out_blocks + block) * a.dst_block;
                        one.scratch = c.scratch;
                        one.oc = static_cast<int32_t>(std::min<int64_t>(oc, end * kLanes) - block * kLanes);
                        one.first_tile = static_cast<int32_t>(cut.begin(at));
                        one.tiles = static_cast<int32_t>(cut.begin(at + 1)) - one.first_tile;
                        winograd(one);
                      });
  step.info.algorithm = pass.algorithm;
  step.scratch = b.k.winograd_scratch(pass.tile, static_cast<int32_t>(cut.most()), pass.ic, pass.oc);
}

template <const ConvAlgorithm& algorithm, int tile>
void forward(Builder& b, int value, const ConvProblem& p, const ConvPass& pass) {
  lower(b, b.node(value), p,
        {pass, algorithm.name, tile, false, p.in, p.out, p.ic(), p.oc(), p.a.padding.top, p.a.padding.left});
}

template <const ConvAlgorithm& algorithm, int tile>
void backward_data(Builder& b, int value, const ConvProblem& p, const ConvPass& pass) {
  const int top = 2 - p.a.padding.top, left = 2 - p.a.padding.left;
  lower(b, b.node(value), p, {pass, algorithm.name, tile, true, p.out, p.in, p.oc(), p.ic(), top, left});
}

void backward_weights(Builder& b, int value, const ConvProblem& p, Buffer src, Buffer grad_out) {
  kConvBlockedAlgorithm.backward_weights(b, value, p, src, grad_out);
}

std::string pair(Spatial p) {
  return to_string(Dims{p.h, p.w});
}

std::string refuse(const ConvProblem& p) {
  if (p.precision == Precision::exact) return "the precision class \"exact\" allows direct sums only";
  if (p.a.rank == 3) return "the convolution must have two spatial axes, has 3";
  if (p.a.kernel.h != 3 || p.a.kernel.w != 3) return "the kernel must be (3, 3), is " + pair(p.a.kernel);
  if (p.a.stride.h != 1 || p.a.stride.w != 1) return "the strides must be (1, 1), are " + pair(p.a.stride);
  if (p.a.dilation.h != 1 || p.a.dilation.w != 1)
    return "the dilation must be (1, 1), is " + pair(p.a.dilation);
  if (p.ic() < kFewestChannels || p.oc() < kFewestChannels)
    return "a group must have at least 16 channels on both sides, has " + std::to_string(p.ic()) + " and " +
           std::to_string(p.oc());
  return kConvBlockedAlgorithm.refuse(p);
}

// In multiply-adds at full speed, fitted on Zen 3, 2026-11, to 64@56, 64@112, 128@28, 256@14 and 512@7,
// within 15 %: a tile's transform for one block of channels; one weight brought in from the third-level
// cache; one weight transformed before every run, beyond what the direct sum packs.
template <int tile>
double cost(const ConvProblem& p) {
  constexpr double kTransform = tile == 2 ? 4000 : 9000, kWeight = 8, kPack = 55;
  const double tiles = double(p.n) * static_cast<double>(tiles_of(p.out, tile));
  const double ic_blocks = static_cast<double>(blocks_of(p.ic())),
               oc_blocks = static_cast<double>(blocks_of(p.oc()));
  const double products = double(p.ic()) * oc_blocks * kLanes;  // of one frequency
  double all = tiles * (frequencies(tile) * products + kTransform * (ic_blocks + oc_blocks));
  all += std::ceil(tiles / kMostTiles) * frequencies(tile) * products * kWeight;
  if (p.training) all += (frequencies(tile) - p.taps()) * products * kPack;
  return all * p.a.groups;
}

}  // namespace

const ConvAlgorithm kConvWinogradAlgorithm{"winograd",
                                           Layout::blocked,
                                           false,
                                           refuse,
                                           cost<4>,
                                           forward<kConvWinogradAlgorithm, 4>,
                                           backward_data<kConvWinogradAlgorithm, 4>,
                                           backward_weights};

const ConvAlgorithm kConvWinogradF2Algorithm{"winograd_f2",
                                             Layout::blocked,
                                             false,
                                             refuse,
                                             cost<2>,
                                             forward<kConvWinogradF2Algorithm, 2>,
                                             backward_data<kConvWinogradF2Algorithm, 2>,
                                             backward_weights};

}  // namespace cnnfast
