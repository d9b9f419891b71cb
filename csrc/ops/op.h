// What every op offers the builder: its steps forward and backward. Shape rules live with the graph.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

struct Op {
  const char* name;
  void (*forward)(Builder&, int value);
  // Writes the gradients of the node's parameters and of those inputs that need one.
  void (*backward)(Builder&, int value);
  bool mixes_samples = false;  // in training its rows see those of other samples: batches are not cut
};

const Op& op_of(const Node& node);

extern const Op kInputOp, kConvOp, kPoolOp, kDenseOp, kFlattenOp, kDropoutOp, kAddOp, kActivationOp,
    kReorderOp, kWeightOp, kConstantOp, kReshapeOp, kLossOp, kMetricOp, kAssignOp, kMoveOp, kBatchNormOp,
    kFormulaOp, kReduceOp, kMatmulOp, kGatherOp, kOrderOp, kGradientOp, kHostOp, kResizeOp, kSampleOp;

}  // namespace cnnfast
