// One layout is preferred for the whole network, the cheaper one by the convolutions' cost models; a
// convolution that refuses it gets the other. Everything else follows its source.
#include <algorithm>
#include <cmath>
#include <map>

#include "cnnfast/error.h"
#include "graph/draft.h"
#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

class Rewriter {
 public:
  Rewriter(const Draft& draft, const PassOptions& options) : draft_(draft), options_(options) {}

  std::vector<Node> nodes;
  std::vector<int> renumbered;

  void run() {
    preferred_ = preferred_layout();
    for (const Node& node : draft_.nodes) {
      Node copy = node;
      for (int& src : copy.inputs) src = renumbered[static_cast<size_t>(src)];
      renumbered.push_back(place(std::move(copy)));
    }
  }

  int in_layout(int value, Layout layout) {
    if (nodes[static_cast<size_t>(value)].layout == layout) return value;
    const auto known = reordered_.find({value, layout});
    if (known != reordered_.end()) return known->second;
    const Node& src = nodes[static_cast<size_t>(value)];
    if (src.layout != Layout::plain && layout != Layout::plain)
      return in_layout(in_layout(value, Layout::plain), layout);
    Node node{.name = src.name + "/reorder",
              .attrs = ReorderAttrs{layout},
              .inputs = {value},
              .dims = src.dims,
              .format = src.format,
              .layout = layout};
    nodes.push_back(std::move(node));
    return reordered_[{value, layout}] = static_cast<int>(nodes.size()) - 1;
  }

 private:
  // A convolution that no algorithm of the layout takes costs what it costs elsewhere.
  double cost_in(Layout layout, const ConvProblem& p) const {
    double here = HUGE_VAL, anywhere = HUGE_VAL;
    for (const ConvAlgorithm* algorithm : conv_algorithms()) {
      if (!algorithm->refuse(p).empty()) continue;
      anywhere = std::min(anywhere, algorithm->cost(p));
      if (algorithm->layout == layout) here = std::min(here, algorithm->cost(p));
    }
    return here < HUGE_VAL ? here : anywhere;
  }

  Layout preferred_layout() const {
    double blocked = 0, lanes = 0;
    for (const Node& node : draft_.nodes) {
      if (!node.as<ConvAttrs>()) continue;
      const ConvProblem p = problem(draft_.nodes[static_cast<size_t>(node.inputs[0])], node);
      blocked += cost_in(Layout::blocked, p);
      lanes += cost_in(Layout::lanes, p);
    }
    return lanes < blocked ? Layout::lanes : Layout::blocked;
  }

  ConvProblem problem(const Node& src, const Node& conv) const {
    ConvProblem p = conv_problem(src, conv, options_.n);
    p.precision = options_.precision;
    p.training = options_.mode == Mode::train;
    return p;
  }

  // The preferred layout comes first, then the cost.
  bool is_better(const ConvAlgorithm& a, const ConvAlgorithm& than, const ConvProblem& p) const {
    const bool preferred = a.layout == preferred_;
    if (preferred != (than.layout == preferred_)) return preferred;
    return a.cost(p) < than.cost(p);
  }

  // An algorithm by its forced name, else the best that accepts.
  const ConvAlgorithm& choose(const Node& node, const ConvProblem& p, std::string* refused) const {
    const auto forced = options_.forced.find("conv2d");
    std::string refusals;
    const ConvAlgorithm* found = nullptr;
    for (const ConvAlgorithm* algorithm : conv_algorithms()) {
      if (forced != options_.forced.end() && forced->second != algorithm->name) continue;
      const std::string reason = algorithm->refuse(p);
      if (!reason.empty())
        refusals += std::string(refusals.empty() ? "" : "; ") + algorithm->name + ": " + reason;
      else if (!found || is_better(*algorithm, *found, p))
        found = algorithm;
    }
    if (!found)
      fail(node.name, ": no algorithm takes this convolution (",
           refusals.empty() ? "\"" + forced->second + "\" is not one of " + names() : refusals, ").");
    *refused = refusals;
    return *found;
  }

