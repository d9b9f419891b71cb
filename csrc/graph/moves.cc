// Describing moves: their shape rules, and the pieces that they are put together of.
#include <algorithm>
#include <numeric>

#include "cnnfast/error.h"
#include "cnnfast/graph.h"
#include "core/sizes.h"
#include "ops/move.h"

namespace cnnfast {

namespace {

// Pieces of one move; more are no move but an accident.
constexpr int64_t kMostPieces = 4096;

MoveAxis whole(const Dims& dims, size_t axis) {
  return {0, 1, dims[axis], static_cast<int>(axis), 0, 1};
}

std::vector<MoveAxis> whole(const Dims& dims) {
  std::vector<MoveAxis> axes;
  for (size_t axis = 0; axis < dims.size(); ++axis) axes.push_back(whole(dims, axis));
  return axes;
}

void check_entries(const std::string& name, const char* what, size_t entries, const Dims& dims) {
  if (entries != dims.size())
    fail(name, ": ", what, " must have one entry for each axis of one sample, of shape ", to_string(dims),
         "; got ", entries, ".");
}

int64_t checked_extent(const std::string& name, int64_t size) {
  return checked_size(size, kMostOfSample, name, ": the size of an axis of the output");
}

// All pieces that take one of its alternatives along each axis.
std::vector<MovePiece> combined(const std::string& name, const std::vector<std::vector<MoveAxis>>& choices) {
  int64_t count = 1;
  for (const auto& each : choices) count = product(count, static_cast<int64_t>(each.size()));
  checked_size(count, kMostPieces, name, ": the number of pieces that are moved");
  std::vector<MovePiece> pieces{{0, {}}};
  for (const auto& each : choices) {
    std::vector<MovePiece> longer;
    for (const MovePiece& piece : pieces)
      for (const MoveAxis& axis : each) {
        longer.push_back(piece);
        longer.back().axes.push_back(axis);
      }
    pieces = std::move(longer);
  }
  return pieces;
}

// An axis and its border: [before][the axis][after].
std::vector<MoveAxis> padded(const std::string& name, int axis, int64_t size, int64_t before, int64_t after,
                             PadFill fill) {
  std::vector<MoveAxis> made{{before, 1, size, axis, 0, 1}};
  if (fill == PadFill::constant) return made;
  const int64_t most = fill == PadFill::reflect ? size - 1 : fill == PadFill::circular ? size : kMostOfSample;
  if (before > most || after > most)
    fail(name, ": this padding repeats cells of the input, of which axis ", axis, " has ", size,
         ", so at most ", most, " may be added on a side; got ", before, " and ", after, ".");
  const auto border = [&](int64_t begin, int64_t count, int64_t src_begin, int64_t src_step) {
    if (count > 0) made.push_back({begin, 1, count, axis, src_begin, src_step});
  };
  const int64_t end = before + size;
  switch (fill) {
    case PadFill::reflect:
      border(0, before, before, -1);
      border(end, after, size - 2, -1);
      break;
    case PadFill::replicate:
      border(0, before, 0, 0);
      border(end, after, size - 1, 0);
      break;
    case PadFill::circular:
      border(0, before, size - before, 1);
      border(end, after, 0, 1);
      break;
    case PadFill::constant:
      break;
  }
  return made;
}

// A copy of each axis for each repetition: to every times-th cell, or one behind the other. dims become the
// output's.
std::vector<MovePiece> copies(const std::string& name, const std::vector<int64_t>& times, bool each_cell,
                              Dims* dims) {
  check_entries(name, "repetitions", times.size(), *dims);
  std::vector<std::vector<MoveAxis>> choices;
  for (size_t axis = 0; axis < dims->size(); ++axis) {
    const int64_t count = times[axis], size = (*dims)[axis];
    if (count < 1) fail(name, ": repetitions must be at least 1, got ", count, ".");
    checked_size(count, kMostPieces, name, ": repetitions");
    std::vector<MoveAxis> made;
    for (int64_t i = 0; i < count; ++i)
      made.push_back({each_cell ? i : i * size, each_cell ? count : 1, size, static_cast<int>(axis), 0, 1});
    choices.push_back(std::move(made));
    (*dims)[axis] = checked_extent(name, product(size, count));
  }
  return combined(name, choices);
}

}  // namespace

int Graph::push_move(std::vector<int> srcs, std::vector<MovePiece> pieces, const Dims& dims, float fill,
                     const std::string& name) {
  const Node& first = node(srcs[0]);
  Node made{.name = name,
            .attrs = MoveAttrs{std::move(pieces), fill},
            .inputs = std::move(srcs),
            .dims = dims,
            .rows = first.rows};
  for (const int src : made.inputs) {
    const Node& from = node(src);
    if (from.rows != made.rows)
      fail(name, ": inputs must have as many rows a sample, got ", made.rows, " and ", from.rows, ".");
    if (keeps_axes(made) && made.decider < 0) made.format = from.format, made.decider = from.decider;
  }
  return push(std::move(made));
}

int Graph::concatenate(const std::vector<int>& srcs, int axis, const std::string& name) {
  if (srcs.empty()) fail(name, ": there is nothing to concatenate.");
  Dims dims = node(srcs[0]).dims;
  const auto at = static_cast<size_t>(axis);
  if (axis < 0 || at >= dims.size())
    fail(name, ": inputs of shape ", to_string(dims), " have no axis ", axis, " to concatenate along.");
  std::vector<MovePiece> pieces;
  int64_t end = 0;
  for (size_t i = 0; i < srcs.size(); ++i) {
    Dims expected = dims;
    const Dims& own = node(srcs[i]).dims;
    if (own.size() == dims.size()) expected[at] = own[at];
    if (own != expected)
      fail(name, ": inputs must have one shape except along axis ", axis, "; got ", to_string(dims), " and ",
           to_string(own), ".");
    std::vector<MoveAxis> axes = whole(own);
    axes[at].begin = end;
    end = checked_extent(name, end + own[at]);
    pieces.push_back({static_cast<int>(i), std::move(axes)});
  }
  dims[at] = end;
  return push_move(srcs, std::move(pieces), dims, 0, name);
}

int Graph::pad(int src, const std::vector<std::pair<int64_t, int64_t>>& sides, PadFill fill, float value,
               const std::string& name) {
  Dims dims = node(src).dims;
  check_entries(name, "padding", sides.size(), dims);
  std::vector<std::vector<MoveAxis>> choices;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    const auto [before, after] = sides[axis];
    if (before < 0 || after < 0)
      fail(name, ": padding must not be negative, got ", before, " and ", after, "; crop instead.");
    const int64_t size = checked_extent(name, sum(dims[axis], sum(before, after)));
    choices.push_back(padded(name, static_cast<int>(axis), dims[axis], before, after, fill));
    dims[axis] = size;
  }
  return push_move({src}, combined(name, choices), dims, value, name);
}

