// The instructions of formulas, a function each: over n elements of up to three operands. The result may be
// an operand.
#pragma once
#include "kernels/dropout.inl.h"
#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

static inline V truth(M m) {
  return select(m, set1(1.0f), zero());
}

template <FormulaOp kOp>
static inline V computed(V a, V b, V c) {
  const V one = set1(1.0f);
  switch (kOp) {
    case FormulaOp::input:
    case FormulaOp::constant:
    case FormulaOp::random:
      return a;
    case FormulaOp::neg:
      return a * set1(-1.0f);
    case FormulaOp::abs:
      return absolute(a);
    case FormulaOp::sign:
      return select(a > zero(), one, select(a < zero(), set1(-1.0f), a + zero()));
    case FormulaOp::floor:
      return floor(a);
    case FormulaOp::round:
      return nearest(a);
    case FormulaOp::square:
      return a * a;
    case FormulaOp::reciprocal:
      return one / a;
    case FormulaOp::sqrt:
      return sqrt(a);
    case FormulaOp::rsqrt:
      return one / sqrt(a);
    case FormulaOp::exp:
      return exp(a);
    case FormulaOp::expm1:
      return expm1(a);
    case FormulaOp::log:
      return log(a);
    case FormulaOp::log1p:
      return log1p(a);
    case FormulaOp::tanh:
      return tanh(a);
    case FormulaOp::sigmoid:
      return sigmoid(a);
    case FormulaOp::erf:
      return erf(a);
    case FormulaOp::sin:
      return sin(a);
    case FormulaOp::cos:
      return cos(a);
    case FormulaOp::add:
      return a + b;
    case FormulaOp::sub:
      return a - b;
    case FormulaOp::mul:
      return a * b;
    case FormulaOp::div:
      return a / b;
    case FormulaOp::pow:
      return pow(a, b);
    case FormulaOp::min:
      return select(is_nan(a), a, min(a, b));
    case FormulaOp::max:
      return select(is_nan(a), a, max(a, b));
    case FormulaOp::eq:
      return truth(a == b);
    case FormulaOp::ne:
      return select(a == b, zero(), one);
    case FormulaOp::lt:
      return truth(a < b);
    case FormulaOp::le:
      return truth(a <= b);
    case FormulaOp::gt:
      return truth(a > b);
    case FormulaOp::ge:
      return truth(b <= a);
    case FormulaOp::select:
      return select(a == zero(), c, b);
  }
}

template <FormulaOp kOp>
static void compute(const float* a, const float* b, const float* c, float* dst, int64_t n) {
  for_vectors(n, [=](int64_t i, auto memory) {
    memory.store(dst + i, computed<kOp>(memory.load(a + i), memory.load(b + i), memory.load(c + i)));
  });
}

static constexpr FormulaKernels kFormulaKernels = {
    .compute =
        {
#define CNNFAST_COMPUTE(name, operands) compute<FormulaOp::name>,
            CNNFAST_FORMULA_OPS(CNNFAST_COMPUTE)
#undef CNNFAST_COMPUTE
        },
};

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
