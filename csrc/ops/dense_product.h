// What a dense layer multiplies with: products in float32, or in bfloat16 with float32 sums.
#pragma once
#include "graph/builder.h"
#include "kernels/kernel_table.h"

namespace cnnfast {

// From that many on, samples are many: the product is limited by arithmetic, fewer are by memory.
constexpr int kManySamples = 8;

struct DenseProduct {
  const char* algorithm;
  GemmKernels kernels;
  bool keeps_weights;  // packed once for many predictions
};

// Vectors that the node multiplies.
int dense_rows(const Builder& b, const Node& node);

// Of the node's three directions. Follows from shapes and the instruction set alone.
DenseProduct dense_product(const Builder& b, const Node& node);

}  // namespace cnnfast
