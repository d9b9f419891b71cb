// Formulas over memory, and a copy of as many bytes beside them.
#include <cstring>

#include "formula/run.h"
#include "micro/micro.h"

namespace cnnfast::bench {
namespace {

constexpr int64_t kFloats = int64_t{16} << 20;

// 0.5 x (1 + tanh(...)) without its function: eight instructions of arithmetic.
Formula eight_instructions() {
  Formula f;
  int x = f.input(0);
  for (int i = 0; i < 4; ++i)
    x = f.push(i % 2 ? FormulaOp::max : FormulaOp::add, f.push(FormulaOp::mul, x, f.constant(0.9f + i)),
               f.input(0));
  f.outputs = {x};
  return f;
}

Formula one_instruction(FormulaOp op) {
  Formula f;
  f.outputs = {f.push(op, f.input(0))};
  return f;
}

void formula(benchmark::State& state, Formula code, int64_t floats) {
  Floats from(floats), to(floats);
  const FormulaRun run(simplify(code), {{floats}}, {{{1}}});
  std::vector<float> scratch(static_cast<size_t>(run.scratch()));
  const float* inputs[] = {from.data()};
  float* outputs[] = {to.data()};
  for (auto _ : state) {
    run.run(kernels(), inputs, outputs, 0, floats, scratch.data(), {});
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * floats * 8);
}

void copy(benchmark::State& state) {
  Floats from(kFloats), to(kFloats);
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), kFloats * sizeof(float));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kFloats * 8);
}

}  // namespace

void register_formula() {
  benchmark::RegisterBenchmark("formula/copy_64MB", copy);
  benchmark::RegisterBenchmark("formula/8_instructions_64MB", formula, eight_instructions(), kFloats);
  for (int op = static_cast<int>(FormulaOp::neg); op <= static_cast<int>(FormulaOp::cos); ++op) {
    const auto each = static_cast<FormulaOp>(op);
    benchmark::RegisterBenchmark((std::string("formula/") + to_string(each)).c_str(), formula,
                                 one_instruction(each), int64_t{4096});
  }
}

}  // namespace cnnfast::bench
