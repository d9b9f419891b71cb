// What pooling on the CPU and on devices knows of a node.
#pragma once
#include "cnnfast/graph.h"
#include "kernels/kernel_table.h"

namespace cnnfast {

PoolGeometry pool_geometry(const PoolAttrs& attrs, const Image& in, const Image& out);

}  // namespace cnnfast
