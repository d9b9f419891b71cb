// Pieces of weight gradients, their partial sums, and their way into the user's order.
#include "ops/conv/weight_pieces.h"

#include <cmath>

namespace cnnfast {

namespace {

constexpr int64_t kPieceFloats = 32768;  // a quarter of a second-level cache
constexpr int64_t kLeastFloats = 4096;   // of a piece, where tasks are few
constexpr int64_t kFewestTasks = 16;     // where there are pixels and channels enough
constexpr int64_t kMostBlocks = 8;       // on either side of a piece: their pixels stay in the cache too
constexpr int64_t kPairs = 2;            // some kernels take two blocks of output channels at once
constexpr int64_t kSumRows = 32;         // of the partial sums, a task

// The gradient as the user has it, and its pieces.
struct Cut {
  int ic, oc, all_oc, taps;
  ParamPlace kernel, bias;  // perhaps no bias
  int64_t group_blocks, units;
  BlockRanges ins, outs;  // of a group
  int64_t pieces, piece_floats, parts;

  Cut(const Builder& b, const Node& node, const ConvProblem& p, const WeightUnits& given)
      : ic(p.ic()),
        oc(p.oc()),
        all_oc(p.out.c),
        taps(p.taps()),
        kernel(b.place(node.params[0])),
        bias(p.a.use_bias ? b.place(node.params[1]) : ParamPlace{}),
        group_blocks(blocks_of(oc)),
        units(given.count) {
    int64_t floats = kPieceFloats;
    do {
      cut_channels(floats, given.splits_inputs);
      pieces = ins.count * outs.count * p.a.groups;
      floats /= 2;
    } while (pieces * units < kFewestTasks && floats >= kLeastFloats);
    const int64_t most_ins = std::min<int64_t>(ic, ins.most() * kLanes);
    piece_floats = outs.most() * (taps * most_ins + 1) * kLanes;
    parts = partial_sums(std::min(ceil_div(kFewestTasks, pieces), units), pieces * piece_floats);
  }

  // About as many channels on either side: then the fewest pixels pass by.
  void cut_channels(int64_t floats, bool splits_inputs) {
    const int64_t in_blocks = blocks_of(ic), block_floats = int64_t{taps} * kLanes * kLanes;
    const auto fitting = [&](int64_t others, int64_t all) {
      return std::clamp<int64_t>(floats / (others * block_floats), 1, std::min(all, kMostBlocks));
    };
    const double side = std::sqrt(static_cast<double>(floats) / static_cast<double>(block_floats));
    int64_t in = in_blocks;
    if (splits_inputs)
      in = std::clamp<int64_t>(static_cast<int64_t>(side), 1, std::min(in_blocks, kMostBlocks));
    const int64_t out = fitting(in, group_blocks);
    if (splits_inputs) in = fitting(out, in_blocks);
    ins = BlockRanges(in_blocks, in);
    outs = BlockRanges(group_blocks, out, kPairs);
  }

  WeightTask piece(int64_t i) const {
    const int64_t out = i % outs.count, in = i / outs.count % ins.count;
    WeightTask task{};
    task.group = i / outs.count / ins.count;
    task.block = task.group * group_blocks + outs.begin(out);
    task.blocks = outs.begin(out + 1) - outs.begin(out);
    task.first_in = static_cast<int>(ins.begin(in) * kLanes);
    task.ins = std::min(ic, static_cast<int>(ins.begin(in + 1) * kLanes)) - task.first_in;
    task.block_floats = (int64_t{taps} * task.ins + 1) * kLanes;
    return task;
  }

  // Of its outputs, in the user's order.
  int64_t first_column(const WeightTask& task) const {
    return task.group * oc + (task.block - task.group * group_blocks) * kLanes;
  }
  int64_t columns(const WeightTask& task) const {
    return std::min(task.blocks * kLanes, (task.group + 1) * oc - first_column(task));
  }
  GradPlace<float> place(const WeightTask& task, const Context& c) const {
    float* first = c.grad(kernel) + task.first_in * int64_t{all_oc} + first_column(task);
    return {first, int64_t{ic} * all_oc, all_oc, kLanes};
  }
};

// One row of a piece's blocks, `from_block` floats apart.
void copy_row(const float* from, int64_t from_block, float* to, int64_t columns) {
  for (; columns >= kLanes; columns -= kLanes, from += from_block, to += kLanes)
    std::copy_n(from, kLanes, to);
  std::copy_n(from, columns, to);
}

void add_partials(Builder& b, const Node& node, const Cut& cut, Buffer sums) {
  const int64_t slices = ceil_div(cut.piece_floats / cut.outs.most() / kLanes, kSumRows);
  const auto sum_rows = b.k.sum_rows;
  const auto run = [=](const Context& c, int64_t i) {
    const WeightTask task = cut.piece(i / slices);
    const int64_t bias_row = task.block_floats / kLanes - 1, columns = cut.columns(task);
    const int64_t first = i % slices * kSumRows, end = std::min(first + kSumRows, bias_row + 1);
    if (first >= end) return;
    const float* from = c.at(sums) + i / slices * cut.piece_floats + first * kLanes;
    const int64_t floats = (end - first) * kLanes;
    for (int64_t block = 0; block < task.blocks; ++block)
      sum_rows(from + block * task.block_floats, cut.parts, cut.pieces * cut.piece_floats,
               c.scratch + block * floats, floats);
    const GradPlace<float> to = cut.place(task, c);
    for (int64_t row = first; row < std::min(end, bias_row); ++row)
      copy_row(c.scratch + (row - first) * kLanes, floats,
               to.at + row / task.ins * to.tap + row % task.ins * to.row, columns);
    if (end > bias_row && cut.bias && task.first_in == 0)
      copy_row(c.scratch + (bias_row - first) * kLanes, floats, c.grad(cut.bias) + cut.first_column(task),
               columns);
  };
  b.step(node, "sum partial gradients", cut.pieces * slices, {sums}, run).scratch =
      cut.outs.most() * kSumRows * kLanes;
}

}  // namespace

void sum_weight_gradient(Builder& b, const Node& node, const ConvProblem& p, const char* algorithm,
                         WeightUnits units, std::vector<Buffer> uses, SumWeights sum) {
  const Cut cut(b, node, p, units);
  const bool in_place = units.in_place && cut.parts == 1 && cut.oc % kLanes == 0;
  const Buffer sums = in_place ? Buffer{} : b.buffer(cut.parts * cut.pieces * cut.piece_floats);
  if (!in_place) uses.push_back(sums);
  Step& step = b.step(node, "backward weights", cut.parts * cut.pieces, uses,
                      [=, sum = std::move(sum)](const Context& c, int64_t i) {
                        const int64_t part = i / cut.pieces;
                        WeightTask task = cut.piece(i % cut.pieces);
                        task.begin = part * cut.units / cut.parts;
                        task.end = (part + 1) * cut.units / cut.parts;
                        task.sums = in_place ? c.scratch : c.at(sums) + i * cut.piece_floats;
                        task.to = in_place ? cut.place(task, c) : task.place_of_sums<float>();
                        sum(c, task);
                        if (in_place && cut.bias && task.first_in == 0)
                          copy_row(task.bias(), task.block_floats, c.grad(cut.bias) + cut.first_column(task),
                                   cut.columns(task));
                      });
  step.info.algorithm = algorithm;
  if (in_place)
    step.scratch = cut.piece_floats;
  else
    add_partials(b, node, cut, sums);
}

}  // namespace cnnfast
