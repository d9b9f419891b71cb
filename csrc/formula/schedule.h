// A formula as it is run: kernels called one after the other on places of memory, each a block of floats.
#pragma once
#include <cstdint>
#include <vector>

#include "cnnfast/formula.h"

namespace cnnfast {

// Places are numbered: inputs first, then outputs, constants, registers. A value that is an output is made in
// its place and read there.
struct Schedule {
  struct Call {
    FormulaOp op;  // `input`: a copy
    int to;
    int from[3];  // places; one that is not read repeats the first. Of random: the stream
    FormulaThen then = FormulaThen::nothing;  // with the last place
  };
  std::vector<Call> calls;
  std::vector<float> constants;
  int inputs = 0, outputs = 0, registers = 0;

  int first_output() const { return inputs; }
  int first_constant() const { return inputs + outputs; }
  int first_register() const { return first_constant() + static_cast<int>(constants.size()); }
  int places() const { return first_register() + registers; }
};

// A register is free again behind the last instruction that reads it; that one may write there.
Schedule schedule(const Formula& formula);

// The same results from fewer calls: one whose register only the next one reads is made with it, where there
// is a kernel for the two.
Schedule joined(const Schedule& schedule);

}  // namespace cnnfast