int Graph::slice(int src, const std::vector<Range>& ranges, const std::string& name) {
  Dims dims = node(src).dims;
  check_entries(name, "slices", ranges.size(), dims);
  MovePiece piece{0, whole(dims)};
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    const auto [begin, step, count] = ranges[axis];
    const int64_t last = sum(begin, product(step, count - 1));
    if (count < 1 || (step == 0 && count > 1) || begin < 0 || begin >= dims[axis] || last < 0 ||
        last >= dims[axis])
      fail(name, ": along axis ", axis, " of ", dims[axis], " cells there are no ", count, " from ", begin,
           " in steps of ", step, ".");
    piece.axes[axis] = {0, 1, count, static_cast<int>(axis), begin, step};
    dims[axis] = count;
  }
  return push_move({src}, {std::move(piece)}, dims, 0, name);
}

int Graph::permute(int src, const std::vector<int>& order, const std::string& name) {
  const Dims& in = node(src).dims;
  check_entries(name, "the order of axes", order.size(), in);
  std::vector<bool> seen(in.size());
  MovePiece piece{0, {}};
  Dims dims;
  for (const int from : order) {
    const auto at = static_cast<size_t>(from);
    if (from < 0 || at >= in.size() || seen[at])
      fail(name, ": the order of axes must have each of 0 to ", in.size() - 1, " once; got ", from,
           seen.size() > at && from >= 0 ? " twice." : ".");
    seen[at] = true;
    piece.axes.push_back({0, 1, in[at], from, 0, 1});
    dims.push_back(in[at]);
  }
  return push_move({src}, {std::move(piece)}, dims, 0, name);
}

