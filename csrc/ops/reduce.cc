// Reductions: of a value seen as [outer][length][inner], `length` numbers become one. Long sums are made of
// the sums of pieces whose sizes follow from shapes alone, so that they neither depend on threads nor lose
// more digits than a piece's.
#include "ops/reduce.h"

#include <cmath>

#include "cnnfast/error.h"
#include "core/sizes.h"
#include "ops/op.h"

namespace cnnfast {

namespace {

constexpr int64_t kColumns = 1024;  // of one task, where inner numbers lie side by side
constexpr int64_t kRowsOfPiece = 256, kRowOfPiece = 4096;
constexpr int64_t kMostParts = 64;

struct Cut : ReduceCut {
  int64_t columns() const { return std::min(inner, kColumns); }
  int64_t blocks() const { return ceil_div(inner, kColumns); }
};

// `length` rows of `cols` numbers, piece by piece. scratch has two rows.
void reduce_pieces(const KernelTable& k, Reduction kind, const float* from, int64_t length, int64_t stride,
                   float* to, int64_t cols, float* scratch) {
  const int64_t piece = stride == 1 ? kRowOfPiece : kRowsOfPiece;
  float* const next = scratch + cols;
  k.reduce(kind, from, std::min(length, piece), stride, scratch, cols);
  for (int64_t row = piece; row < length; row += piece) {
    k.reduce(kind, from + row * stride, std::min(piece, length - row), stride, next, cols);
    k.reduce(kind, scratch, 2, cols, scratch, cols);
  }
  std::copy_n(scratch, cols, to);
}

// Calls body(outer index, part, first column, columns) for each unit of work; small ones share a task.
template <class Body>
Step& step_of_units(Builder& b, const Node& node, const char* direction, const Cut& cut, int64_t parts,
                    std::vector<Buffer> uses, Body body) {
  const int64_t units = cut.outer * parts * cut.blocks();
  const int64_t floats = ceil_div(cut.length, parts) * cut.columns();
  const int64_t some = std::clamp<int64_t>(kFlatTask / floats, 1, units);
  return b.step(node, direction, ceil_div(units, some), std::move(uses), [=](const Context& c, int64_t task) {
    for (int64_t unit = task * some; unit < std::min(units, (task + 1) * some); ++unit) {
      const int64_t column = unit % cut.blocks() * kColumns, row = unit / cut.blocks();
      body(c, row / parts, row % parts, column, std::min(kColumns, cut.inner - column));
    }
  });
}

// What `part` numbers are, of each part; times a factor.
void lower_pass(Builder& b, const Node& node, const Cut& cut, int64_t part, Buffer from, Buffer to,
                float factor) {
  const Reduction kind = node.as<ReduceAttrs>()->kind;
  const int64_t parts = ceil_div(cut.length, part);
  Step& step = step_of_units(
      b, node, "forward", cut, parts, {from, to},
      [=, &k = b.k](const Context& c, int64_t outer, int64_t at, int64_t column, int64_t n) {
        const int64_t begin = at * part;
        const float* const src = c.at(from) + (outer * cut.length + begin) * cut.inner + column;
        float* const dst = c.at(to) + (outer * parts + at) * cut.inner + column;
        reduce_pieces(k, kind, src, std::min(part, cut.length - begin), cut.inner, dst, n, c.scratch);
        if (factor != 1)
          for (int64_t i = 0; i < n; ++i) dst[i] *= factor;
      });
  step.scratch = 2 * cut.columns();
}

// Whether the index of a is wanted rather than that of b, which comes before it.
bool beats(Reduction kind, float a, float b) {
  if (std::isnan(b)) return false;
  return std::isnan(a) || (kind == Reduction::argmax ? a > b : a < b);
}

void lower_index(Builder& b, const Node& node, const Cut& cut, Buffer from, Buffer to) {
  checked_size(cut.length, int64_t{1} << 24, node.name, ": numbers that one index counts");
  const Reduction kind = node.as<ReduceAttrs>()->kind;
  step_of_units(b, node, "forward", cut, 1, {from, to},
                [=](const Context& c, int64_t outer, int64_t, int64_t column, int64_t n) {
                  for (int64_t i = column; i < column + n; ++i) {
                    const float* const src = c.at(from) + outer * cut.length * cut.inner + i;
                    int64_t best = 0;
                    for (int64_t r = 1; r < cut.length; ++r)
                      if (beats(kind, src[r * cut.inner], src[best * cut.inner])) best = r;
                    c.at(to)[outer * cut.inner + i] = static_cast<float>(best);
                  }
                });
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Cut cut{reduce_cut(b, node)};
  const Reduction kind = node.as<ReduceAttrs>()->kind;
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  if (kind == Reduction::argmax || kind == Reduction::argmin) return lower_index(b, node, cut, from, to);
  const float factor = reduce_factor(node, cut);
  // Few long sums are made in parts, so that there are tasks for several threads.
  const int64_t tasks = cut.outer * cut.blocks();
  const int64_t part = tasks * 4 >= kMostParts ? cut.length
                                               : std::max(ceil_div(cut.length * tasks, kMostParts),
                                                          ceil_div(kFlatTask, cut.columns()));
  const int64_t parts = ceil_div(cut.length, part);
  if (parts == 1) return lower_pass(b, node, cut, cut.length, from, to, factor);
  const Buffer partial = b.buffer(cut.outer * parts * cut.inner);
  lower_pass(b, node, cut, part, from, partial, 1);
  lower_pass(b, node, {{cut.outer, parts, cut.inner}}, parts, partial, to, factor);
}

// Every number has the same share.
void lower_spread(Builder& b, const Node& node, const Cut& cut, Buffer grad, Buffer to) {
  const float factor = reduce_factor(node, cut);
  const int64_t rows = cut.outer * cut.length, some = std::clamp<int64_t>(kFlatTask / cut.inner, 1, rows);
  b.step(node, "backward", ceil_div(rows, some), {grad, to}, [=](const Context& c, int64_t task) {
    for (int64_t row = task * some; row < std::min(rows, (task + 1) * some); ++row) {
      const float* const from = c.at(grad) + row / cut.length * cut.inner;
      float* const dst = c.at(to) + row * cut.inner;
      for (int64_t i = 0; i < cut.inner; ++i) dst[i] = from[i] * factor;
    }
  });
}

// An extreme's gradient goes in equal shares to all numbers that are it.
void share_extreme(const float* src, float extreme, float grad, float* dst, int64_t length, int64_t step) {
  int64_t equal = 0;
  for (int64_t r = 0; r < length; ++r) equal += src[r * step] == extreme;
  const float share = equal > 0 ? grad / static_cast<float>(equal) : std::nanf("");
  for (int64_t r = 0; r < length; ++r) dst[r * step] = src[r * step] == extreme || equal == 0 ? share : 0.0f;
}

// A number's is the product of the others, which holds where some are 0.
void share_product(const float* src, float, float grad, float* dst, int64_t length, int64_t step) {
  float before = grad;
  for (int64_t r = 0; r < length; ++r) dst[r * step] = before, before *= src[r * step];
  float after = 1;
  for (int64_t r = length - 1; r >= 0; --r) dst[r * step] *= after, after *= src[r * step];
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Cut cut{reduce_cut(b, node)};
  const Reduction kind = node.as<ReduceAttrs>()->kind;
  const Buffer grad = b.grad(value), to = b.new_grad(node.inputs[0]);
  if (kind == Reduction::sum || kind == Reduction::mean) return lower_spread(b, node, cut, grad, to);
  const Buffer from = b.output(node.inputs[0]), out = b.output(value);
  const auto share = kind == Reduction::product ? share_product : share_extreme;
  step_of_units(b, node, "backward", cut, 1, {grad, from, out, to},
                [=](const Context& c, int64_t outer, int64_t, int64_t column, int64_t n) {
                  for (int64_t i = column; i < column + n; ++i) {
                    const int64_t at = outer * cut.length * cut.inner + i, one = outer * cut.inner + i;
                    share(c.at(from) + at, c.at(out)[one], c.at(grad)[one], c.at(to) + at, cut.length,
                          cut.inner);
                  }
                });
}

}  // namespace

ReduceCut reduce_cut(const Builder& b, const Node& node) {
  const auto& attrs = *node.as<ReduceAttrs>();
  const Node& src = b.source(node);
  ReduceCut cut;
  (attrs.first < 0 ? cut.length : cut.outer) = b.rows(src);
  for (int axis = 0; axis < static_cast<int>(src.dims.size()); ++axis)
    (axis < attrs.first  ? cut.outer
     : axis < attrs.last ? cut.length
                         : cut.inner) *= src.dims[static_cast<size_t>(axis)];
  return cut;
}

float reduce_factor(const Node& node, const ReduceCut& cut) {
  const bool mean = node.as<ReduceAttrs>()->kind == Reduction::mean;
  return mean ? static_cast<float>(1.0 / static_cast<double>(cut.length)) : 1.0f;
}

const Op kReduceOp{"reduce", forward, backward};

}  // namespace cnnfast
