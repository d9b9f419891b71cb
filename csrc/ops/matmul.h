// What products of matrices on the CPU and on devices know of a node.
#pragma once
#include <vector>

#include "graph/builder.h"
#include "kernels/kernel_table.h"

namespace cnnfast {

// An axis before those of the matrices, and how far operands and product step along it: 0 where they are
// broadcast.
struct ProductAxis {
  int64_t size, a, b, dst;
};

// For each cell of the axes along which dst steps, the sum of products along the others.
struct Products {
  Gemm g;
  std::vector<ProductAxis> kept, summed;
};

// Of the node; of the gradient of its first operand, from that of the product and the second one; and of the
// second operand's, from the first one and the gradient.
Products forward_products(const Builder& b, const Node& node);
Products left_products(const Builder& b, const Node& node);
Products right_products(const Builder& b, const Node& node);

}  // namespace cnnfast
