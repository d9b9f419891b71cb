// Every convolution gets the algorithm, and with it the layout, that makes the plan cheapest by cost models
// or measured times; everything else follows its source. Three plans are drawn up: two keep the whole network
// in one layout wherever an algorithm takes it, the third lets each convolution pay for a reorder. The
// cheapest wins.
#include <cmath>
#include <map>
#include <optional>

#include "cnnfast/error.h"
#include "graph/builder.h"
#include "graph/draft.h"
#include "graph/tuning.h"
#include "ops/conv/conv.h"
#include "ops/move.h"
#include "ops/resize.h"

namespace cnnfast {

namespace {

class Rewriter {
 public:
  Rewriter(const Draft& draft, const PassOptions& options, std::optional<Layout> preferred)
      : draft_(draft),
        options_(options),
        machine_(machine_for_planning(options.tuning, options.kernels.isa)),
        preferred_(preferred) {}

  std::vector<Node> nodes;
  std::vector<int> outputs;
  double seconds = 0;  // of convolutions and reorders

  void run() {
    for (const Node& node : draft_.nodes) {
      Node copy = node;
      for (int& src : copy.inputs) src = renumbered_[static_cast<size_t>(src)];
      renumbered_.push_back(place(std::move(copy)));
    }
    for (const int output : draft_.outputs)
      outputs.push_back(in_layout(renumbered_[static_cast<size_t>(output)], Layout::plain));
  }

 private:
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
              .rows = src.rows,
              .format = src.format,
              .layout = layout};
    seconds += reorder_seconds(src, layout);
    nodes.push_back(std::move(node));
    return reordered_[{value, layout}] = static_cast<int>(nodes.size()) - 1;
  }

  bool training() const { return options_.mode == Mode::train; }

  double reorder_seconds(Node from, Layout layout) const {
    if (from.layout == layout) return 0;
    if (from.layout != Layout::plain && layout != Layout::plain) {
      const double first = reorder_seconds(from, Layout::plain);
      from.layout = Layout::plain;
      return first + reorder_seconds(from, layout);
    }
    int64_t floats = floats_of(from, options_.n);
    from.layout = layout;
    floats += floats_of(from, options_.n);
    return static_cast<double>(floats) * sizeof(float) / machine_.bandwidth * (training() ? 2 : 1);
  }

  double conv_seconds(const ConvAlgorithm& algorithm, const ConvProblem& p) const {
    const auto measured = options_.tuning.convolutions.find(tuning_key(p, options_));
    if (measured != options_.tuning.convolutions.end()) {
      const auto known = measured->second.find(algorithm.name);
      return known == measured->second.end() ? HUGE_VAL : known->second;
    }
    return 2 * algorithm.cost(p) / machine_.flops * (training() ? 3 : 1);
  }

  // The algorithm that tuning times comes first, then the preferred layout, then the time with the reorder
  // that the layout asks for.
  struct Rank {
    bool not_first, not_preferred;
    double seconds;
    auto operator<=>(const Rank&) const = default;
  };
  Rank rank_of(const ConvAlgorithm& algorithm, const ConvProblem& p, const Node& src) const {
    const double reorder = reads_in_place(algorithm, src, p) ? 0 : reorder_seconds(src, algorithm.layout);
    return {&algorithm != options_.first, preferred_ && algorithm.layout != *preferred_,
            conv_seconds(algorithm, p) + reorder};
  }

  bool reads_in_place(const ConvAlgorithm& algorithm, const Node& src, const ConvProblem& p) const {
    const bool differentiates_input = options_.mode == Mode::vjp || options_.mode == Mode::vjp_training;
    return algorithm.reads_plain && !p.a.transposed && src.layout == Layout::plain && src.as<InputAttrs>() &&
           !differentiates_input && (src.format == DataFormat::channels_last || p.counts_taps(p.ic()));
  }

