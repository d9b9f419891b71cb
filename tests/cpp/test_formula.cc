// Formulas as data: simplified they give the same, differentiated what numerical gradients in float64 say,
// and scheduled no register is written before its last reader is through.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "cnnfast/error.h"
#include "formula/schedule.h"

using namespace cnnfast;

namespace {

using Op = FormulaOp;

std::vector<Op> all_ops() {
  std::vector<Op> ops;
  for (int op = static_cast<int>(Op::neg); op < kFormulaOps; ++op) ops.push_back(static_cast<Op>(op));
  return ops;
}

// A value of the other sign, or near zero, is outside of what these take.
bool needs_positive(Op op) {
  return op == Op::log || op == Op::sqrt || op == Op::rsqrt || op == Op::log1p || op == Op::pow;
}

// Jumps make numerical gradients meaningless.
bool is_smooth(Op op) {
  return op != Op::floor && op != Op::round && op != Op::sign && !(op >= Op::eq && op <= Op::ge);
}

double followed(FormulaThen then, double result, double other) {
  switch (then) {
    case FormulaThen::nothing:
      return result;
    case FormulaThen::add:
      return apply(Op::add, result, other);
    case FormulaThen::sub:
      return apply(Op::sub, result, other);
    case FormulaThen::sub_from:
      return apply(Op::sub, other, result);
    case FormulaThen::mul:
      return apply(Op::mul, result, other);
    case FormulaThen::min:
      return apply(Op::min, result, other);
    case FormulaThen::max:
      return apply(Op::max, result, other);
  }
  return NAN;
}

// Random code over `inputs` inputs whose values stay of the order of one; functions of positive numbers get
// |x| + 0.5.
Formula random_formula(std::mt19937& random, int inputs, int instructions, int outputs, bool smooth) {
  Formula made;
  std::vector<int> values;
  const auto any = [&] { return values[random() % values.size()]; };
  for (int i = 0; i < inputs; ++i) values.push_back(made.input(i));
  for (const float number : {0.0f, 1.0f, -1.0f, 2.0f, 0.3f}) values.push_back(made.constant(number));
  const std::vector<Op> ops = all_ops();
  while (instructions-- > 0) {
    const Op op = ops[random() % ops.size()];
    if (smooth && !is_smooth(op)) continue;
    int a = any(), b = any();
    const auto positive = [&](int value) {
      return made.push(Op::add, made.push(Op::abs, value), made.constant(0.5f));
    };
    if (needs_positive(op) || op == Op::reciprocal) a = positive(a);
    if (op == Op::div) b = positive(b);
    if (op == Op::select) a = made.push(Op::gt, a, b);
    const int raw = made.push(op, a, operands_of(op) > 1 ? b : -1, operands_of(op) > 2 ? any() : -1);
    values.push_back(made.push(Op::tanh, raw));  // bounded
  }
  for (int i = 0; i < outputs; ++i) made.outputs.push_back(any());
  return made;
}

std::vector<double> random_numbers(std::mt19937& random, size_t count) {
  std::normal_distribution<double> normal;
  std::vector<double> numbers(count);
  for (double& number : numbers) number = normal(random);
  return numbers;
}

// d(sum of outputs times weights) / d(inputs[i]); far off where a step h makes a kink visible.
double numerical_gradient(const Formula& formula, std::vector<double> inputs, size_t i,
                          const std::vector<double>& weights, double h) {
  double difference = 0;
  for (const double side : {1.0, -1.0}) {
    std::vector<double> moved = inputs;
    moved[i] += side * h;
    const std::vector<double> outputs = evaluate(formula, moved);
    for (size_t k = 0; k < outputs.size(); ++k) difference += side * weights[k] * outputs[k];
  }
  return difference / (2 * h);
}

void check_gradients(const Formula& formula, const std::vector<double>& inputs,
                     const std::vector<double>& weights) {
  std::vector<double> all = inputs;
  all.insert(all.end(), weights.begin(), weights.end());
  const std::vector<double> grads = evaluate(differentiate(formula), all);
  REQUIRE(grads.size() == inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const double fine = numerical_gradient(formula, inputs, i, weights, 1e-6);
    const double coarse = numerical_gradient(formula, inputs, i, weights, 2e-6);
    const double scale = 1 + std::abs(fine);
    if (std::abs(fine - coarse) > 1e-6 * scale) continue;  // a kink between
    CAPTURE(to_string(formula));
    CHECK(std::abs(grads[i] - fine) <= 1e-5 * scale);
  }
}

Formula single(Op op) {
  Formula made;
  const int operands = operands_of(op);
  const int a = made.input(0), b = operands > 1 ? made.input(1) : -1, c = operands > 2 ? made.input(2) : -1;
  made.outputs = {made.push(op, a, b, c)};
  return made;
}

}  // namespace

TEST_CASE("every instruction's gradient is the numerical one") {
  std::mt19937 random(1);
  for (const Op op : all_ops()) {
    CAPTURE(std::string(to_string(op)));
    const Formula formula = single(op);
    for (int round = 0; round < 50; ++round) {
      std::vector<double> inputs = random_numbers(random, static_cast<size_t>(formula.inputs));
      if (needs_positive(op)) inputs[0] = std::abs(inputs[0]) + 0.1;
      if (op == Op::eq || op == Op::ne) inputs[1] = inputs[0] + 1;
      check_gradients(formula, inputs, random_numbers(random, 1));
    }
  }
}

