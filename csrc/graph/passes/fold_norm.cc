#include "graph/draft.h"

namespace cnnfast {

void fold_norm(Draft& draft) {
  const std::vector<int> consumers = draft.consumers();
  draft.rewrite([&](size_t i) {
    const Node& norm = draft.nodes[i];
    const BatchNormAttrs* attrs = norm.as<BatchNormAttrs>();
    if (!attrs) return;
    const int src = norm.inputs[0];
    Node& conv = draft.nodes[static_cast<size_t>(src)];
    if (!conv.as<ConvAttrs>() || conv.as<ConvAttrs>()->norm || conv.format != norm.format ||
        consumers[static_cast<size_t>(src)] != 1)
      return;
    std::get<ConvAttrs>(conv.attrs).norm = *attrs;
    conv.params.insert(conv.params.end(), norm.params.begin(), norm.params.end());
    draft.bypass(i);
  });
}

}  // namespace cnnfast
