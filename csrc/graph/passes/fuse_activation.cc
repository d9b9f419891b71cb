#include "graph/draft.h"
#include "graph/formula.h"

namespace cnnfast {

namespace {

bool has_epilogue(const Node& node, Activation kind) {
  if (node.as<BatchNormAttrs>()) return tells_derivative(kind);  // it has no others
  return node.as<ConvAttrs>() || node.as<DenseAttrs>() || node.as<PoolAttrs>() || node.as<AddAttrs>();
}

// What activates, as kind_of says of a node, goes into the epilogue of what it reads.
template <class KindOf>
void fuse(Draft& draft, const KindOf& kind_of) {
  const std::vector<int> consumers = draft.consumers();
  draft.rewrite([&](size_t i) {
    const Activation kind = kind_of(draft.nodes[i]);
    if (kind == Activation::none) return;
    const int src = draft.nodes[i].inputs[0];
    Node& producer = draft.nodes[static_cast<size_t>(src)];
    if (!has_epilogue(producer, kind) || producer.activation != Activation::none ||
        consumers[static_cast<size_t>(src)] != 1)
      return;
    producer.activation = kind;
    draft.bypass(i);
  });
}

}  // namespace

void fuse_activation(Draft& draft) {
  fuse(draft, [](const Node& node) {
    const auto* activation = node.as<ActivationAttrs>();
    return activation ? kernel_activation(activation->kind) : Activation::none;
  });
}

void fuse_formula(Draft& draft, bool differentiates) {
  fuse(draft, [=](const Node& node) {
    const auto* formula = node.as<FormulaAttrs>();
    return formula && node.inputs.size() == 1 ? activation_of(formula->formula, differentiates)
                                              : Activation::none;
  });
}

}  // namespace cnnfast
