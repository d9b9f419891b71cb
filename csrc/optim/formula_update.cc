#include "optim/formula_update.h"

#include <algorithm>
#include <span>

#include "cnnfast/error.h"
#include "formula/run.h"

namespace cnnfast {

namespace {

constexpr int64_t kMostScratch = 32 * kFormulaBlock;  // floats on the stack of the thread that updates
constexpr int kNumbers = 2;                           // rate and step

// Cuts a formula in two.
class Splitter {
 public:
  Splitter(const Formula& formula, int tensors) : formula_(formula), tensors_(tensors) {
    made_.numbers.inputs = kNumbers;
    for (int value = 0; value < static_cast<int>(formula.code.size()); ++value) place(value);
    const int one = made_.moves.constant(1);
    const auto copied = [&](int value) { return made_.moves.push(FormulaOp::mul, value, one); };
    // Behind all else: the places of weight and slots, which are written then, are read until then.
    std::vector<int> outputs;
    for (const int output : formula.outputs)
      outputs.push_back(at(output).op == FormulaOp::input ? copied(moved(output)) : moved(output));
    for (const int output : outputs) made_.moves.outputs.push_back(copied(output));
  }
  SplitUpdate made() && { return std::move(made_); }

 private:
  const Formula::Instruction& at(int value) const { return formula_[value]; }

  bool of_numbers(int value) const { return numbers_[static_cast<size_t>(value)] >= 0; }

  void place(int value) {
    const Formula::Instruction& code = at(value);
    numbers_.push_back(-1), moves_.push_back(-1);
    if (code.op == FormulaOp::random) fail("an optimizer's formula must not draw random numbers.");
    if (code.op == FormulaOp::input) {
      if (code.args[0] >= tensors_)
        numbers_.back() = made_.numbers.input(code.args[0] - tensors_);
      else
        moves_.back() = made_.moves.input(code.args[0]);
      return;
    }
    const auto operands = std::span(code.args).first(static_cast<size_t>(operands_of(code.op)));
    const bool numbers =
        std::all_of(operands.begin(), operands.end(), [&](int arg) { return of_numbers(arg); });
    Formula& to = numbers ? made_.numbers : made_.moves;
    Formula::Instruction copy = code;
    for (size_t i = 0; i < operands.size(); ++i)
      copy.args[i] = numbers ? numbers_[static_cast<size_t>(operands[i])] : moved(operands[i]);
    to.code.push_back(copy);
    (numbers ? numbers_ : moves_).back() = static_cast<int>(to.code.size()) - 1;
  }

  // A value as the second half has it: constants as such, other numbers as inputs.
  int moved(int value) {
    int& known = moves_[static_cast<size_t>(value)];
    if (known >= 0) return known;
    if (at(value).op == FormulaOp::constant) return known = made_.moves.constant(at(value).number);
    made_.numbers.outputs.push_back(numbers_[static_cast<size_t>(value)]);
    return known = made_.moves.input(tensors_ + static_cast<int>(made_.numbers.outputs.size()) - 1);
  }

  const Formula& formula_;
  const int tensors_;
  SplitUpdate made_;
  std::vector<int> numbers_, moves_;  // of each value, what it is called in either half; -1: it is not there
};

// Over as many floats as there may be, one behind the other; numbers are the same everywhere.
FormulaRun run_of(const SplitUpdate& update) {
  std::vector<FormulaView> views;
  for (int i = 0; i < update.moves.inputs; ++i) views.push_back({{i < 2 + update.slots ? 1 : 0}});
  return FormulaRun(update.moves, {{int64_t{1} << 40}}, std::move(views));
}

SplitUpdate split_update(const Formula& formula, int slots) {
  check(formula);
  const int inputs = 2 + slots + kNumbers;
  if (formula.inputs > inputs || static_cast<int>(formula.outputs.size()) != 1 + slots)
    fail("an optimizer's formula with ", slots, " slots has ", inputs, " inputs and ", 1 + slots,
         " outputs; got ", formula.inputs, " and ", formula.outputs.size(), ".");
  SplitUpdate made = Splitter(simplify(formula), 2 + slots).made();
  made.slots = slots;
  if (const int64_t scratch = run_of(made).scratch(); scratch > kMostScratch)
    fail("an optimizer's formula needs ", scratch / kFormulaBlock, " registers, of which there are ",
         kMostScratch / kFormulaBlock, "; write it with fewer numbers alive at once.");
  return made;
}

// One of the two, ready to run.
class Mover {
 public:
  Mover(const SplitUpdate& update, const KernelTable& k)
      : run_(run_of(update)), slots_(update.slots), inputs_(update.moves.inputs), k_(k) {}

