#include "cnnfast/formula.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

#include "cnnfast/error.h"

namespace cnnfast {

const char* to_string(FormulaOp op) {
  static constexpr const char* kNames[] = {
#define CNNFAST_NAME(name, operands) #name,
      CNNFAST_FORMULA_OPS(CNNFAST_NAME)
#undef CNNFAST_NAME
  };
  return kNames[static_cast<size_t>(op)];
}

int operands_of(FormulaOp op) {
  static constexpr int kOperands[] = {
#define CNNFAST_OPERANDS(name, operands) operands,
      CNNFAST_FORMULA_OPS(CNNFAST_OPERANDS)
#undef CNNFAST_OPERANDS
  };
  return kOperands[static_cast<size_t>(op)];
}

// Constants are equal as bits are: NaN equals itself, and 0 is not -0.
bool Formula::Instruction::operator==(const Instruction& other) const {
  return op == other.op && args == other.args &&
         std::bit_cast<uint32_t>(number) == std::bit_cast<uint32_t>(other.number);
}

int Formula::input(int number) {
  inputs = std::max(inputs, number + 1);
  return push(FormulaOp::input, number);
}

int Formula::constant(float number) {
  code.push_back({FormulaOp::constant, {-1, -1, -1}, number});
  return static_cast<int>(code.size()) - 1;
}

int Formula::random(int stream) {
  return push(FormulaOp::random, stream);
}

int Formula::push(FormulaOp op, int a, int b, int c) {
  code.push_back({op, {a, b, c}});
  return static_cast<int>(code.size()) - 1;
}

std::vector<int> Formula::append(const Formula& part, const std::vector<int>& inputs) {
  std::vector<int> here;  // of each of the part's values
  for (Instruction made : part.code) {
    if (made.op == FormulaOp::input) {
      here.push_back(inputs[static_cast<size_t>(made.args[0])]);
      continue;
    }
    for (int i = 0; i < operands_of(made.op); ++i) {
      int& arg = made.args[static_cast<size_t>(i)];
      arg = here[static_cast<size_t>(arg)];
    }
    code.push_back(made);
    here.push_back(static_cast<int>(code.size()) - 1);
  }
  std::vector<int> results;
  for (const int value : part.outputs) results.push_back(here[static_cast<size_t>(value)]);
  return results;
}

namespace {

std::string name_of(const Formula& formula, int value) {
  const Formula::Instruction& made = formula[value];
  char name[32];
  if (made.op == FormulaOp::constant)
    std::snprintf(name, sizeof name, "%.9g", static_cast<double>(made.number));
  else if (made.op == FormulaOp::input)
    std::snprintf(name, sizeof name, "x%d", made.args[0]);
  else
    std::snprintf(name, sizeof name, "v%d", value);
  return name;
}

}  // namespace

std::string to_string(const Formula& formula) {
  std::string text;
  for (int value = 0; value < static_cast<int>(formula.code.size()); ++value) {
    const Formula::Instruction& made = formula[value];
    if (made.op == FormulaOp::input || made.op == FormulaOp::constant) continue;
    std::string args = made.op == FormulaOp::random ? std::to_string(made.args[0]) : "";
    for (int i = 0; i < operands_of(made.op); ++i)
      args += (i > 0 ? ", " : "") + name_of(formula, made.args[static_cast<size_t>(i)]);
    text += name_of(formula, value) + " = " + to_string(made.op) + "(" + args + ")\n";
  }
  std::string results;
  for (const int value : formula.outputs) results += (results.empty() ? "" : ", ") + name_of(formula, value);
  return text + "-> " + results;
}

void check(const Formula& formula) {
  if (formula.outputs.empty()) fail("A formula needs an output.");
  for (int value = 0; value < static_cast<int>(formula.code.size()); ++value) {
    const Formula::Instruction& made = formula[value];
    if (made.op == FormulaOp::input && (made.args[0] < 0 || made.args[0] >= formula.inputs))
      fail("A formula of ", formula.inputs, " inputs reads number ", made.args[0], "; the first is 0.");
    for (int i = 0; i < operands_of(made.op); ++i) {
      const int arg = made.args[static_cast<size_t>(i)];
      if (arg < 0 || arg >= value)
        fail("Instruction ", value, " of a formula, ", to_string(made.op), ", reads value ", arg,
             "; it may read those before it.");
    }
  }
  for (const int value : formula.outputs)
    if (value < 0 || value >= static_cast<int>(formula.code.size()))
      fail("A formula of ", formula.code.size(), " values cannot put out value ", value, ".");
}

double apply(FormulaOp op, double a, double b, double c) {
  switch (op) {
    case FormulaOp::neg:
      return -a;
    case FormulaOp::abs:
      return std::abs(a);
    case FormulaOp::sign:
      return std::isnan(a) ? a : (a > 0) - (a < 0);
    case FormulaOp::floor:
      return std::floor(a);
    case FormulaOp::round:
      return std::nearbyint(a);
    case FormulaOp::square:
      return a * a;
    case FormulaOp::reciprocal:
      return 1 / a;
    case FormulaOp::sqrt:
      return std::sqrt(a);
    case FormulaOp::rsqrt:
      return 1 / std::sqrt(a);
    case FormulaOp::exp:
      return std::exp(a);
    case FormulaOp::expm1:
      return std::expm1(a);
    case FormulaOp::log:
      return std::log(a);
    case FormulaOp::log1p:
      return std::log1p(a);
    case FormulaOp::tanh:
      return std::tanh(a);
    case FormulaOp::sigmoid:
      return 1 / (1 + std::exp(-a));
    case FormulaOp::erf:
      return std::erf(a);
    case FormulaOp::sin:
      return std::sin(a);
    case FormulaOp::cos:
      return std::cos(a);
    case FormulaOp::add:
      return a + b;
    case FormulaOp::sub:
      return a - b;
    case FormulaOp::mul:
      return a * b;
    case FormulaOp::div:
      return a / b;
    case FormulaOp::pow:
      return std::pow(a, b);
    case FormulaOp::min:
      return std::isnan(a) || a < b ? a : b;
    case FormulaOp::max:
      return std::isnan(a) || a > b ? a : b;
    case FormulaOp::eq:
      return a == b;
    case FormulaOp::ne:
      return a != b;
    case FormulaOp::lt:
      return a < b;
    case FormulaOp::le:
      return a <= b;
    case FormulaOp::gt:
      return a > b;
    case FormulaOp::ge:
      return a >= b;
    case FormulaOp::select:
      return a != 0 ? b : c;
    case FormulaOp::input:
    case FormulaOp::constant:
    case FormulaOp::random:
      break;
  }
  return a;
}

std::vector<double> evaluate(const Formula& formula, const std::vector<double>& inputs,
                             const std::vector<double>& random) {
  std::vector<double> values;
  for (const Formula::Instruction& made : formula.code) {
    std::array<double, 3> args{};
    for (size_t i = 0; i < static_cast<size_t>(operands_of(made.op)); ++i)
      args[i] = values[static_cast<size_t>(made.args[i])];
    if (made.op == FormulaOp::input) args[0] = inputs[static_cast<size_t>(made.args[0])];
    if (made.op == FormulaOp::constant) args[0] = made.number;
    if (made.op == FormulaOp::random) args[0] = random[static_cast<size_t>(made.args[0])];
    values.push_back(apply(made.op, args[0], args[1], args[2]));
  }
  std::vector<double> results;
  for (const int value : formula.outputs) results.push_back(values[static_cast<size_t>(value)]);
  return results;
}

}  // namespace cnnfast