int Graph::repeat(int src, const std::vector<int64_t>& times, const std::string& name) {
  Dims dims = node(src).dims;
  std::vector<MovePiece> pieces = copies(name, times, true, &dims);
  return push_move({src}, std::move(pieces), dims, 0, name);
}

int Graph::tile(int src, const std::vector<int64_t>& times, const std::string& name) {
  Dims dims = node(src).dims;
  std::vector<MovePiece> pieces = copies(name, times, false, &dims);
  return push_move({src}, std::move(pieces), dims, 0, name);
}

namespace {

// One piece for each cell of a square: its channels lie at (row * block + column) * channels in the deep
// value, or from row * block + column on in steps of block * block, and every block-th cell of the wide one,
// from (row, column), has them.
std::vector<MovePiece> square_pieces(const std::string& name, const Dims& deep, const Dims& wide,
                                     size_t height, size_t channel, int block, bool to_space,
                                     DepthOrder order) {
  checked_size(product(int64_t{block}, block), kMostPieces, name, ": cells of a block");
  std::vector<MovePiece> pieces;
  for (int cell = 0; cell < block * block; ++cell) {
    MovePiece piece{0, whole(to_space ? wide : deep)};
    for (const size_t axis : {height, height + 1}) {
      const int64_t offset = axis == height ? cell / block : cell % block;
      MoveAxis& a = piece.axes[axis];
      a.count = deep[axis];
      if (to_space)
        a.begin = offset, a.step = block;
      else
        a.src_begin = offset, a.src_step = block;
    }
    MoveAxis& c = piece.axes[channel];
    c.count = wide[channel];
    const bool apart = order == DepthOrder::crd;
    (to_space ? c.src_begin : c.begin) = apart ? cell : cell * wide[channel];
    (to_space ? c.src_step : c.step) = apart ? block * block : 1;
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

}  // namespace

int Graph::depth_to_space(int src, int block, DataFormat format, const std::string& name, DepthOrder order) {
  const Dims& in = node(src).dims;
  const size_t channel = format == DataFormat::channels_first ? 0 : 2, height = channel == 0 ? 1 : 0;
  if (in.size() != 3) fail(name, ": an image of three axes is needed, got ", to_string(in), ".");
  if (block < 1 || in[channel] % product(int64_t{block}, block) != 0)
    fail(name, ": the square of the block size must divide the channels; got a block size of ", block,
         " and ", in[channel], " channels.");
  Dims out = in;
  out[channel] /= int64_t{block} * block;
  for (const size_t axis : {height, height + 1}) out[axis] = checked_extent(name, product(in[axis], block));
  return push_move({src}, square_pieces(name, in, out, height, channel, block, true, order), out, 0, name);
}

int Graph::space_to_depth(int src, int block, DataFormat format, const std::string& name, DepthOrder order) {
  const Dims& in = node(src).dims;
  const size_t channel = format == DataFormat::channels_first ? 0 : 2, height = channel == 0 ? 1 : 0;
  if (in.size() != 3) fail(name, ": an image of three axes is needed, got ", to_string(in), ".");
  if (block < 1 || in[height] % block != 0 || in[height + 1] % block != 0)
    fail(name, ": the block size must divide height and width; got a block size of ", block, " and ",
         in[height], " x ", in[height + 1], ".");
  Dims out = in;
  out[channel] = checked_extent(name, product(in[channel], product(int64_t{block}, block)));
  for (const size_t axis : {height, height + 1}) out[axis] = in[axis] / block;
  return push_move({src}, square_pieces(name, out, in, height, channel, block, false, order), out, 0, name);
}

}  // namespace cnnfast
