#include <algorithm>

#include "graph/draft.h"
#include "graph/target.h"
#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

// On a device every convolution's kernel adds.
bool takes_summand(const Node& node, Activation then, const Target& target) {
  if (node.inputs.size() != 1 || node.activation != Activation::none) return false;
  if (const auto* conv = node.as<ConvAttrs>())
    return !target.has_layouts ||
           (find_conv_algorithm(conv->algorithm)->adds_residual && conv->pool == WindowPool::none);
  return node.as<BatchNormAttrs>() && tells_derivative(then);
}

}  // namespace

void fuse_add(Draft& draft, const Target& target) {
  const std::vector<int> consumers = draft.consumers();
  draft.rewrite([&](size_t i) {
    Node& add = draft.nodes[i];
    if (!add.as<AddAttrs>() || add.inputs.size() != 2) return;
    const auto [first, last] = std::minmax(add.inputs[0], add.inputs[1]);
    Node& taker = draft.nodes[static_cast<size_t>(last)];
    if (!takes_summand(taker, add.activation, target) || consumers[static_cast<size_t>(last)] != 1) return;
    taker.inputs.push_back(first);
    taker.activation = add.activation;
    add.inputs = {last};
    draft.bypass(i);
  });
}

}  // namespace cnnfast
