// Winograd, gradient of the weights: a quarter of the direct sum's multiplications, whatever the batch. A
// task sums over some tiles for a square of channels whose sums stay in the caches from the first product to
// the last transform.
#include "ops/conv/winograd.h"

namespace cnnfast {

namespace {

constexpr int kTile = 4;
constexpr int kMostBlocks = 8;    // of sixteen channels, either side of a task's square
constexpr int kPartTiles = 96;    // of a partial sum, at least, if there are so many
constexpr int kFewestTasks = 16;  // where there are tiles enough

struct Square {  // blocks of channels: cut into so many ranges
  int64_t blocks, ranges;
  explicit Square(int channels) : blocks(blocks_of(channels)), ranges(ceil_div(blocks, kMostBlocks)) {}
  int begin(int64_t range) const { return static_cast<int>(range * blocks / ranges * kLanes); }
  int channels(int64_t range, int all) const { return std::min(all, begin(range + 1)) - begin(range); }
};

}  // namespace

void winograd_backward_weights(Builder& b, int value, const ConvProblem& p, Buffer from, Buffer grad_out) {
  const Node& node = b.node(value);
  const int ic = p.ic(), oc = p.oc(), all_oc = p.out.c;
  const int64_t kernel_floats = int64_t{p.taps()} * ic * all_oc, partial = kernel_floats + all_oc;
  const Square rows(ic), cols(oc);
  const int64_t squares = rows.ranges * cols.ranges * p.a.groups, tiles = b.n * winograd_tiles(p.out, kTile);
  const int64_t parts =
      partial_sums(std::min(ceil_div(kFewestTasks, squares), ceil_div(tiles, kPartTiles)), partial);
  const Buffer sums = b.buffer(parts * partial);
  WinogradWgrad a{};
  a.ic = ic, a.ih = p.in.h, a.iw = p.in.w, a.oh = p.out.h, a.ow = p.out.w;
  a.pad_top = p.a.padding.top, a.pad_left = p.a.padding.left;
  a.src_block = p.in.pixels() * kLanes, a.src_sample = a.src_block * blocks_of(p.in.c);
  a.dst_block = p.out.pixels() * kLanes, a.dst_sample = a.dst_block * blocks_of(p.out.c);
  a.grad_row = all_oc, a.grad_tap = int64_t{ic} * all_oc;
  const auto wgrad = b.k.winograd_wgrad;
  Step& step = b.step(
      node, "backward weights", parts * squares, {from, grad_out, sums}, [=](const Context& c, int64_t task) {
        const int64_t square = task % squares, part = task / squares,
                      g = square / (rows.ranges * cols.ranges);
        const int64_t row = square / cols.ranges % rows.ranges, col = square % cols.ranges;
        const int i0 = rows.begin(row), o0 = cols.begin(col);
        float* to = c.at(sums) + part * partial + g * oc + o0;
        WinogradWgrad one = a;
        one.src = c.at(from) + (g * ic + i0) / kLanes * a.src_block;  // more than one group: whole blocks
        one.grad_dst = c.at(grad_out) + (g * oc + o0) / kLanes * a.dst_block;
        one.grad_kernel = to + i0 * all_oc;
        one.grad_bias = row == 0 ? to + kernel_floats : nullptr;
        one.scratch = c.scratch;
        one.ic = rows.channels(row, ic), one.oc = cols.channels(col, oc);
        one.first_tile = static_cast<int32_t>(part * tiles / parts);
        one.tiles = static_cast<int32_t>((part + 1) * tiles / parts) - one.first_tile;
        wgrad(one);
      });
  step.info.algorithm = "winograd";
  step.scratch =
      b.k.winograd_wgrad_scratch(static_cast<int32_t>(ceil_div(tiles, parts)),
                                 std::min(ic, kMostBlocks * kLanes), std::min(oc, kMostBlocks * kLanes));

  const int64_t kernel_at = b.param(node.params[0]).offset;
  const int64_t bias_at = p.a.use_bias ? b.param(node.params[1]).offset : -1;
  const auto sum_rows = b.k.sum_rows;
  b.step(node, "sum partial gradients", flat_tasks(kernel_floats), {sums},
         [=](const Context& c, int64_t task) {
           const float* from = c.at(sums);
           sum_rows(from + task * kFlatTask, parts, partial, c.run.grads + kernel_at + task * kFlatTask,
                    flat_size(kernel_floats, task));
           if (task == 0 && bias_at >= 0)
             sum_rows(from + kernel_floats, parts, partial, c.run.grads + bias_at, all_oc);
         });
}

double winograd_weights_cost(const ConvProblem& p) {
  constexpr double kTransform = 9000, kWeight = 200;
  const double tiles = static_cast<double>(p.n * winograd_tiles(p.out, kTile));
  const Square rows(p.ic()), cols(p.oc());
  const double products = static_cast<double>(rows.blocks * cols.blocks * kLanes * kLanes);
  const double transforms = static_cast<double>(rows.blocks * cols.ranges + cols.blocks * rows.ranges);
  return (tiles * (36 * products + kTransform * transforms) + products * kWeight) * p.a.groups;
}

}  // namespace cnnfast
