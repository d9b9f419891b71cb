// A formula: a straight-line program that treats each element alone. Instruction i makes value i from earlier
// values; some values are the outputs. Pure data: copied, compared and printed as such.
#pragma once
#include <array>
#include <compare>
#include <string>
#include <vector>

#include "cnnfast/formula_op.h"

namespace cnnfast {

// Streams of random numbers from here on are their own seed: that of a network counts for those below only.
constexpr int kSeededStreams = 1 << 30;

struct Formula {
  struct Instruction {
    FormulaOp op;
    std::array<int, 3> args = {-1, -1, -1};  // values; of an input or random: its number
    float number = 0;                        // of a constant
    bool operator==(const Instruction&) const;
  };

  std::vector<Instruction> code;
  int inputs = 0;  // not every one need be read
  std::vector<int> outputs;

  int input(int number);  // value of an input; there are more than `number` then
  int constant(float number);
  int random(int stream);  // equal streams are equal numbers
  int push(FormulaOp op, int a, int b = -1, int c = -1);
  // Writes another formula's code behind this one's, its inputs replaced by values; returns what its outputs
  // are called here.
  std::vector<int> append(const Formula& part, const std::vector<int>& inputs);

  const Instruction& operator[](int value) const { return code[static_cast<size_t>(value)]; }
  bool operator==(const Formula&) const = default;
};

// "v2 = mul(x0, 0.5)" a line; inputs are x0, x1, ..., constants their digits. The last line names the
// outputs.
std::string to_string(const Formula& formula);

// Throws if an operand is not an earlier value or an output no value.
void check(const Formula& formula);

// The same float32 results from less: constants computed, equal parts shared, what no output needs dropped,
// and what changes nothing (x * 1, x + 0, -(-x)) left out. Only the sign of a zero may differ.
Formula simplify(const Formula& formula);

// The gradients of the inputs. Its inputs are the formula's, then the gradients of its outputs, then, with
// `reads_outputs`, the outputs, which are not made again; its outputs are one gradient for each of the
// formula's inputs (the constant 0 where there is none). Where min or max meets equal operands, the first
// takes the gradient.
Formula differentiate(const Formula& formula, bool reads_outputs = false);

// One instruction in float64, and a formula: for constants and for tests. `random` is made of what `random`
// has for its stream.
double apply(FormulaOp op, double a, double b = 0, double c = 0);
std::vector<double> evaluate(const Formula& formula, const std::vector<double>& inputs,
                             const std::vector<double>& random = {});

}  // namespace cnnfast
