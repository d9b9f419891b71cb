// The shape rule of formulas: NumPy's broadcasting over (batch, axes...), where what is one for the whole
// batch has no batch axis.
#include "graph/formula.h"

#include <algorithm>

#include "cnnfast/error.h"
#include "cnnfast/graph.h"
#include "core/sizes.h"
#include "graph/shape.h"

namespace cnnfast {

std::string shape_of(const Node& node) {
  const std::string dims = to_string(node.dims);
  if (node.rows == 0) return dims;
  return "(None" + (node.dims.empty()
                        ? ",)"
                        : ", " + dims.substr(1, dims.size() - (node.dims.size() == 1 ? 3 : 2)) + ")");
}

namespace {

constexpr size_t kMostDims = 8;

[[noreturn]] void refuse(const std::string& name, const Node& a, const Node& b) {
  fail(name, ": shapes ", shape_of(a), " and ", shape_of(b),
       " cannot be broadcast. Counted from the last, axes must be equal or 1 in one of them, and the batch's "
       "axis must "
       "meet the batch's or 1.");
}

}  // namespace

int Graph::formula(const Formula& formula, const std::vector<int>& srcs, const std::string& name) {
  check(formula);
  if (srcs.empty() || static_cast<int>(srcs.size()) != formula.inputs || formula.outputs.size() != 1)
    fail(name, ": a formula of ", formula.inputs, " inputs and ", formula.outputs.size(), " outputs got ",
         srcs.size(), " values; it needs one output, and a value for each input.");
  const Node* widest = &node(srcs[0]);
  const auto size = [](const Node& node) { return std::pair(node.rows > 0, node.dims.size()); };
  for (const int src : srcs)
    if (size(node(src)) > size(*widest)) widest = &node(src);
  Node made{.name = name,
            .attrs = FormulaAttrs{formula},
            .inputs = srcs,
            .dims = widest->dims,
            .rows = widest->rows};
  if (made.dims.size() > kMostDims)
    fail(name, ": at most ", kMostDims, " axes besides the batch, got ", shape_of(*widest), ".");
  for (const int src : srcs) {
    const Node& operand = node(src);
    Dims dims = operand.dims;
    if (made.rows > 0 && operand.rows == 0 && dims.size() == made.dims.size() + 1 && dims[0] == 1)
      dims.erase(dims.begin());
    const bool other_rows =
        operand.rows > 0 && (operand.rows != made.rows || dims.size() != made.dims.size());
    if (other_rows || dims.size() > made.dims.size()) refuse(name, operand, *widest);
    for (size_t i = 1; i <= dims.size(); ++i) {
      int64_t& all = made.dims[made.dims.size() - i];
      const int64_t own = dims[dims.size() - i];
      if (own != all && own != 1 && all != 1) refuse(name, operand, *widest);
      all = std::max(all, own);
    }
    if (operand.decider < 0 || operand.rows == 0) continue;
    if (made.decider >= 0 && operand.format != made.format)
      fail(name, ": one data_format is needed, got ", to_string(made.format), " from ",
           node(made.decider).name, " and ", to_string(operand.format), " from ", node(operand.decider).name,
           ". Give both layers the same data_format.");
    made.format = operand.format, made.decider = operand.decider;
  }
  checked_size(made.elems(), kMostOfSample, name, ": the number of elements of one row");
  for (Formula::Instruction& each : std::get<FormulaAttrs>(made.attrs).formula.code)
    if (each.op == FormulaOp::random && each.args[0] < kSeededStreams)
      each.args[0] = static_cast<int>(dropouts_++);
  return push(std::move(made));
}

std::optional<Formula> formula_of(const Node& node) {
  if (const auto* formula = node.as<FormulaAttrs>()) return formula->formula;
  Formula made;
  if (node.as<AddAttrs>()) {
    if (node.inputs.size() != 2) return std::nullopt;
    made.outputs = {made.push(FormulaOp::add, made.input(0), made.input(1))};
    return made;
  }
  const auto* activation = node.as<ActivationAttrs>();
  if (!activation) return std::nullopt;
  const int x = made.input(0);
  switch (activation->kind) {
    case ActivationKind::relu:
      made.outputs = {made.push(FormulaOp::max, made.constant(0), x)};  // equal to 0 it has no gradient
      return made;
    case ActivationKind::tanh:
      made.outputs = {made.push(FormulaOp::tanh, x)};
      return made;
    case ActivationKind::sigmoid:
      made.outputs = {made.push(FormulaOp::sigmoid, x)};
      return made;
    case ActivationKind::linear:
    case ActivationKind::softmax:
      break;
  }
  return std::nullopt;
}

namespace {

// What epilogues do, as formulas of x. Where two operands are equal gradients go to the first: to a bound.
struct Spelling {
  Activation kind;
  Formula formula;
};

std::vector<Spelling> spellings() {
  using Op = FormulaOp;
  std::vector<Spelling> all;
  const auto add = [&](Activation kind, auto write) {
    Formula made;
    made.outputs = {write(made, made.input(0))};
    all.push_back({kind, simplify(made)});
  };
  const auto relu6 = [](Formula& f, int x) {
    return f.push(Op::min, f.constant(6), f.push(Op::max, f.constant(0), x));
  };
  const auto hard_sigmoid = [&](Formula& f, int x) {
    return f.push(Op::div, relu6(f, f.push(Op::add, x, f.constant(3))), f.constant(6));
  };
  const auto gelu = [](Formula& f, int x) {
    const int bell = f.push(Op::erf, f.push(Op::mul, x, f.constant(0.70710678f)));
    return f.push(Op::mul, f.push(Op::mul, x, f.constant(0.5f)), f.push(Op::add, bell, f.constant(1)));
  };
  add(Activation::relu, [](Formula& f, int x) { return f.push(Op::max, f.constant(0), x); });
  add(Activation::relu6, relu6);
  add(Activation::hard_sigmoid, hard_sigmoid);
  add(Activation::silu, [](Formula& f, int x) { return f.push(Op::mul, x, f.push(Op::sigmoid, x)); });
  add(Activation::hard_silu, [&](Formula& f, int x) { return f.push(Op::mul, x, hard_sigmoid(f, x)); });
  add(Activation::gelu, gelu);
  return all;
}

// Whether two values are made alike, operands that may change places aside: of extremes they may where no
// gradient asks for the first.
bool is_same(const Formula& f, int a, const Formula& g, int b, bool differentiates) {
  const Formula::Instruction &x = f[a], &y = g[b];
  if (x.op != y.op || x.op == FormulaOp::random) return false;
  if (x.op == FormulaOp::input) return x.args[0] == y.args[0];
  if (x.op == FormulaOp::constant) return x.number == y.number;
  const auto same = [&](size_t i, size_t j) { return is_same(f, x.args[i], g, y.args[j], differentiates); };
  const bool extreme = x.op == FormulaOp::min || x.op == FormulaOp::max;
  if (x.op == FormulaOp::add || x.op == FormulaOp::mul || (extreme && !differentiates))
    if (same(0, 1) && same(1, 0)) return true;
  for (size_t i = 0; i < static_cast<size_t>(operands_of(x.op)); ++i)
    if (!same(i, i)) return false;
  return true;
}

}  // namespace

Activation activation_of(const Formula& formula, bool differentiates) {
  static const std::vector<Spelling> known = spellings();
  const Formula simple = simplify(formula);
  for (const auto& [kind, spelling] : known)
    if ((tells_derivative(kind) || !differentiates) &&
        is_same(simple, simple.outputs[0], spelling, spelling.outputs[0], differentiates))
      return kind;
  return Activation::none;
}

Formula formula_of(const Graph& graph, const std::vector<int>& outputs) {
  Formula made;
  std::vector<int> values;
  for (const Node& node : graph.nodes()) {
    if (const auto* input = node.as<InputAttrs>()) {
      values.push_back(made.input(input->number));
      continue;
    }
    const auto* constant = node.as<ConstantAttrs>();
    if (constant && constant->values->size() == 1) {
      values.push_back(made.constant(constant->values->front()));
      continue;
    }
    const std::optional<Formula> part = formula_of(node);
    if (!part) fail(node.name, ": only what treats each number alone can be part of this formula.");
    std::vector<int> inputs;
    for (const int src : node.inputs) inputs.push_back(values[static_cast<size_t>(src)]);
    values.push_back(made.append(*part, inputs)[0]);
  }
  for (const int output : outputs) made.outputs.push_back(values.at(static_cast<size_t>(output)));
  return made;
}

}  // namespace cnnfast
