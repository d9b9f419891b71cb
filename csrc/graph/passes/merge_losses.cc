#include "graph/draft.h"

namespace cnnfast {

void merge_losses(Draft& draft) {
  for (Node& node : draft.nodes) {
    const auto* loss = node.as<LossAttrs>();
    if (!loss || loss->kind == LossKind::squared_error) continue;
    const Node& src = draft.nodes[static_cast<size_t>(node.inputs[0])];
    const auto* activation = src.as<ActivationAttrs>();
    if (!activation) continue;
    if (activation->kind != ActivationKind::softmax && activation->kind != ActivationKind::sigmoid) continue;
    node.inputs[0] = src.inputs[0];
    std::get<LossAttrs>(node.attrs).logits = true;
  }
  draft.drop_unused();
}

}  // namespace cnnfast