  static std::string names() {
    std::string all;
    for (const ConvAlgorithm* algorithm : conv_algorithms())
      all += std::string(all.empty() ? "" : ", ") + algorithm->name;
    return all;
  }

  // A format other than the one the value was made in reads the same bytes in the user's order.
  int in_format(int value, DataFormat format, size_t rank) {
    if (rank != 3 || nodes[static_cast<size_t>(value)].format == format) return value;
    const int plain = in_layout(value, Layout::plain);
    Node view = nodes[static_cast<size_t>(plain)];
    if (view.as<InputAttrs>()) {  // an input has no format of its own until someone reads it
      bool unread = true;
      for (const Node& node : nodes)
        for (const int src : node.inputs) unread = unread && src != plain;
      if (unread) {
        nodes[static_cast<size_t>(plain)].format = format;
        return plain;
      }
    }
    nodes.push_back({.name = view.name + "/view",
                     .attrs = ReorderAttrs{Layout::plain},
                     .inputs = {plain},
                     .dims = view.dims,
                     .format = format});
    return static_cast<int>(nodes.size()) - 1;
  }

  int place(Node node) {
    const bool differentiates_input = options_.mode == Mode::vjp || options_.mode == Mode::vjp_training;
    if (node.as<ConvAttrs>()) {
      int& src = node.inputs[0];
      src = in_format(src, node.format, 3);
      const ConvProblem p = problem(nodes[static_cast<size_t>(src)], node);
      const ConvAlgorithm& algorithm = choose(node, p, &node.refused);
      node.layout = algorithm.layout;
      std::get<ConvAttrs>(node.attrs).algorithm = algorithm.name;
      const bool in_place = algorithm.reads_plain &&
                            nodes[static_cast<size_t>(src)].layout == Layout::plain &&
                            nodes[static_cast<size_t>(src)].as<InputAttrs>() && !differentiates_input;
      if (!in_place) src = in_layout(src, algorithm.layout);
      const bool forced = options_.forced.count("conv2d") > 0;
      std::get<ConvAttrs>(node.attrs).weights_algorithm =
          (forced ? algorithm : cheapest_weights(algorithm, p, nodes[static_cast<size_t>(src)].layout)).name;
    } else if (node.as<PoolAttrs>()) {
      int& src = node.inputs[0];
      src = in_format(src, node.format, 3);
      if (nodes[static_cast<size_t>(src)].layout == Layout::plain) src = in_layout(src, preferred_);
      node.layout = nodes[static_cast<size_t>(src)].layout;
    } else if (const auto* activation = node.as<ActivationAttrs>();
               node.as<DropoutAttrs>() || node.as<AddAttrs>() ||
               (activation && activation->kind != ActivationKind::softmax)) {
      if (node.as<AddAttrs>())
        for (int& src : node.inputs) src = in_format(src, node.format, node.dims.size());
      const Layout layout = nodes[static_cast<size_t>(node.inputs[0])].layout;
      for (int& src : node.inputs) src = in_layout(src, layout);
      node.layout = layout;
    } else if (!node.inputs.empty()) {  // softmax, dense, flatten: the user's order
      const auto* flatten = node.as<FlattenAttrs>();
      if (flatten && flatten->channels_last_order)
        node.inputs[0] = in_format(node.inputs[0], DataFormat::channels_first, 3);
      // Flatten reorders by itself.
      if (!flatten) node.inputs[0] = in_layout(node.inputs[0], Layout::plain);
      node.layout = Layout::plain;
    }
    nodes.push_back(std::move(node));
    return static_cast<int>(nodes.size()) - 1;
  }

  const Draft& draft_;
  const PassOptions& options_;
  Layout preferred_ = Layout::lanes;
  std::map<std::pair<int, Layout>, int> reordered_;
};

}  // namespace

void choose_layout(Draft& draft, const PassOptions& options) {
  Rewriter rewriter(draft, options);
  rewriter.run();
  const int output =
      rewriter.in_layout(rewriter.renumbered[static_cast<size_t>(draft.output)], Layout::plain);
  draft.nodes = std::move(rewriter.nodes);
  draft.output = output;
}

}  // namespace cnnfast
