// The instructions of formulas, by name and number of operands. Comparisons make 1 or 0; select takes its
// second operand where the first is not 0, else its third; round goes to the even neighbour of a half; min
// and max pass NaN on.
#pragma once
#include <cstdint>

namespace cnnfast {

#define CNNFAST_FORMULA_OPS(X)         \
  X(input, 0)                          \
  X(constant, 0)                       \
  X(random, 0) /* uniform in [0, 1) */ \
  X(neg, 1)                            \
  X(abs, 1)                            \
  X(sign, 1)                           \
  X(floor, 1)                          \
  X(round, 1)                          \
  X(square, 1)                         \
  X(reciprocal, 1)                     \
  X(sqrt, 1)                           \
  X(rsqrt, 1)                          \
  X(exp, 1)                            \
  X(expm1, 1)                          \
  X(log, 1)                            \
  X(log1p, 1)                          \
  X(tanh, 1)                           \
  X(sigmoid, 1)                        \
  X(erf, 1)                            \
  X(sin, 1)                            \
  X(cos, 1)                            \
  X(add, 2)                            \
  X(sub, 2)                            \
  X(mul, 2)                            \
  X(div, 2)                            \
  X(pow, 2)                            \
  X(min, 2)                            \
  X(max, 2)                            \
  X(eq, 2)                             \
  X(ne, 2)                             \
  X(lt, 2)                             \
  X(le, 2)                             \
  X(gt, 2)                             \
  X(ge, 2)                             \
  X(select, 3)

enum class FormulaOp : uint8_t {
#define CNNFAST_NAME(name, operands) name,
  CNNFAST_FORMULA_OPS(CNNFAST_NAME)
#undef CNNFAST_NAME
};

constexpr int kFormulaOps = static_cast<int>(FormulaOp::select) + 1;
const char* to_string(FormulaOp op);
int operands_of(FormulaOp op);

// What may follow an instruction in one kernel call, over its result r and another operand c: r + c, r - c,
// c - r, r * c, min and max of r and c. Both round, as in two calls.
enum class FormulaThen : uint8_t { nothing, add, sub, sub_from, mul, min, max };
constexpr int kFormulaThens = static_cast<int>(FormulaThen::max) + 1;
// The instructions that others may follow.
constexpr bool leads(FormulaOp op) {
  return op == FormulaOp::abs || op == FormulaOp::square || op == FormulaOp::add || op == FormulaOp::sub ||
         op == FormulaOp::mul;
}

}  // namespace cnnfast