TEST_CASE("random formulas: gradients are the numerical ones") {
  std::mt19937 random(2);
  for (int round = 0; round < 500; ++round) {
    const Formula formula = random_formula(random, 3, 12, 2, true);
    check_gradients(formula, random_numbers(random, 3), random_numbers(random, 2));
  }
}

TEST_CASE("random formulas: simplified they give the same, in no more calls") {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    // Folded constants are float32: a step would tell the difference.
    const Formula formula = random_formula(random, 2, 15, 3, true), simple = simplify(formula);
    check(formula);
    check(simple);
    CHECK(schedule(simple).calls.size() <= schedule(formula).calls.size());
    CHECK(simplify(simple) == simple);
    const std::vector<double> inputs = random_numbers(random, 2);
    const std::vector<double> before = evaluate(formula, inputs), after = evaluate(simple, inputs);
    CAPTURE(to_string(formula));
    CAPTURE(to_string(simple));
    for (size_t i = 0; i < before.size(); ++i) CHECK(after[i] == doctest::Approx(before[i]).epsilon(1e-5));
  }
}

TEST_CASE("what changes nothing is left out") {
  const auto simple = [](const auto& write) {
    Formula formula;
    formula.outputs = {write(formula, formula.input(0))};
    return to_string(simplify(formula));
  };
  const auto with = [&](Op op, float number) {
    return simple([=](Formula& f, int x) { return f.push(op, x, f.constant(number)); });
  };
  CHECK(with(Op::mul, 1) == "-> x0");
  CHECK(with(Op::add, 0) == "-> x0");
  CHECK(with(Op::pow, 2) == "v1 = square(x0)\n-> v1");
  CHECK(with(Op::div, 4) == "v2 = mul(x0, 0.25)\n-> v2");
  CHECK(with(Op::div, 3) == "v2 = div(x0, 3)\n-> v2");
  CHECK(with(Op::mul, 0) == "v2 = mul(x0, 0)\n-> v2");  // NaN * 0 is NaN
  CHECK(simple([](Formula& f, int x) { return f.push(Op::neg, f.push(Op::neg, x)); }) == "-> x0");
  CHECK(simple([](Formula& f, int x) { return f.push(Op::add, f.push(Op::exp, x), f.push(Op::exp, x)); }) ==
        "v1 = exp(x0)\nv2 = add(v1, v1)\n-> v2");
  CHECK(simple([](Formula& f, int) { return f.push(Op::exp, f.constant(0)); }) == "-> 1");
}

TEST_CASE("a derivative reads outputs where these suffice") {
  CHECK(to_string(differentiate(single(Op::exp))) == "v1 = exp(x0)\nv3 = mul(v1, x1)\n-> v3");
  CHECK(to_string(differentiate(single(Op::gt))) == "-> 0, 0");
}

TEST_CASE("scheduled, a formula gives what it says") {
  std::mt19937 random(4);
  for (int round = 0; round < 1000; ++round) {
    const Formula formula = simplify(random_formula(random, 2, 20, 2, false));
    const Schedule made = round % 2 ? joined(schedule(formula)) : schedule(formula);
    const std::vector<double> inputs = random_numbers(random, 2);
    std::vector<double> places(static_cast<size_t>(made.places()), NAN);
    std::copy(inputs.begin(), inputs.end(), places.begin());
    std::copy(made.constants.begin(), made.constants.end(), places.begin() + made.first_constant());
    for (const Schedule::Call& call : made.calls) {
      REQUIRE(call.to >= made.first_output());
      const auto at = [&](int i) { return places[static_cast<size_t>(call.from[i])]; };
      const double result = apply(call.op, at(0), at(1), at(2));
      places[static_cast<size_t>(call.to)] = followed(call.then, result, at(2));
    }
    const std::vector<double> outputs = evaluate(formula, inputs);
    for (size_t i = 0; i < outputs.size(); ++i)
      CHECK(places[static_cast<size_t>(made.first_output()) + i] == outputs[i]);
  }
}

TEST_CASE("a result that only the next instruction reads is made with it") {
  Formula code;
  const int x = code.input(0), y = code.input(1);
  const int product = code.push(Op::mul, x, y), sum = code.push(Op::add, y, product);
  const int square = code.push(Op::square, sum), twice = code.push(Op::add, square, square);
  code.outputs = {code.push(Op::sub, x, code.push(Op::abs, twice))};
  const Schedule made = joined(schedule(code));
  REQUIRE(made.calls.size() == 4);  // x * y + y, square, twice, x - |twice|
  CHECK(made.calls[0].then == FormulaThen::add);
  CHECK(made.calls[1].then == FormulaThen::nothing);
  CHECK(made.calls[3].then == FormulaThen::sub_from);
}

TEST_CASE("registers are used again") {
  Formula chain;
  int value = chain.input(0);
  for (int i = 0; i < 40; ++i) value = chain.push(Op::exp, chain.push(Op::neg, value));
  chain.outputs = {value};
  CHECK(schedule(chain).registers == 1);
}

TEST_CASE("code that reads what is not there is refused") {
  Formula formula;
  formula.outputs = {formula.push(Op::exp, 1)};
  CHECK_THROWS_AS(check(formula), Error);
  formula.code[0].args[0] = -1;
  CHECK_THROWS_AS(check(formula), Error);
  formula = {};
  formula.outputs = {formula.input(0)};
  formula.inputs = 0;
  CHECK_THROWS_AS(check(formula), Error);
}
