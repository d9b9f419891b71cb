#include "formula/schedule.h"

#include <algorithm>

namespace cnnfast {

namespace {

class Scheduler {
 public:
  explicit Scheduler(const Formula& formula)
      : formula_(formula), place_(formula.code.size(), -1), last_(formula.code.size(), -1) {
    made_.inputs = formula.inputs;
    made_.outputs = static_cast<int>(formula.outputs.size());
  }

  Schedule run() {
    for (const Formula::Instruction& made : formula_.code)
      if (made.op == FormulaOp::constant) made_.constants.push_back(made.number);
    place_sources();
    for (int output = 0; output < made_.outputs; ++output) {
      int& place = place_[static_cast<size_t>(formula_.outputs[static_cast<size_t>(output)])];
      if (place < 0) place = made_.first_output() + output;
    }
    for (int value = 0; value < size(); ++value)
      for (int i = 0; i < operands_of(formula_[value].op); ++i) last_[arg(value, i)] = value;
    for (int value = 0; value < size(); ++value)
      if (formula_[value].op > FormulaOp::constant) call(value);
    copy_outputs();
    return made_;
  }

 private:
  int size() const { return static_cast<int>(formula_.code.size()); }
  size_t arg(int value, int i) const {
    return static_cast<size_t>(formula_[value].args[static_cast<size_t>(i)]);
  }

  void place_sources() {
    int constant = made_.first_constant();
    for (int value = 0; value < size(); ++value) {
      if (formula_[value].op == FormulaOp::input)
        place_[static_cast<size_t>(value)] = formula_[value].args[0];
      if (formula_[value].op == FormulaOp::constant) place_[static_cast<size_t>(value)] = constant++;
    }
  }

  void call(int value) {
    Schedule::Call next{formula_[value].op, -1, {formula_[value].args[0], 0, 0}};
    const int operands = operands_of(next.op);
    for (int i = 0; i < operands; ++i) next.from[i] = place_[arg(value, i)];
    for (int i = operands; i > 0 && i < 3; ++i) next.from[i] = next.from[0];
    for (int i = 0; i < operands; ++i) {
      const int from = next.from[i];
      const bool again = (i > 0 && next.from[0] == from) || (i > 1 && next.from[1] == from);
      if (from >= made_.first_register() && last_[arg(value, i)] == value && !again) free_.push_back(from);
    }
    int& place = place_[static_cast<size_t>(value)];
    if (place < 0) place = take();
    next.to = place;
    made_.calls.push_back(next);
  }

  int take() {
    if (free_.empty()) return made_.first_register() + made_.registers++;
    const int place = free_.back();
    free_.pop_back();
    return place;
  }

  // Outputs that are an input, a constant or another output.
  void copy_outputs() {
    for (int output = 0; output < made_.outputs; ++output) {
      const int to = made_.first_output() + output;
      const int from = place_[static_cast<size_t>(formula_.outputs[static_cast<size_t>(output)])];
      if (from != to) made_.calls.push_back({FormulaOp::input, to, {from, from, from}});
    }
  }

  const Formula& formula_;
  Schedule made_;
  std::vector<int> place_;  // of each value
  std::vector<int> last_;   // that reads it
  std::vector<int> free_;
};

FormulaThen then_of(FormulaOp op, bool result_is_left) {
  switch (op) {
    case FormulaOp::add:
      return FormulaThen::add;
    case FormulaOp::sub:
      return result_is_left ? FormulaThen::sub : FormulaThen::sub_from;
    case FormulaOp::mul:
      return FormulaThen::mul;
    case FormulaOp::min:
      return FormulaThen::min;
    case FormulaOp::max:
      return FormulaThen::max;
    default:
      return FormulaThen::nothing;
  }
}

bool reads(const Schedule::Call& call, int place) {
  return call.op != FormulaOp::random && std::find(call.from, call.from + 3, place) != call.from + 3;
}

// Whether what call i leaves is read by the next one only.
bool is_passed_on(const Schedule& s, size_t i) {
  const int place = s.calls[i].to;
  if (place < s.first_register() || i + 1 == s.calls.size()) return false;
  for (size_t later = i + 1; later < s.calls.size(); ++later) {
    if (later > i + 1 && reads(s.calls[later], place)) return false;
    if (s.calls[later].to == place) return true;
  }
  return true;
}

}  // namespace

Schedule schedule(const Formula& formula) {
  return Scheduler(formula).run();
}

Schedule joined(const Schedule& schedule) {
  Schedule made = schedule;
  made.calls.clear();
  for (size_t i = 0; i < schedule.calls.size(); ++i) {
    Schedule::Call call = schedule.calls[i];
    if (leads(call.op) && is_passed_on(schedule, i)) {
      const Schedule::Call& next = schedule.calls[i + 1];
      const bool left = next.from[0] == call.to, right = next.from[1] == call.to;
      const FormulaThen then = then_of(next.op, left);
      if (then != FormulaThen::nothing && left != right) {
        call = {call.op, next.to, {call.from[0], call.from[1], next.from[left ? 1 : 0]}, then};
        ++i;
      }
    }
    made.calls.push_back(call);
  }
  return made;
}

}  // namespace cnnfast
