// Winograd, gradient of the weights: a quarter of the direct sum's multiplications, whatever the batch. A
// task sums over some tiles for a square of channels whose sums stay in the caches from the first product to
// the last transform.
#include "ops/conv/weight_pieces.h"
#include "ops/conv/winograd.h"

namespace cnnfast {

namespace {

constexpr int kTile = 4, kFrequencies = (kTile + 2) * (kTile + 2);
constexpr int kMostBlocks = kWinogradWgradOutputs / kLanes;  // either side of a task's square
constexpr int kPartTiles = 96;    // of a partial sum, at least, if there are so many
constexpr int kFewestTasks = 16;  // where there are tiles enough

struct Ranges : BlockRanges {  // of the channels of one side
  explicit Ranges(int channels) : BlockRanges(blocks_of(channels), kMostBlocks) {}
  int begin(int64_t range) const { return static_cast<int>(BlockRanges::begin(range) * kLanes); }
  int channels(int64_t range, int all) const { return std::min(all, begin(range + 1)) - begin(range); }
};

// How the gradient is cut into tasks: by channels of both sides, then by tiles. Where channels make more than
// one square and tiles are few, a step before transforms both images once for all squares.
struct Cut {
  Ranges rows, cols;
  int64_t squares, tiles, kernel_floats, partial, parts;  // a partial sum: kernel, then bias
  bool apart;
  explicit Cut(const ConvProblem& p)
      : rows(p.ic()),
        cols(p.oc()),
        squares(rows.count * cols.count * p.a.groups),
        tiles(p.n * winograd_tiles(p.out, kTile)),
        kernel_floats(int64_t{p.taps()} * p.ic() * p.out.c),
        partial(kernel_floats + p.out.c),
        parts(partial_sums(std::min(ceil_div(kFewestTasks, squares), ceil_div(tiles, kPartTiles)), partial)),
        apart(tiles <= kPartTiles && rows.count * cols.count > 1) {}
};

WinogradWgrad describe(const ConvProblem& p) {
  WinogradWgrad a{};
  a.ih = p.in.h, a.iw = p.in.w, a.oh = p.out.h, a.ow = p.out.w;
  a.pad_top = p.a.padding.top, a.pad_left = p.a.padding.left;
  a.src_block = p.in.pixels() * kLanes, a.src_sample = a.src_block * blocks_of(p.in.c);
  a.dst_block = p.out.pixels() * kLanes, a.dst_sample = a.dst_block * blocks_of(p.out.c);
  a.grad_row = p.out.c, a.grad_tap = int64_t{p.ic()} * p.out.c;
  return a;
}

void lower_apart(Builder& b, const Node& node, const ConvProblem& p, const Cut& cut, Buffer from,
                 Buffer grad_out) {
  const int64_t in_blocks = blocks_of(p.in.c), out_blocks = blocks_of(p.out.c);
  const int64_t block_floats = cut.tiles * kLanes;
  WinogradFrequencies frequencies{};
  frequencies.src_frequency = odd_lines(in_blocks * cut.tiles);
  frequencies.grad_frequency = odd_lines(out_blocks * cut.tiles);
  const Buffer src = b.buffer(kFrequencies * frequencies.src_frequency);
  const Buffer grad = b.buffer(kFrequencies * frequencies.grad_frequency);
  const ParamPlace kernel_to = b.place(node.params[0]);
  const ParamPlace bias_to = p.a.use_bias ? b.place(node.params[1]) : ParamPlace{};
  WinogradWgrad a = describe(p);
  a.tiles = static_cast<int32_t>(cut.tiles);
  const auto transform = b.k.winograd_wgrad_transform;
  b.step(node, "transform", in_blocks + out_blocks, {from, grad_out, src, grad},
         [=, all_oc = p.out.c](const Context& c, int64_t task) {
           WinogradWgrad one = a;
           WinogradFrequencies to = frequencies;
           if (task < in_blocks) {
             one.src = c.at(from) + task * a.src_block, one.ic = kLanes;
             to.src = c.at(src) + task * block_floats;
           } else {
             const int64_t block = task - in_blocks;
             one.grad_dst = c.at(grad_out) + block * a.dst_block;
             one.oc = static_cast<int32_t>(std::min<int64_t>(kLanes, all_oc - block * kLanes));
             one.grad_bias = bias_to ? c.grad(bias_to) + block * kLanes : nullptr;
             to.grad = c.at(grad) + block * block_floats;
           }
           transform(one, to);
         });
  const auto product = b.k.winograd_wgrad_product;
  const int ic = p.ic(), oc = p.oc();
  Step& step = b.step(node, "backward weights", cut.rows.blocks * cut.cols.count * p.a.groups, {src, grad},
                      [=](const Context& c, int64_t task) {
                        const int64_t row = task % cut.rows.blocks;
                        const int64_t col = task / cut.rows.blocks % cut.cols.count;
                        const int64_t g = task / cut.rows.blocks / cut.cols.count;
                        const int64_t i0 = row * kLanes, o0 = cut.cols.begin(col);
                        WinogradWgrad one = a;
                        one.ic = static_cast<int32_t>(std::min<int64_t>(kLanes, ic - i0));
                        one.oc = cut.cols.channels(col, oc);
                        one.grad_kernel = c.grad(kernel_to) + i0 * a.grad_row + g * oc + o0;
                        one.scratch = c.scratch;
                        WinogradFrequencies of = frequencies;
                        of.src = c.at(src) + (g * cut.rows.blocks + row) * block_floats;
                        of.grad = c.at(grad) + (g * cut.cols.blocks + o0 / kLanes) * block_floats;
                        product(one, of);
                      });
  step.info.algorithm = "winograd";
  step.scratch = b.k.winograd_wgrad_scratch(0, kLanes, kWinogradWgradOutputs);
}

void lower_squares(Builder& b, const Node& node, const ConvProblem& p, const Cut& cut, Buffer from,
                   Buffer grad_out) {
  const int ic = p.ic(), oc = p.oc(), all_oc = p.out.c;
  const ParamPlace kernel_to = b.place(node.params[0]);
  const ParamPlace bias_to = p.a.use_bias ? b.place(node.params[1]) : ParamPlace{};
  const bool whole = cut.parts == 1;  // one part is the gradient itself
  const Buffer sums = whole ? Buffer{} : b.buffer(cut.parts * cut.partial);
  const WinogradWgrad a = describe(p);
  std::vector<Buffer> uses{from, grad_out};
  if (!whole) uses.push_back(sums);
  const auto wgrad = b.k.winograd_wgrad;
  Step& step =
      b.step(node, "backward weights", cut.parts * cut.squares, uses, [=](const Context& c, int64_t task) {
        const int64_t square = task % cut.squares, part = task / cut.squares;
        const int64_t col = square % cut.cols.count, row = square / cut.cols.count % cut.rows.count;
        const int64_t g = square / cut.cols.count / cut.rows.count;
        const int i0 = cut.rows.begin(row), o0 = cut.cols.begin(col);
        float* kernel = whole ? c.grad(kernel_to) : c.at(sums) + part * cut.partial;
        float* bias = whole ? c.grad(bias_to) : kernel + cut.kernel_floats;
        WinogradWgrad one = a;
        one.src = c.at(from) + (g * ic + i0) / kLanes * a.src_block;  // more than one group: whole blocks
        one.grad_dst = c.at(grad_out) + (g * oc + o0) / kLanes * a.dst_block;
        one.grad_kernel = kernel + i0 * a.grad_row + g * oc + o0;
        one.grad_bias = row == 0 && bias_to ? bias + g * oc + o0 : nullptr;
        one.scratch = c.scratch;
        one.ic = cut.rows.channels(row, ic), one.oc = cut.cols.channels(col, oc);
        one.first_tile = static_cast<int32_t>(part * cut.tiles / cut.parts);
        one.tiles = static_cast<int32_t>((part + 1) * cut.tiles / cut.parts) - one.first_tile;
        wgrad(one);
      });
  step.info.algorithm = "winograd";
  step.scratch =
      b.k.winograd_wgrad_scratch(static_cast<int32_t>(ceil_div(cut.tiles, cut.parts)),
                                 std::min(ic, kMostBlocks * kLanes), std::min(oc, kMostBlocks * kLanes));
  if (whole) return;
  const auto sum_rows = b.k.sum_rows;
  b.step(node, "sum partial gradients", flat_tasks(cut.kernel_floats), {sums},
         [=](const Context& c, int64_t task) {
           const int64_t at = task * kFlatTask;
           const float* part = c.at(sums);
           sum_rows(part + at, cut.parts, cut.partial, c.grad(kernel_to) + at,
                    flat_size(cut.kernel_floats, task));
           if (task == 0 && bias_to)
             sum_rows(part + cut.kernel_floats, cut.parts, cut.partial, c.grad(bias_to), all_oc);
         });
}

}  // namespace

void winograd_backward_weights(Builder& b, int value, const ConvProblem& p, Buffer from, Buffer grad_out) {
  const Cut cut(p);
  const auto lower = cut.apart ? lower_apart : lower_squares;
  lower(b, b.node(value), p, cut, from, grad_out);
}

// As the other directions' cost, fitted on Zen 3, 2026-11, to 128@28, 256@14, 512@14 and 512@7 of 4 to 128
// tiles, within 20 %: the products' share of full speed; a tile's transform for one block of channels; the
// last transform of one weight, with what begins and ends its products.
double winograd_weights_cost(const ConvProblem& p) {
  constexpr double kShare = 0.85, kTransform = 7500, kWeight = 450;
  const Cut cut(p);
  const double products = static_cast<double>(cut.rows.blocks * cut.cols.blocks * kLanes * kLanes);
  const double blocks =
      static_cast<double>(cut.apart ? cut.rows.blocks + cut.cols.blocks
                                    : cut.rows.blocks * cut.cols.count + cut.cols.blocks * cut.rows.count);
  const double all =
      static_cast<double>(cut.tiles) * (kFrequencies * products / kShare + kTransform * blocks);
  return (all + static_cast<double>(cut.parts) * products * kWeight) * p.a.groups;
}

}  // namespace cnnfast
