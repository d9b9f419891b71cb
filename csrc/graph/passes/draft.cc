// The draft itself, and the order of the passes.
#include "graph/draft.h"

#include "graph/target.h"

namespace cnnfast {

namespace {

void decide_formats(std::vector<Node>& nodes) {
  std::vector<bool> known(nodes.size());
  for (size_t i = nodes.size(); i-- > 0;) {
    const Node& reader = nodes[i];
    DataFormat wanted = reader.format;
    known[i] = known[i] || reader.decider >= 0;
    if (const auto* flatten = reader.as<FlattenAttrs>()) {
      known[i] = flatten->channels_last_order;
      wanted = DataFormat::channels_first;
    }
    if (!known[i]) continue;
    for (const int src : reader.inputs)
      if (Node& read = nodes[static_cast<size_t>(src)]; read.decider < 0)
        read.format = wanted, known[static_cast<size_t>(src)] = true;
  }
}

}  // namespace

Draft::Draft(const Graph& graph, std::vector<int> outputs)
    : nodes(graph.nodes()), outputs(std::move(outputs)) {
  drop_unused();
  decide_formats(nodes);
}

std::vector<int> Draft::consumers() const {
  std::vector<int> count(nodes.size(), 0);
  for (const Node& node : nodes)
    for (const int src : node.inputs) ++count[static_cast<size_t>(src)];
  for (const int output : outputs) ++count[static_cast<size_t>(output)];
  return count;
}

void Draft::drop_unused() {
  std::vector<bool> needed(nodes.size(), false);
  for (const int output : outputs) needed[static_cast<size_t>(output)] = true;
  for (size_t i = nodes.size(); i-- > 0;) {
    if (nodes[i].as<InputAttrs>()) needed[i] = true;
    if (needed[i])
      for (const int src : nodes[i].inputs) needed[static_cast<size_t>(src)] = true;
  }
  std::vector<int> renumbered(nodes.size(), -1);
  std::vector<Node> kept;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!needed[i]) continue;
    renumbered[i] = static_cast<int>(kept.size());
    kept.push_back(std::move(nodes[i]));
    for (int& src : kept.back().inputs) src = renumbered[static_cast<size_t>(src)];
  }
  nodes = std::move(kept);
  for (int& output : outputs) output = renumbered[static_cast<size_t>(output)];
}

const std::vector<std::string>& optional_passes() {
  static const std::vector<std::string> names{"fold_norm",       "pool_before_activation",
                                              "fuse_activation", "merge_formulas",
                                              "fuse_formula",    "pool_before_conv",
                                              "fuse_pool",       "fuse_add",
                                              "place_inside",    "depth_first",
                                              "reuse_memory"};
  return names;
}

void run_passes(Draft& draft, const PassOptions& options, const std::set<std::string>& disabled) {
  merge_losses(draft);
  if (options.mode != Mode::train && options.mode != Mode::vjp_training) drop_dropout(draft);
  const bool differentiates = options.mode != Mode::predict && options.mode != Mode::evaluate;
  if (!differentiates && !disabled.count("fold_norm")) fold_norm(draft);
  if (!disabled.count("pool_before_activation")) pool_before_activation(draft);
  if (!disabled.count("fuse_activation")) fuse_activation(draft);
  if (!disabled.count("merge_formulas")) merge_formulas(draft);
  if (!disabled.count("fuse_formula")) fuse_formula(draft, differentiates);
  if (!disabled.count("pool_before_conv")) pool_before_conv(draft);
  if (options.target.has_layouts) {
    choose_layout(draft, options);
    if (!disabled.count("fuse_pool")) fuse_pool(draft, differentiates);
  }
  if (!disabled.count("fuse_add")) fuse_add(draft, options.target);
}

}  // namespace cnnfast
