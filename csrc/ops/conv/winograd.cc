// Winograd for 3x3 convolutions in nchw16c: fewer multiplications than the direct sum, with larger rounding
// errors (docs/design/engine.md has the figures). F(4, 3) needs a quarter of them; F(2, 3) needs 4/9, but
// wastes less at the borders of small images and its weights are smaller; F(6, 3) needs 16/81, for the class
// "fast" only. Backward-data is the same computation with turned weights. Stride 2 needs 9/16 with tiles of 4
// x 4 outputs, 0.54 with 5 x 5, whichever wastes less; its backward-data is the transpose.
#include "ops/conv/winograd.h"

#include <cmath>
#include <limits>

#include "ops/conv/blocked.h"
#include "ops/conv/pack.h"

namespace cnnfast {

namespace {

constexpr int kFewestChannels = 16;  // below, the transforms cost more than they save
constexpr int kFewestTasks = 4;      // where there are tiles or channels enough: a few threads share a layer
constexpr int kPartBlocks =
    8;  // blocks of output channels of a task that shares its tiles with others, at least
constexpr int kFewestTiles = 12;  // of a task that shares its output channels with others
// Tiles of a task, at most: each weight that comes from the third-level cache or memory is used this often.
// With 96 the frequencies of the outputs leave the second-level cache, which costs 7 to 20 % (Zen 3,
// 2026-11).
constexpr int kMostTiles = 48;
// Images of so many floats are far from the core when they are written, unless a micro-batch writes the same
// again: then asking for their lines costs more than it saves (Zen 5, 2026-11: 16@32 1.55 instead of 1.47
// ms).
constexpr int64_t kFarFloats = int64_t{1} << 18;

// With more than twice the frequencies half as many tiles fill the same caches.
constexpr int most_tiles(WinogradForm form) {
  return winograd_is_stride2(form) ? kMostTiles / 2 : kMostTiles;
}

int weights_of(WinogradForm form) {
  const int weights = winograd_axis(form).weights;
  return weights * weights;
}

// How a layer is cut into tasks: by output channels where they are many, since tasks that share tiles
// transform them anew, but tasks that share channels read the weights anew, and by tiles.
struct Cut {
  int64_t tiles, unit, units, parts, count;  // parts of the channels, cuts of the tiles
  Cut(int64_t tiles, int64_t most, int64_t unit, int64_t blocks, int64_t groups)
      : tiles(tiles), unit(unit), units(ceil_div(tiles, unit)), parts(1), count(ceil_div(tiles, most)) {
    if (count * groups >= kFewestTasks) return;
    parts = std::clamp<int64_t>(blocks / kPartBlocks, 1, ceil_div(kFewestTasks, count * groups));
    const int64_t wanted = ceil_div(kFewestTasks, parts * groups);
    count = std::max(count, std::min(wanted, tiles / kFewestTiles));
  }
  int64_t begin(int64_t task) const { return std::min(tiles, task * units / count * unit); }
  int64_t most() const { return std::min(tiles, ceil_div(units, count) * unit); }
};

// What forward and backward-data have in common.
struct Pass : ConvPass {
  const char* algorithm;
  WinogradForm form;
  bool transposed;
  Image src, dst;
  int ic, oc;  // of a group, as this direction sees them
  int pad_top, pad_left;
};

// Floats from one frequency's weights to the next.
int64_t weights_frequency(const Pass& pass) {
  return odd_lines(blocks_of(pass.oc) * pass.ic);
}

// [groups][weights][blocks of sixteen outputs][inputs][16]
Buffer pack_weights(Builder& b, const Node& node, const ConvProblem& p, const Pass& pass) {
  const int64_t block_floats = int64_t{pass.ic} * kLanes;
  const int64_t frequency = weights_frequency(pass), group_floats = frequency * weights_of(pass.form);
  const KernelSteps steps(p, pass.transposed);
  WinogradWeights a{};
  a.tap_stride = steps.tap, a.row_stride = steps.input, a.lane_stride = steps.output;
  a.frequency = frequency, a.form = pass.form, a.flipped = pass.transposed;
  a.streams = group_floats * p.a.groups >= kStreamedFloats;
  const auto winograd_weights = b.k.winograd_weights;
  return pack_blocks(
      b, node, p, pass.kernel, pass.transposed, group_floats * p.a.groups, [=](const PackBlock& one) {
        WinogradWeights weights = a;
        weights.kernel = one.from + one.begin * steps.input;
        weights.dst = one.to + one.group * group_floats + one.block * block_floats + one.begin * kLanes;
        weights.rows = one.end - one.begin, weights.lanes = one.lanes;
        winograd_weights(weights);
      });
}

void lower(Builder& b, const Node& node, const ConvProblem& p, const Pass& pass) {
  const Buffer packed = pack_weights(b, node, p, pass);
  const int64_t out_blocks = blocks_of(pass.oc), groups = p.a.groups;
  const int64_t tiles = p.n * winograd_tiles(pass.dst, winograd_axis(pass.form).out);
  const Cut cut(tiles, most_tiles(pass.form), b.k.winograd_tiles, out_blocks, groups);
  const int64_t parts = cut.parts;
  Winograd a{};
  a.src_block = pass.src.pixels() * kLanes, a.src_sample = a.src_block * blocks_of(pass.src.c);
  const bool pooled = pass.pool != WindowPool::none;
  const int64_t window = pooled ? 2 : 1;
  a.dst_block = (pass.dst.h / window) * (pass.dst.w / window) * kLanes;
  a.dst_sample = a.dst_block * blocks_of(pass.dst.c);
  a.weights_frequency = weights_frequency(pass);
  a.ic = pass.ic, a.ih = pass.src.h, a.iw = pass.src.w, a.oh = pass.dst.h, a.ow = pass.dst.w;
  a.pad_top = pass.pad_top, a.pad_left = pass.pad_left;
  a.form = pass.form, a.pool = pooled, a.activation = pass.activation;
  a.far = b.n == b.batch && p.n * a.dst_sample >= kFarFloats;
  const int64_t group_floats = a.weights_frequency * weights_of(pass.form);
  const int64_t src_group = pass.ic / kLanes * a.src_block;  // more than one group: whole blocks
  const ParamSource bias = pass.bias;
  const int oc = pass.oc;
  const Buffer from = pass.from, to = pass.to, residual = pass.residual, index = pass.pool_index;
  const auto winograd = b.k.winograd;
  Step& step = b.step(node, pass.direction, cut.count * parts * groups, pass.uses(packed),
                      [=](const Context& c, int64_t task) {
                        const int64_t at = task % cut.count, part = task / cut.count % parts;
                        const int64_t g = task / cut.count / parts;
                        const int64_t block = part * out_blocks / parts,
                                      end = (part + 1) * out_blocks / parts;
                        Winograd one = a;
                        one.src = c.at(from) + g * src_group;
                        one.weights = c.at(packed) + g * group_floats + block * a.ic * kLanes;
                        one.bias = bias ? c.values(bias) + g * oc + block * kLanes : nullptr;
                        const int64_t dst = (g * out_blocks + block) * a.dst_block;
                        one.dst = c.at(to) + dst;
                        one.residual = residual ? c.at(residual) + dst : nullptr;
                        one.pool_index = index ? c.as<uint8_t>(index) + dst : nullptr;
                        one.scratch = c.scratch;
                        one.oc = static_cast<int32_t>(std::min<int64_t>(oc, end * kLanes) - block * kLanes);
                        one.first_tile = static_cast<int32_t>(cut.begin(at));
                        one.tiles = static_cast<int32_t>(cut.begin(at + 1)) - one.first_tile;
                        winograd(one);
                      });
  step.info.algorithm = pass.algorithm;
  step.scratch = b.k.winograd_scratch(pass.form, static_cast<int32_t>(cut.most()), pass.ic, pass.oc);
}

template <const ConvAlgorithm& algorithm, WinogradForm form>
void forward(Builder& b, int value, const ConvProblem& p, const ConvPass& pass) {
  lower(b, b.node(value), p,
        {pass, algorithm.name, form, false, p.in, p.out, p.ic(), p.oc(), p.a.padding.top, p.a.padding.left});
}

template <const ConvAlgorithm& algorithm, WinogradForm form>
void backward_data(Builder& b, int value, const ConvProblem& p, const ConvPass& pass) {
  constexpr bool back = winograd_is_back(form);
  const int top = back ? p.a.padding.top : 2 - p.a.padding.top;
  const int left = back ? p.a.padding.left : 2 - p.a.padding.left;
  lower(b, b.node(value), p, {pass, algorithm.name, form, true, p.out, p.in, p.oc(), p.ic(), top, left});
}

std::string pair(Spatial p) {
  return to_string(Dims{p.h, p.w});
}

template <WinogradForm form>
std::string refuse(const ConvProblem& p) {
  if (form == WinogradForm::f6 && p.precision != Precision::fast)
    return "the precision class must be \"fast\", is \"" + to_string(p.precision) + "\"";
  if (p.precision == Precision::exact) return "the precision class \"exact\" allows direct sums only";
  if (p.a.rank == 3) return "the convolution must have two spatial axes, has 3";
  if (p.a.kernel.h != 3 || p.a.kernel.w != 3) return "the kernel must be (3, 3), is " + pair(p.a.kernel);
  constexpr int stride = winograd_is_stride2(form) ? 2 : 1;
  if (p.a.stride.h != stride || p.a.stride.w != stride)
    return "the strides must be " + to_string(Dims{stride, stride}) + ", are " + pair(p.a.stride);
  if (p.a.dilation.h != 1 || p.a.dilation.w != 1)
    return "the dilation must be (1, 1), is " + pair(p.a.dilation);
  if (p.ic() < kFewestChannels || p.oc() < kFewestChannels)
    return "a group must have at least 16 channels on both sides, has " + std::to_string(p.ic()) + " and " +
           std::to_string(p.oc());
  // Kernels number the tiles in 32 bits.
  const int64_t tiles = p.n * winograd_tiles(p.out, winograd_axis(form).out);
  if (tiles > std::numeric_limits<int32_t>::max())
    return "a batch may have 2^31 tiles, has " + std::to_string(tiles);
  return kConvBlockedAlgorithm.refuse(p);
}

// In multiply-adds at full speed, fitted on Zen 3, 2026-11, to 64@56, 128@28, 256@14, 256@28, 512@7 and
// 512@14, and of stride 2 to 64@56, 128@56, 256@28, 512@28 and 512@14, within 15 %: the products' share of
// full speed; a tile's transform for one block of channels; one weight transformed before every run, beyond
// what the direct sum packs; the part of far_weights that adds to the rest.
struct Fit {
  double share, transform, pack, far;
};

constexpr Fit fit(WinogradForm form) {
  switch (form) {
    case WinogradForm::f2:
      return {0.9, 4000, 10, 0};
    case WinogradForm::f4:
      return {0.9, 9000, 10, 0};
    case WinogradForm::f6:
      return {0.9, 18000, 30, 0};
    case WinogradForm::stride2_f4:
    case WinogradForm::stride2_f4_back:
      return {0.93, 12000, 10, 0.25};
    case WinogradForm::stride2_f5:
    case WinogradForm::stride2_f5_back:
      break;
  }
  return {0.93, 18000, 20, 0.25};
}

// One weight is brought in for some tiles. Few tiles wait for the weights that no near cache holds: on one
// image of 512@7, 256@7 and 128@7 F(2, 3) is 1.2 to 1.5 times as fast as F(4, 3), and of outputs 7 x 7 stride
// 2 is slower than the direct sum.
template <WinogradForm form>
double cost(const ConvProblem& p) {
  constexpr double kWeight = 3;
  constexpr Fit f = fit(form);
  constexpr WinogradAxis axis = winograd_axis(form);
  const double tiles = double(p.n) * static_cast<double>(winograd_tiles(p.out, axis.out));
  const double ic_blocks = static_cast<double>(blocks_of(p.ic())),
               oc_blocks = static_cast<double>(blocks_of(p.oc()));
  const double product = double(p.ic()) * oc_blocks * kLanes;  // of one frequency
  const double weights = weights_of(form) * product;
  const double products = axis.frequencies * axis.frequencies * product;
  double all = tiles * (products / f.share + f.transform * (ic_blocks + oc_blocks));
  all += std::ceil(tiles / most_tiles(form)) * weights * kWeight;
  all = std::max(all + f.far * far_weights(weights), far_weights(weights));
  if (p.training) all += (weights_of(form) - p.taps()) * product * f.pack;
  return all * p.a.groups;
}

bool pools(const ConvAttrs&, WindowPool kind, bool) {
  return kind == WindowPool::maximum;
}

template <const ConvAlgorithm& algorithm, WinogradForm form, WinogradForm back = form>
constexpr ConvAlgorithm of_form(const char* name) {
  return {.name = name,
          .layout = Layout::blocked,
          .reads_plain = false,
          .refuse = refuse<form>,
          .cost = cost<form>,
          .forward = forward<algorithm, form>,
          .backward_data = backward_data<algorithm, back>,
          .backward_weights = winograd_backward_weights,
          .weights_cost = winograd_weights_cost,
          .adds_residual = true,
          .pools = pools};
}

template <const ConvAlgorithm& algorithm, WinogradForm form, WinogradForm back>
constexpr ConvAlgorithm of_stride2(const char* name) {
  ConvAlgorithm all = of_form<algorithm, form, back>(name);
  all.backward_weights = blocked_backward_weights;
  all.weights_cost = [](const ConvProblem& p) { return kConvBlockedAlgorithm.cost(p); };
  if (winograd_axis(form).out % 2 != 0) all.pools = nullptr;
  return all;
}

}  // namespace

const ConvAlgorithm kConvWinogradAlgorithm = of_form<kConvWinogradAlgorithm, WinogradForm::f4>("winograd");
const ConvAlgorithm kConvWinogradF2Algorithm =
    of_form<kConvWinogradF2Algorithm, WinogradForm::f2>("winograd_f2");
const ConvAlgorithm kConvWinogradF6Algorithm =
    of_form<kConvWinogradF6Algorithm, WinogradForm::f6>("winograd_f6");
const ConvAlgorithm kConvWinogradS2Algorithm =
    of_stride2<kConvWinogradS2Algorithm, WinogradForm::stride2_f4, WinogradForm::stride2_f4_back>(
        "winograd_s2");
const ConvAlgorithm kConvWinogradS2F5Algorithm =
    of_stride2<kConvWinogradS2F5Algorithm, WinogradForm::stride2_f5, WinogradForm::stride2_f5_back>(
        "winograd_s2_f5");

}  // namespace cnnfast
