// Cells that indices tell, and back: what several indices took adds up in the order of these, whatever the
// threads, since each task owns some cells and looks at all indices of its row.
#include "ops/gather.h"

#include <cmath>

#include "ops/cells.h"
#include "ops/op.h"
#include "ops/operand.h"

namespace cnnfast {

namespace {

constexpr int64_t kMostParts = 16;  // of the cells of a row: each looks at all indices

Dims sizes_of(const Node& node, int rows) {
  Dims sizes = node.dims;
  if (node.rows > 0) sizes.insert(sizes.begin(), rows);
  return sizes;
}

Dims steps_of(const Dims& sizes) {
  Dims steps(sizes.size());
  int64_t step = 1;
  for (size_t i = sizes.size(); i-- > 0; step *= sizes[i]) steps[i] = step;
  return steps;
}

// All axes of the output, in the user's order.
std::vector<GatherAxis> axes_of(const GatherAttrs& a, size_t at, const Dims& src, const Dims& index) {
  const Dims src_steps = steps_of(src), index_steps = steps_of(index);
  std::vector<GatherAxis> axes;
  for (size_t i = 0; i < src.size(); ++i) {
    if (a.along)
      axes.push_back({i == at || src[i] == 1 ? index[i] : src[i], i == at || src[i] == 1 ? 0 : src_steps[i],
                      index[i] == 1 ? 0 : index_steps[i]});
    else if (i != at)
      axes.push_back({src[i], src_steps[i], 0});
    else
      for (size_t j = 0; j < index.size(); ++j) axes.push_back({index[j], 0, index_steps[j]});
  }
  return axes;
}

}  // namespace

Gather gather_of(const Builder& b, const Node& node) {
  const Node &src = b.source(node, 0), &index = b.source(node, 1);
  const auto& attrs = *node.as<GatherAttrs>();
  const auto at = static_cast<size_t>(attrs.axis);
  Gather g{{}, src.dims[at], steps_of(src.dims)[at]};
  std::vector<GatherAxis> all =
      axes_of(attrs, at + (src.rows > 0 ? 1 : 0), sizes_of(src, b.rows(src)), sizes_of(index, b.rows(index)));
  g.axes.push_back(src.rows > 0 ? all[0] : GatherAxis{1, 0, 0});
  for (size_t i = src.rows > 0 ? 1 : 0; i < all.size(); ++i) {
    GatherAxis& last = g.axes.back();
    const GatherAxis& next = all[i];
    const bool joins =
        g.axes.size() > 1 && last.src == next.src * next.size && last.index == next.index * next.size;
    if (joins)
      last = {last.size * next.size, next.src, next.index};
    else if (next.size > 1)
      g.axes.push_back(next);
  }
  if (g.axes.size() == 1) g.axes.push_back({1, 0, 0});
  return g;
}

namespace {

// Where source and indices of a line are; lines are counted over all rows.
GatherAxis place_of(const Gather& g, int64_t line) {
  GatherAxis at{};
  for (size_t i = g.axes.size() - 1; i-- > 0;) {
    const int64_t step = line % g.axes[i].size;
    line /= g.axes[i].size;
    at.src += step * g.axes[i].src, at.index += step * g.axes[i].index;
  }
  return at;
}

void read_line(const Gather& g, const float* src, const float* index, float* dst) {
  const GatherAxis& line = g.line();
  int64_t at = cell_of(*index, g.cells);
  if (line.index == 0 && line.src == 1 && at >= 0) {
    std::copy_n(src + at * g.step, line.size, dst);
    return;
  }
  for (int64_t i = 0; i < line.size; ++i, src += line.src, index += line.index) {
    if (line.index != 0) at = cell_of(*index, g.cells);
    dst[i] = at < 0 ? NAN : src[at * g.step];
  }
}

// Adds those of the line's gradients to dst that are of cells [begin, end).
void add_line(const KernelTable& k, const Gather& g, const float* grad, const float* index, int64_t begin,
              int64_t end, float* dst) {
  const GatherAxis& line = g.line();
  int64_t at = cell_of(*index, g.cells);
  if (line.index == 0) {
    if (at < begin || at >= end) return;
    dst += at * g.step;
    if (line.src == 1) return k.add(dst, grad, dst, line.size);
    for (int64_t i = 0; i < line.size; ++i) dst[i * line.src] += grad[i];
    return;
  }
  for (int64_t i = 0; i < line.size; ++i, dst += line.src, index += line.index) {
    at = cell_of(*index, g.cells);
    if (at >= begin && at < end) dst[at * g.step] += grad[i];
  }
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Gather g = gather_of(b, node);
  const int64_t size = g.line().size, lines = g.axes[0].size * g.lines();
  const int64_t some = std::clamp<int64_t>(kFlatTask / size, 1, lines);
  const Operand src(b, node.inputs[0]), index(b, node.inputs[1]);
  const Buffer to = b.output(value);
  Step& step = b.step(node, "forward", ceil_div(lines, some), {to}, [=](const Context& c, int64_t task) {
    for (int64_t line = task * some; line < std::min(lines, (task + 1) * some); ++line) {
      const GatherAxis at = place_of(g, line);
      read_line(g, src.at(c) + at.src, index.at(c) + at.index, c.at(to) + line * size);
    }
  });
  src.declare(step), index.declare(step);
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  if (!b.needs_grad(node.inputs[0])) return;  // indices have none
  const Gather g = gather_of(b, node);
  const int64_t floats = b.source(node).elems(), size = g.line().size, lines = g.lines();
  const int64_t parts =
      std::clamp<int64_t>(ceil_div(floats, kFlatTask), 1, std::min<int64_t>(kMostParts, g.cells));
  const Operand index(b, node.inputs[1]);
  const Buffer grad = b.grad(value), to = b.new_grad(node.inputs[0]);
  Step& step = b.step(
      node, "backward", g.axes[0].size * parts, {grad, to}, [=, &k = b.k](const Context& c, int64_t task) {
        const int64_t row = task / parts, part = task % parts;
        const int64_t begin = part * g.cells / parts, end = (part + 1) * g.cells / parts;
        float* const dst = c.at(to) + row * g.axes[0].src;
        for (int64_t at = 0; at < floats; at += g.cells * g.step)
          std::fill_n(dst + at + begin * g.step, (end - begin) * g.step, 0.0f);
        for (int64_t line = row * lines; line < (row + 1) * lines; ++line) {
          const GatherAxis at = place_of(g, line);
          add_line(k, g, c.at(grad) + line * size, index.at(c) + at.index, begin, end, c.at(to) + at.src);
        }
      });
  index.declare(step);
}

}  // namespace

const Op kGatherOp{"gather", forward, backward};

}  // namespace cnnfast
