#include <utility>

#include "graph/draft.h"

namespace cnnfast {

void pool_before_activation(Draft& draft) {
  const std::vector<int> consumers = draft.consumers();
  for (Node& pool : draft.nodes) {
    const PoolAttrs* attrs = pool.as<PoolAttrs>();
    if (!attrs || !attrs->maximum) continue;
    Node& activation = draft.nodes[static_cast<size_t>(pool.inputs[0])];
    const ActivationAttrs* kind = activation.as<ActivationAttrs>();
    if (!kind || kind->kind == ActivationKind::softmax || consumers[static_cast<size_t>(pool.inputs[0])] != 1)
      continue;
    // The two nodes change places: the earlier one becomes the pooling.
    const DataFormat format = pool.format;
    std::swap(activation.attrs, pool.attrs);
    std::swap(activation.name, pool.name);
    activation.dims = pool.dims;
    activation.format = pool.format = format;
  }
}

}  // namespace cnnfast