  // An algorithm by its forced name, else the best that accepts.
  const ConvAlgorithm& choose(const Node& node, const Node& src, const ConvProblem& p,
                              std::string* refused) const {
    const auto forced = options_.forced.find("conv2d");
    const bool is_forced = forced != options_.forced.end() && !options_.first;
    std::string refusals;
    const ConvAlgorithm* found = nullptr;
    for (const ConvAlgorithm* algorithm : conv_algorithms()) {
      if (is_forced && forced->second != algorithm->name) continue;
      const std::string reason = algorithm->refuse(p);
      if (!reason.empty())
        refusals += std::string(refusals.empty() ? "" : "\n") + algorithm->name + ": " + reason;
      else if (!found || rank_of(*algorithm, p, src) < rank_of(*found, p, src))
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
  int in_format(int value, DataFormat format) {
    const Node& made = nodes[static_cast<size_t>(value)];
    if (!made.has_channels() || made.format == format) return value;
    const int plain = in_layout(value, Layout::plain);
    const Node& src = nodes[static_cast<size_t>(plain)];
    nodes.push_back({.name = src.name + "/view",
                     .attrs = ReorderAttrs{Layout::plain},
                     .inputs = {plain},
                     .dims = src.dims,
                     .rows = src.rows,
                     .format = format});
    return static_cast<int>(nodes.size()) - 1;
  }

  // The output lies as the first source of its shape; the others, if they have as many axes, are brought
  // along.
  void place_formula(Node& node) {
    const auto is_image = [&](const Node& src) {
      return src.rows > 0 && src.rows == node.rows && src.has_channels() &&
             src.dims.size() == node.dims.size();
    };
    bool known = false;
    for (int& src : node.inputs) {
      if (!is_image(nodes[static_cast<size_t>(src)])) continue;
      src = in_format(src, node.format);
      const Node& from = nodes[static_cast<size_t>(src)];
      if (known || from.dims != node.dims) continue;
      node.layout = from.layout, known = true;
    }
    for (int& src : node.inputs) {
      const Node& from = nodes[static_cast<size_t>(src)];
      src = in_layout(src, is_image(from) ? node.layout : Layout::plain);
    }
  }

  int place(Node node) {
    if (node.as<ConvAttrs>()) {
      int& src = node.inputs[0];
      src = in_format(src, node.format);
      const Node& from = nodes[static_cast<size_t>(src)];
      const ConvProblem p = planned_problem(from, node, options_);
      const ConvAlgorithm& algorithm = choose(node, from, p, &node.refused);
      node.layout = algorithm.layout;
      std::get<ConvAttrs>(node.attrs).algorithm = algorithm.name;
      seconds += conv_seconds(algorithm, p);
      if (!reads_in_place(algorithm, from, p)) src = in_layout(src, algorithm.layout);
      const bool forced = options_.forced.count("conv2d") > 0;
      std::get<ConvAttrs>(node.attrs).weights_algorithm =
          (forced ? algorithm : cheapest_weights(algorithm, p, nodes[static_cast<size_t>(src)].layout)).name;
    } else if (node.as<PoolAttrs>()) {
      int& src = node.inputs[0];
      src = in_format(src, node.format);
      if (nodes[static_cast<size_t>(src)].layout == Layout::plain)
        src = in_layout(src, preferred_.value_or(Layout::blocked));
      node.layout = nodes[static_cast<size_t>(src)].layout;
    } else if (const auto* activation = node.as<ActivationAttrs>();
               node.as<DropoutAttrs>() || node.as<AddAttrs>() ||
               (activation && activation->kind != ActivationKind::softmax)) {
      if (node.as<AddAttrs>())
        for (int& src : node.inputs) src = in_format(src, node.format);
      const Layout layout = nodes[static_cast<size_t>(node.inputs[0])].layout;
      for (int& src : node.inputs) src = in_layout(src, layout);
      node.layout = layout;
    } else if (node.as<FormulaAttrs>()) {
      place_formula(node);
    } else if (node.as<BatchNormAttrs>()) {
      int& src = node.inputs[0];
      src = in_format(src, node.format);
      const Node& from = nodes[static_cast<size_t>(src)];
      // The user's order has runs of channels where these are last, and blocks of samples none in part.
      const bool turned = from.has_channels() && node.format == DataFormat::channels_first;
      const bool in_part = from.layout == Layout::lanes && rows_of(from, options_.n) % kLanes != 0;
      if (in_part || (from.layout == Layout::plain && turned)) src = in_layout(src, Layout::blocked);
      node.layout = nodes[static_cast<size_t>(src)].layout;
    } else if (node.as<MoveAttrs>()) {
      if (keeps_axes(node))
        for (int& src : node.inputs) src = in_format(src, node.format);
      std::vector<const Node*> sources;
      for (const int src : node.inputs) sources.push_back(&nodes[static_cast<size_t>(src)]);
      node.layout = moves_in(node, sources, sources[0]->layout) ? sources[0]->layout : Layout::plain;
      for (int& src : node.inputs) src = in_layout(src, node.layout);
    } else if (node.as<ResizeAttrs>()) {
      int& src = node.inputs[0];
      src = in_format(src, node.format);
      const Layout layout = nodes[static_cast<size_t>(src)].layout;
      node.layout = resizes_in(node, layout) ? layout : Layout::plain;
      src = in_layout(src, node.layout);
    } else if (!node.inputs.empty()) {  // softmax, dense, flatten, losses: the user's order
      const auto* flatten = node.as<FlattenAttrs>();
      if (flatten && flatten->channels_last_order)
        node.inputs[0] = in_format(node.inputs[0], DataFormat::channels_first);
      // Flatten reorders by itself.
      if (!flatten)
        for (int& src : node.inputs) src = in_layout(src, Layout::plain);
      node.layout = Layout::plain;
    }
    nodes.push_back(std::move(node));
    return static_cast<int>(nodes.size()) - 1;
  }

  const Draft& draft_;
  const PassOptions& options_;
  const Machine machine_;
  const std::optional<Layout> preferred_;
  std::vector<int> renumbered_;
  std::map<std::pair<int, Layout>, int> reordered_;
};

}  // namespace

ConvProblem planned_problem(const Node& src, const Node& conv, const PassOptions& options) {
  ConvProblem p = conv_problem(src, conv, options.n);
  p.precision = options.precision;
  p.training = options.mode == Mode::train;
  p.native_bf16 = options.kernels.bf16.native;
  return p;
}

std::string tuning_key(const ConvProblem& problem, const PassOptions& options) {
  return std::string(options.kernels.isa) + ", " + to_string(problem);
}

void choose_layout(Draft& draft, const PassOptions& options) {
  std::optional<Rewriter> best;
  for (const std::optional<Layout> preferred :
       {std::optional(Layout::blocked), std::optional(Layout::lanes), std::optional<Layout>()}) {
    Rewriter plan(draft, options, preferred);
    plan.run();
    if (!best || plan.seconds < best->seconds) best.emplace(std::move(plan));
  }
  draft.nodes = std::move(best->nodes);
  draft.outputs = std::move(best->outputs);
}

}  // namespace cnnfast
