// Nodes that treat each number alone, as formulas.
#pragma once
#include <optional>

#include "cnnfast/graph.h"

namespace cnnfast {

// What a node does to each element, if that is all.
std::optional<Formula> formula_of(const Node& node);
// What an epilogue does that does the same: for training, which it does backward too.
Activation activation_of(const Formula& formula, bool differentiates);
// Values as one formula of the graph's inputs; throws where one is made otherwise.
Formula formula_of(const Graph& graph, const std::vector<int>& outputs);

}  // namespace cnnfast
