#include "graph/draft.h"

namespace cnnfast {

namespace {

bool has_epilogue(const Node& node) {
  return node.as<ConvAttrs>() || node.as<DenseAttrs>() || node.as<PoolAttrs>() || node.as<AddAttrs>() ||
         node.as<BatchNormAttrs>();
}

}  // namespace

void fuse_activation(Draft& draft) {
  const std::vector<int> consumers = draft.consumers();
  draft.rewrite([&](size_t i) {
    const ActivationAttrs* attrs = draft.nodes[i].as<ActivationAttrs>();
    if (!attrs) return;
    const int src = draft.nodes[i].inputs[0];
    Node& producer = draft.nodes[static_cast<size_t>(src)];
    const Activation kind = kernel_activation(attrs->kind);
    if (kind == Activation::none || !has_epilogue(producer) || producer.activation != Activation::none ||
        consumers[static_cast<size_t>(src)] != 1)
      return;
    producer.activation = kind;
    draft.bypass(i);
  });
}

}  // namespace cnnfast
