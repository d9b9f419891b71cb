// A value that only a formula of the same shape reads is made there: formulas, and activations and sums that
// no convolution or dense layer takes in. Less goes through memory.
#include <algorithm>
#include <optional>

#include "formula/schedule.h"
#include "graph/draft.h"
#include "graph/formula.h"

namespace cnnfast {

namespace {

// Registers of a block stay in the first-level cache, and derivatives need more of them.
constexpr int kMostRegisters = 8, kMostInstructions = 64, kMostInputs = 8;

// What the node does to each element, if that is all, and nobody else does it.
std::optional<Formula> formula_of(const Draft& draft, const Node& node) {
  if (node.activation != Activation::none) return std::nullopt;
  if (node.as<AddAttrs>())
    for (const int src : node.inputs)
      if (draft.nodes[static_cast<size_t>(src)].as<ConvAttrs>()) return std::nullopt;
  return formula_of(node);
}

class Merger {
 public:
  explicit Merger(Draft& draft) : draft_(draft), readers_(draft.nodes.size()) {
    for (size_t i = 0; i < draft.nodes.size(); ++i)
      for (const int src : draft.nodes[i].inputs)
        readers_[static_cast<size_t>(src)].insert(static_cast<int>(i));
    for (const int output : draft.outputs) readers_[static_cast<size_t>(output)].insert(-1);
  }

  void run() {
    for (int reader = static_cast<int>(draft_.nodes.size()); reader-- > 0;) {
      // An activation behind a formula begins one, too.
      if (!node(reader).as<FormulaAttrs>() && !is_over_formula(reader)) continue;
      while (take_one(reader)) {
      }
    }
    draft_.drop_unused();
  }

 private:
  Node& node(int i) { return draft_.nodes[static_cast<size_t>(i)]; }

  bool joins(int src, int reader) {
    return readers_[static_cast<size_t>(src)] == std::set<int>{reader} &&
           node(src).dims == node(reader).dims && node(src).rows == node(reader).rows &&
           node(src).format == node(reader).format;
  }

  bool is_over_formula(int reader) {
    const Node& made = node(reader);
    return formula_of(draft_, made) && std::any_of(made.inputs.begin(), made.inputs.end(), [&](int src) {
             return node(src).as<FormulaAttrs>() && joins(src, reader);
           });
  }

  bool take_one(int reader) {
    for (const int src : node(reader).inputs)
      if (joins(src, reader) && take(src, reader)) return true;
    return false;
  }

  bool take(int src, int reader) {
    const auto inner = formula_of(draft_, node(src)), outer = formula_of(draft_, node(reader));
    if (!inner || !outer) return false;
    std::vector<int> inputs;
    Formula made;
    const auto read = [&](int value) {
      const auto known = std::find(inputs.begin(), inputs.end(), value);
      if (known != inputs.end()) return made.input(static_cast<int>(known - inputs.begin()));
      inputs.push_back(value);
      return made.input(static_cast<int>(inputs.size()) - 1);
    };
    std::vector<int> inner_reads, outer_reads;
    for (const int value : node(src).inputs) inner_reads.push_back(read(value));
    const int between = made.append(*inner, inner_reads)[0];
    for (const int value : node(reader).inputs) outer_reads.push_back(value == src ? between : read(value));
    made.outputs = made.append(*outer, outer_reads);
    made = simplify(made);
    const Schedule code = schedule(made);
    if (code.registers > kMostRegisters || static_cast<int>(code.calls.size()) > kMostInstructions ||
        code.inputs > kMostInputs)
      return false;
    for (const int value : node(src).inputs) {
      readers_[static_cast<size_t>(value)].erase(src);
      readers_[static_cast<size_t>(value)].insert(reader);
    }
    readers_[static_cast<size_t>(src)].clear();
    node(reader).attrs = FormulaAttrs{std::move(made)};
    node(reader).inputs = inputs;
    return true;
  }

  Draft& draft_;
  std::vector<std::set<int>> readers_;  // of each value; -1: the caller
};

}  // namespace

void merge_formulas(Draft& draft) {
  Merger(draft).run();
}

}  // namespace cnnfast
