// One walk rewrites each instruction over what its operands became, and looks every result up among those
// made before; a second one drops what no output needs.
#include <bit>
#include <cmath>
#include <map>
#include <tuple>

#include "cnnfast/formula.h"

namespace cnnfast {

namespace {

using Op = FormulaOp;

class Simplifier {
 public:
  explicit Simplifier(int inputs) { made_.inputs = inputs; }

  int make(Formula::Instruction next) {
    auto& [a, b, c] = next.args;
    const int operands = operands_of(next.op);
    if (operands > 0 && is_constant(a) && (operands < 2 || is_constant(b)) &&
        (operands < 3 || is_constant(c)))
      return constant(apply(next.op, number(a), operands < 2 ? 0 : number(b), operands < 3 ? 0 : number(c)));
    const int same = operands == 1   ? unary(next.op, a)
                     : operands == 2 ? binary(next.op, a, b)
                     : operands == 3 ? choice(a, b, c)
                                     : -1;
    if (same >= 0) return same;
    const bool commutes = next.op == Op::add || next.op == Op::mul || next.op == Op::eq || next.op == Op::ne;
    if (commutes && a > b) std::swap(a, b);
    return find(next);
  }

  Formula finish(const std::vector<int>& outputs) const {
    std::vector<bool> needed(made_.code.size(), false);
    for (const int value : outputs) needed[static_cast<size_t>(value)] = true;
    for (size_t i = needed.size(); i-- > 0;)
      for (int arg = 0; needed[i] && arg < operands_of(made_.code[i].op); ++arg)
        needed[static_cast<size_t>(made_.code[i].args[static_cast<size_t>(arg)])] = true;
    Formula result;
    result.inputs = made_.inputs;
    std::vector<int> number(needed.size(), -1);
    for (size_t i = 0; i < needed.size(); ++i) {
      if (!needed[i]) continue;
      Formula::Instruction kept = made_.code[i];
      for (size_t arg = 0; arg < static_cast<size_t>(operands_of(kept.op)); ++arg)
        kept.args[arg] = number[static_cast<size_t>(kept.args[arg])];
      number[i] = static_cast<int>(result.code.size());
      result.code.push_back(kept);
    }
    for (const int value : outputs) result.outputs.push_back(number[static_cast<size_t>(value)]);
    return result;
  }

 private:
  bool is_constant(int value) const { return made_[value].op == Op::constant; }
  double number(int value) const { return static_cast<double>(made_[value].number); }
  bool is(int value, double number) const { return is_constant(value) && this->number(value) == number; }
  bool is_op(int value, Op op) const { return made_[value].op == op; }
  int arg(int value, size_t i = 0) const { return made_[value].args[i]; }
  int constant(double value) { return find({Op::constant, {-1, -1, -1}, static_cast<float>(value)}); }

  int find(const Formula::Instruction& next) {
    const auto key = std::tuple(next.op, next.args, std::bit_cast<uint32_t>(next.number));
    const auto [place, is_new] = known_.emplace(key, static_cast<int>(made_.code.size()));
    if (is_new) made_.code.push_back(next);
    return place->second;
  }

  // What the instruction is the same as, or -1.
  int unary(Op op, int a) {
    if (op == Op::neg && is_op(a, Op::neg)) return arg(a);
    if (op == Op::neg && is_op(a, Op::sub)) return make({Op::sub, {arg(a, 1), arg(a), -1}});
    const bool loses_sign = op == Op::abs || op == Op::square;
    if (loses_sign && (is_op(a, Op::neg) || is_op(a, Op::abs))) return make({op, {arg(a), -1, -1}});
    return -1;
  }

  int binary(Op op, int a, int b) {
    switch (op) {
      case Op::add:
        if (is(a, 0)) return b;
        if (is(b, 0)) return a;
        if (is_op(b, Op::neg)) return make({Op::sub, {a, arg(b), -1}});
        if (is_op(a, Op::neg)) return make({Op::sub, {b, arg(a), -1}});
        return -1;
      case Op::sub:
        if (is(b, 0)) return a;
        if (is(a, 0)) return make({Op::neg, {b, -1, -1}});
        if (is_op(b, Op::neg)) return make({Op::add, {a, arg(b), -1}});
        return -1;
      case Op::mul:
        if (is_constant(a)) return scaled(a, b);
        if (is_constant(b)) return scaled(b, a);
        if (a == b) return make({Op::square, {a, -1, -1}});
        if (is_op(a, Op::neg) && is_op(b, Op::neg)) return make({Op::mul, {arg(a), arg(b), -1}});
        return -1;
      case Op::div:
        if (is(a, 1)) return make({Op::reciprocal, {b, -1, -1}});
        if (is_constant(b) && inverts_exactly(number(b)))
          return make({Op::mul, {a, constant(1 / number(b)), -1}});
        return -1;
      case Op::pow:
        if (is(b, 1)) return a;
        if (is(b, 2)) return make({Op::square, {a, -1, -1}});
        if (is(b, -1)) return make({Op::reciprocal, {a, -1, -1}});
        return -1;
      default:
        return -1;
    }
  }

  int scaled(int factor, int value) {
    if (is(factor, 1)) return value;
    if (is(factor, -1)) return make({Op::neg, {value, -1, -1}});
    if (is_op(value, Op::neg)) return make({Op::mul, {constant(-number(factor)), arg(value), -1}});
    return -1;
  }

  int choice(int condition, int yes, int no) const {
    if (is_constant(condition)) return number(condition) != 0 ? yes : no;
    return yes == no ? yes : -1;
  }

  // Powers of two whose inverse is no denormal.
  static bool inverts_exactly(double number) {
    int exponent = 0;
    return std::abs(std::frexp(number, &exponent)) == 0.5 && std::abs(exponent) < 120;
  }

  Formula made_;
  std::map<std::tuple<Op, std::array<int, 3>, uint32_t>, int> known_;
};

}  // namespace

Formula simplify(const Formula& formula) {
  Simplifier simplifier(formula.inputs);
  std::vector<int> became;
  for (Formula::Instruction next : formula.code) {
    for (size_t i = 0; i < static_cast<size_t>(operands_of(next.op)); ++i)
      next.args[i] = became[static_cast<size_t>(next.args[i])];
    became.push_back(simplifier.make(next));
  }
  std::vector<int> outputs;
  for (const int value : formula.outputs) outputs.push_back(became[static_cast<size_t>(value)]);
  return simplifier.finish(outputs);
}

}  // namespace cnnfast
