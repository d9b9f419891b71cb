#include <algorithm>

#include "graph/draft.h"
#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

bool takes_summand(const Node& node) {
  const auto* conv = node.as<ConvAttrs>();
  return conv && find_conv_algorithm(conv->algorithm)->adds_residual && !conv->pool &&
         node.inputs.size() == 1 && node.activation == Activation::none;
}

}  // namespace

void fuse_add(Draft& draft) {
  const std::vector<int> consumers = draft.consumers();
  draft.rewrite([&](size_t i) {
    Node& add = draft.nodes[i];
    if (!add.as<AddAttrs>() || add.inputs.size() != 2) return;
    const auto [first, last] = std::minmax(add.inputs[0], add.inputs[1]);
    Node& conv = draft.nodes[static_cast<size_t>(last)];
    if (!takes_summand(conv) || consumers[static_cast<size_t>(last)] != 1) return;
    conv.inputs.push_back(first);
    conv.activation = add.activation;
    add.inputs = {last};
    draft.bypass(i);
  });
}

}  // namespace cnnfast
