// Reverse accumulation over the instructions. Rules read an instruction's own result where that is the
// cheaper.
#include "cnnfast/formula.h"

namespace cnnfast {

namespace {

using Op = FormulaOp;

class Differentiator {
 public:
  Differentiator(const Formula& formula, bool reads_outputs)
      : formula_(formula), made_(formula), grads_(formula.code.size(), -1), read_(formula.code.size(), -1) {
    made_.outputs.clear();
    const int outputs = static_cast<int>(formula.outputs.size());
    for (int i = 0; reads_outputs && i < outputs; ++i)
      read_[static_cast<size_t>(formula.outputs[static_cast<size_t>(i)])] =
          made_.input(formula.inputs + outputs + i);
  }

  Formula run() {
    for (size_t i = 0; i < formula_.outputs.size(); ++i)
      give(formula_.outputs[i], made_.input(formula_.inputs + static_cast<int>(i)));
    std::vector<int> of_input(static_cast<size_t>(formula_.inputs), -1);
    for (int value = static_cast<int>(formula_.code.size()); value-- > 0;) {
      const int grad = grads_[static_cast<size_t>(value)];
      if (grad < 0) continue;
      const Formula::Instruction& made = formula_[value];
      if (made.op != Op::input) {
        const int read = read_[static_cast<size_t>(value)];
        spread(made, read < 0 ? value : read, grad);
        continue;
      }
      int& total = of_input[static_cast<size_t>(made.args[0])];
      total = total < 0 ? grad : push(Op::add, total, grad);
    }
    for (const int grad : of_input) made_.outputs.push_back(grad < 0 ? number(0) : grad);
    return simplify(made_);
  }

 private:
  int push(Op op, int a, int b = -1, int c = -1) { return made_.push(op, a, b, c); }
  int number(float value) { return made_.constant(value); }
  void give(int value, int grad) {
    int& total = grads_[static_cast<size_t>(value)];
    total = total < 0 ? grad : push(Op::add, total, grad);
  }

  // The gradients of an instruction's operands: y is its value, g the gradient of it.
  void spread(const Formula::Instruction& made, int y, int g) {
    const auto [a, b, c] = made.args;
    switch (made.op) {
      case Op::add:
        give(a, g);
        return give(b, g);
      case Op::sub:
        give(a, g);
        return give(b, push(Op::neg, g));
      case Op::mul:
        give(a, push(Op::mul, g, b));
        return give(b, push(Op::mul, g, a));
      case Op::div: {
        const int over = push(Op::div, g, b);
        give(a, over);
        return give(b, push(Op::neg, push(Op::mul, over, y)));
      }
      case Op::min:
        return divide(push(Op::le, a, b), a, b, g);
      case Op::max:
        return divide(push(Op::ge, a, b), a, b, g);
      case Op::select:
        return divide(a, b, c, g);
      case Op::pow:
        return spread_pow(a, b, y, g);
      default:
        if (operands_of(made.op) == 1) give_slope(made.op, a, y, g);
    }
  }

  void divide(int condition, int yes, int no, int g) {
    give(yes, push(Op::select, condition, g, number(0)));
    give(no, push(Op::select, condition, number(0), g));
  }

  // Exponent 0 is flat everywhere, and so is base 0 where its power is 0.
  void spread_pow(int base, int exponent, int y, int g) {
    const int lower = push(Op::pow, base, push(Op::sub, exponent, number(1)));
    const int slope = push(Op::mul, exponent, lower);
    const int flat = push(Op::eq, exponent, number(0));
    give(base, push(Op::mul, g, push(Op::select, flat, number(0), slope)));
    const int growth =
        push(Op::select, push(Op::eq, y, number(0)), number(0), push(Op::mul, y, push(Op::log, base)));
    give(exponent, push(Op::mul, g, growth));
  }

  void give_slope(Op op, int a, int y, int g) {
    switch (op) {
      case Op::neg:
        return give(a, push(Op::neg, g));
      case Op::abs:
        return give(a, push(Op::mul, g, push(Op::sign, a)));
      case Op::square:
        return give(a, push(Op::mul, g, push(Op::mul, number(2), a)));
      case Op::reciprocal:
        return give(a, push(Op::neg, push(Op::mul, g, push(Op::square, y))));
      case Op::sqrt:
        return give(a, push(Op::div, push(Op::mul, number(0.5f), g), y));
      case Op::rsqrt: {
        const int slope = push(Op::mul, push(Op::mul, number(-0.5f), y), push(Op::square, y));
        return give(a, push(Op::mul, g, slope));
      }
      case Op::exp:
        return give(a, push(Op::mul, g, y));
      case Op::expm1:
        return give(a, push(Op::mul, g, push(Op::add, y, number(1))));
      case Op::log:
        return give(a, push(Op::div, g, a));
      case Op::log1p:
        return give(a, push(Op::div, g, push(Op::add, a, number(1))));
      case Op::tanh:
        return give(a, push(Op::mul, g, push(Op::sub, number(1), push(Op::square, y))));
      case Op::sigmoid:
        return give(a, push(Op::mul, g, push(Op::mul, y, push(Op::sub, number(1), y))));
      case Op::erf: {
        const int bell = push(Op::exp, push(Op::neg, push(Op::square, a)));
        return give(a, push(Op::mul, g, push(Op::mul, number(1.128379167f), bell)));
      }
      case Op::sin:
        return give(a, push(Op::mul, g, push(Op::cos, a)));
      case Op::cos:
        return give(a, push(Op::neg, push(Op::mul, g, push(Op::sin, a))));
      default:
        return;  // steps and comparisons: flat
    }
  }

  const Formula& formula_;
  Formula made_;
  std::vector<int> grads_;  // of each of the formula's values
  std::vector<int> read_;   // and where it is an input, or -1
};

}  // namespace

Formula differentiate(const Formula& formula, bool reads_outputs) {
  return Differentiator(formula, reads_outputs).run();
}

}  // namespace cnnfast
