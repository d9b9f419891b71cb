#include "ops/op.h"

namespace cnnfast {

const Op& op_of(const Node& node) {
  // In the order of Attrs.
  static const Op* const ops[] = {
      &kInputOp,      &kConvOp,     &kPoolOp,      &kDenseOp,    &kFlattenOp, &kDropoutOp, &kAddOp,
      &kActivationOp, &kReorderOp,  &kWeightOp,    &kConstantOp, &kReshapeOp, &kLossOp,    &kMetricOp,
      &kAssignOp,     &kMoveOp,     &kBatchNormOp, &kFormulaOp,  &kReduceOp,  &kMatmulOp,  &kGatherOp,
      &kOrderOp,      &kGradientOp, &kHostOp,      &kResizeOp,   &kSampleOp};
  static_assert(std::variant_size_v<Attrs> == std::size(ops));
  return *ops[node.attrs.index()];
}

}  // namespace cnnfast
