// The shape rule of matrix products: NumPy's, over (batch, axes...).
#include <algorithm>

#include "cnnfast/error.h"
#include "cnnfast/graph.h"
#include "graph/shape.h"

namespace cnnfast {

int Graph::matmul(int a, int b, const std::string& name) {
  const Node &left = node(a), &right = node(b);
  const auto refuse = [&](const auto&... why) {
    fail(name, ": shapes ", shape_of(left), " and ", shape_of(right), " cannot be multiplied: ", why...);
  };
  Dims rows = sizes_of(left), columns = sizes_of(right);
  if (rows.empty() || columns.empty()) refuse("both need an axis.");
  const bool is_row = rows.size() == 1, is_column = columns.size() == 1;
  if (is_row) rows.insert(rows.begin(), 1);
  if (is_column) columns.push_back(1);
  const int64_t terms = rows.back(), others = columns[columns.size() - 2];
  if (terms == kBatchAxis || others == kBatchAxis)
    refuse("this would be a sum over the samples of a batch. Move another axis to the ",
           others == kBatchAxis ? "second operand's last but one" : "first operand's last", ", or sum.");
  if (terms != others)
    refuse("the first one's last axis and the second one's last but one must be equal; got ", terms, " and ",
           others, ".");
  Dims out(std::max(rows.size(), columns.size()) - 2);
  for (size_t i = 1; i <= out.size(); ++i) {
    const auto at = [&](const Dims& sizes) {
      return i + 2 <= sizes.size() ? sizes[sizes.size() - i - 2] : 1;
    };
    const int64_t own = at(rows), other = at(columns);
    if (own != other && own != 1 && other != 1)
      refuse(
          "axes before the matrices must be equal or 1 in one of them, and the batch's meet the batch's "
          "or 1.");
    out[out.size() - i] = own == 1 ? other : own;
  }
  if (!is_row) out.push_back(rows[rows.size() - 2]);
  if (!is_column) out.push_back(columns.back());
  const bool batch = left.rows > 0 || right.rows > 0;
  if (std::count(out.begin(), out.end(), kBatchAxis) != batch || (batch && out[0] != kBatchAxis) ||
      (left.rows > 0 && right.rows > 0 && left.rows != right.rows))
    refuse("the batch's axis must be one, and the product's first.");
  if (batch) out.erase(out.begin());
  return push({.name = name,
               .attrs = MatmulAttrs{},
               .inputs = {a, b},
               .dims = std::move(out),
               .rows = std::max(left.rows, right.rows)});
}

}  // namespace cnnfast