  // Its numbers begin at `numbers`.
  void operator()(const Context& c, ParamPlace p, int64_t at, const float* grad, int64_t n,
                  const float* numbers) const {
    const float* from[kMostPlaces];
    float* to[kMostPlaces];
    from[0] = to[0] = c.values(p) + at;
    from[1] = grad;
    for (int i = 0; i < slots_; ++i) from[2 + i] = to[1 + i] = c.slot(i, p) + at;
    for (int i = 2 + slots_; i < inputs_; ++i) from[i] = numbers + (i - 2 - slots_);
    alignas(64) float scratch[kMostScratch];
    run_.run(k_, from, to, 0, n, scratch, {});
  }

 private:
  FormulaRun run_;
  int slots_, inputs_;
  const KernelTable& k_;
};

}  // namespace

UpdateFormulas update_formulas(const OptimizerConfig& o) {
  if (o.kind != OptimizerConfig::Kind::formula) return {};
  if (o.slots() > kMostSlots)
    fail("an optimizer may keep ", kMostSlots, " numbers for each of a weight, got ", o.slots(), ".");
  const bool exempts = !o.exempt.empty();
  return {split_update(o.formula, o.slots()),
          exempts ? split_update(o.exempt_formula, o.slots()) : SplitUpdate{}};
}

std::vector<double> distinct(std::vector<double> factors) {
  std::sort(factors.begin(), factors.end());
  factors.erase(std::unique(factors.begin(), factors.end()), factors.end());
  return factors;
}

const float* StepNumbers::of(const UpdateFormulas& formulas, double rate, int64_t step,
                             const std::vector<double>& factors) {
  numbers_.clear();
  for (const double factor : factors)
    for (const SplitUpdate* each : {&formulas.usual, &formulas.exempt}) add(*each, rate * factor, step);
  return numbers_.data();
}

void StepNumbers::add(const SplitUpdate& update, double rate, int64_t step) {
  const std::vector<Formula::Instruction>& code = update.numbers.code;
  values_.resize(code.size());
  const auto value = [&](int at) { return at < 0 ? 0.0 : values_[static_cast<size_t>(at)]; };
  for (size_t i = 0; i < code.size(); ++i) {
    const auto& [op, args, number] = code[i];
    if (op == FormulaOp::input)
      values_[i] = args[0] == 0 ? rate : static_cast<double>(step);
    else if (op == FormulaOp::constant)
      values_[i] = number;
    else
      values_[i] = apply(op, value(args[0]), value(args[1]), value(args[2]));
  }
  for (const int output : update.numbers.outputs) numbers_.push_back(static_cast<float>(value(output)));
}

std::vector<size_t> number_places(const UpdateFormulas& formulas, const std::vector<bool>& exempt,
                                  const std::vector<double>& factors) {
  const size_t usual_numbers = formulas.usual.numbers.outputs.size();
  const size_t all_numbers = usual_numbers + formulas.exempt.numbers.outputs.size();
  const std::vector<double> known = distinct(factors);
  std::vector<size_t> numbers;
  for (size_t i = 0; i < factors.size(); ++i) {
    const auto place = std::lower_bound(known.begin(), known.end(), factors[i]) - known.begin();
    numbers.push_back(static_cast<size_t>(place) * all_numbers + (exempt[i] ? usual_numbers : 0));
  }
  return numbers;
}

Update formula_update(const UpdateFormulas& formulas, const std::vector<bool>& exempt,
                      const std::vector<double>& factors, const KernelTable& k) {
  const std::vector<size_t> numbers = number_places(formulas, exempt, factors);
  std::vector<Mover> movers{{formulas.usual, k}};
  if (std::find(exempt.begin(), exempt.end(), true) != exempt.end()) movers.emplace_back(formulas.exempt, k);
  return {[=](const Context& c, ParamPlace p, int64_t at, const float* grad, int64_t n) {
            const auto i = static_cast<size_t>(p.position);
            movers[exempt[i] ? 1 : 0](c, p, at, grad, n, c.run.numbers + numbers[i]);
          },
          1 + formulas.usual.slots};
}

}  // namespace cnnfast
