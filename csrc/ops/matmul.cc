// Products of matrices. Their gradients are such products, too, where an operand was broadcast summed over
// the axes that it lacks, in parts that follow from shapes alone.
#include "ops/matmul.h"

#include <limits>

#include "core/sizes.h"
#include "ops/dense_product.h"
#include "ops/op.h"
#include "ops/operand.h"
#include "ops/product_tasks.h"

namespace cnnfast {

namespace {

constexpr int64_t kRowTask = 256, kColumnTask = 128, kLongColumnTask = 1024;  // as of dense layers
// Multiply-adds of a task: small products share one. Some microseconds.
constexpr int64_t kTaskWork = 1 << 18;
// Sums over many products are cut into parts where there are fewer tasks than this.
constexpr int64_t kManyTasks = 16;

int64_t cells_of(const std::vector<ProductAxis>& axes) {
  int64_t cells = 1;
  for (const ProductAxis& axis : axes) cells *= axis.size;
  return cells;
}

// Where operands and product are for one cell.
ProductAxis place_of(const std::vector<ProductAxis>& axes, int64_t cell) {
  ProductAxis at{};
  for (size_t i = axes.size(); i-- > 0;) {
    const int64_t step = cell % axes[i].size;
    cell /= axes[i].size;
    at.a += step * axes[i].a, at.b += step * axes[i].b, at.dst += step * axes[i].dst;
  }
  return at;
}

// A value's sizes, batch first; a vector is one row or one column.
Dims matrices_of(const Node& node, int rows, bool first) {
  Dims sizes = node.dims;
  if (node.rows > 0) sizes.insert(sizes.begin(), rows);
  if (sizes.size() == 1) sizes.insert(first ? sizes.begin() : sizes.end(), 1);
  return sizes;
}

// All axes before the matrices, and the sizes of these; axes along which only the first operand steps are
// rows of one product.
struct Shape {
  std::vector<ProductAxis> axes;
  int64_t m, n, k;
};

Shape shape_of(const Builder& b, const Node& node) {
  const Node &left = b.source(node, 0), &right = b.source(node, 1);
  const Dims a = matrices_of(left, b.rows(left), true), c = matrices_of(right, b.rows(right), false);
  Shape shape{{}, a[a.size() - 2], c.back(), a.back()};
  int64_t a_step = shape.m * shape.k, b_step = shape.k * shape.n, dst_step = shape.m * shape.n;
  for (size_t i = 3; i <= std::max(a.size(), c.size()); ++i) {
    const int64_t own = i <= a.size() ? a[a.size() - i] : 1, other = i <= c.size() ? c[c.size() - i] : 1;
    const int64_t size = std::max(own, other);
    shape.axes.insert(shape.axes.begin(), {size, own == 1 ? 0 : a_step, other == 1 ? 0 : b_step, dst_step});
    a_step *= own, b_step *= other, dst_step *= size;
  }
  while (!shape.axes.empty() && shape.axes.back().b == 0 &&
         (shape.axes.back().a != 0 || shape.axes.back().size == 1)) {
    shape.m *= shape.axes.back().size;
    shape.axes.pop_back();
  }
  checked_size(shape.m, std::numeric_limits<int32_t>::max(), node.name, ": the number of rows of a product");
  return shape;
}

Gemm gemm_of(int64_t m, int64_t n, int64_t k) {
  Gemm g{};
  g.m = static_cast<int32_t>(m), g.n = static_cast<int32_t>(n), g.k = static_cast<int32_t>(k);
  g.dst_row = n;
  return g;
}

// How products are cut into tasks: parts of the sums, groups of products, blocks of a product.
struct Cut {
  Tasks blocks;
  int64_t parts, groups, some;
  explicit Cut(const Products& p) {
    const Gemm& g = p.g;
    blocks = {ceil_div(g.m, kRowTask), parts_of(g.n, g.m < kManySamples ? kLongColumnTask : kColumnTask)};
    const int64_t cells = cells_of(p.kept), terms = cells_of(p.summed);
    const int64_t work = product(Dims{g.m, g.n, g.k, terms});  // of one cell
    parts = std::clamp<int64_t>(
        std::min({kManyTasks / (cells * blocks.count()), terms / 4, work / kTaskWork}), 1, kManyTasks);
    some = blocks.count() > 1 ? 1 : std::clamp<int64_t>(kTaskWork / std::max<int64_t>(work, 1), 1, cells);
    groups = ceil_div(cells, some);
  }
  int64_t count() const { return parts * groups * blocks.count(); }
};

// The sum over terms [begin, end) of a block of one cell's product, at dst.
void sum_products(const KernelTable& k, const std::vector<ProductAxis>& summed, int64_t begin, int64_t end,
                  Gemm one, float* scratch) {
  const float *const a = one.a, *const b = one.b;
  float* const dst = one.dst;
  const int64_t dst_row = one.dst_row, floats = dst_floats({one, 0, 0});
  one.scratch = scratch + (end - begin > 1 ? floats : 0);
  for (int64_t term = begin; term < end; ++term) {
    const ProductAxis at = place_of(summed, term);
    one.a = a + at.a, one.b = b + at.b;
    if (term > begin) one.dst = scratch, one.dst_row = one.n;
    k.gemm.run(one);
    for (int64_t row = 0; term > begin && row < one.m; ++row)
      k.add(dst + row * dst_row, one.dst + row * one.n, dst + row * dst_row, one.n);
  }
}

// The same numbers as products of one row: vectors are filled by columns, of which a product with a vector
// has one.
Products as_row(Products p) {
  std::swap(p.g.m, p.g.n);
  std::swap(p.g.a_row, p.g.b_col), std::swap(p.g.a_col, p.g.b_row);
  p.g.dst_row = p.g.n;
  for (std::vector<ProductAxis>* axes : {&p.kept, &p.summed})
    for (ProductAxis& axis : *axes) std::swap(axis.a, axis.b);
  return p;
}

void lower(Builder& b, const Node& node, const char* direction, const Products& p, const Operand& left,
           const Operand& right, Buffer to) {
  if (p.g.n == 1 && p.g.m > 1) return lower(b, node, direction, as_row(p), right, left, to);
  const Cut cut(p);
  const int64_t cells = cells_of(p.kept), terms = cells_of(p.summed), blocks = cut.blocks.count();
  const int64_t target = cells * p.g.m * p.g.n;
  const Buffer sums = cut.parts == 1 ? to : b.buffer(cut.parts * target);
  Step& step = b.step(node, direction, cut.count(), {sums}, [=, &k = b.k](const Context& c, int64_t task) {
    const int64_t part = task / (cut.groups * blocks), group = task / blocks % cut.groups;
    const auto [g, m0, n0] = block_of(p.g, cut.blocks, task % blocks);
    for (int64_t cell = group * cut.some; cell < std::min(cells, (group + 1) * cut.some); ++cell) {
      const ProductAxis at = place_of(p.kept, cell);
      Gemm one = g;
      one.a = left.at(c) + at.a + m0 * g.a_row;
      one.b = right.at(c) + at.b + n0 * g.b_col;
      one.dst = c.at(sums) + part * target + at.dst + m0 * g.dst_row + n0;
      sum_products(k, p.summed, part * terms / cut.parts, (part + 1) * terms / cut.parts, one, c.scratch);
    }
  });
  step.scratch = most_scratch(p.g, cut.blocks, b.k.gemm, terms > 1);
  left.declare(step), right.declare(step);
  if (cut.parts == 1) return;
  const auto sum_rows = b.k.sum_rows;
  b.step(node, "sum of parts", flat_tasks(target), {sums, to}, [=](const Context& c, int64_t task) {
    const int64_t at = task * kFlatTask;
    sum_rows(c.at(sums) + at, cut.parts, target, c.at(to) + at, flat_size(target, task));
  });
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  lower(b, node, "forward", forward_products(b, node), {b, node.inputs[0]}, {b, node.inputs[1]},
        b.output(value));
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad(value);
  if (b.needs_grad(node.inputs[0]))
    lower(b, node, "backward data", left_products(b, node), {b, node, grad}, {b, node.inputs[1]},
          b.new_grad(node.inputs[0]));
  if (b.needs_grad(node.inputs[1]))
    lower(b, node, "backward weights", right_products(b, node), {b, node.inputs[0]}, {b, node, grad},
          b.new_grad(node.inputs[1]));
}

}  // namespace

Products forward_products(const Builder& b, const Node& node) {
  const Shape s = shape_of(b, node);
  Products p{gemm_of(s.m, s.n, s.k), s.axes, {}};
  p.g.a_row = s.k, p.g.a_col = 1, p.g.b_row = s.n, p.g.b_col = 1;
  return p;
}

// The gradient times the second operand, transposed.
Products left_products(const Builder& b, const Node& node) {
  const Shape s = shape_of(b, node);
  Products p{gemm_of(s.m, s.k, s.n), {}, {}};
  p.g.a_row = s.n, p.g.a_col = 1, p.g.b_row = 1, p.g.b_col = s.n;
  for (const ProductAxis& axis : s.axes)
    (axis.a == 0 ? p.summed : p.kept).push_back({axis.size, axis.dst, axis.b, axis.a});
  return p;
}

// The first operand, transposed, times the gradient.
Products right_products(const Builder& b, const Node& node) {
  const Shape s = shape_of(b, node);
  Products p{gemm_of(s.k, s.n, s.m), {}, {}};
  p.g.a_row = 1, p.g.a_col = s.k, p.g.b_row = s.n, p.g.b_col = 1;
  for (const ProductAxis& axis : s.axes)
    (axis.b == 0 ? p.summed : p.kept).push_back({axis.size, axis.a, axis.dst, axis.b});
  return p;
}

const Op kMatmulOp{"matmul", forward, backward};

}  // namespace cnnfast
