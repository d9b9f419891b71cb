// Formulas, interpreted: an element a thread, whose values are in its own memory.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/moved.cuh"

namespace cnnfast::cuda {

namespace {

__device__ float computed(FormulaOp op, float a, float b, float c) {
  switch (op) {
    case FormulaOp::input:
    case FormulaOp::constant:
    case FormulaOp::random:
      return a;
    case FormulaOp::neg:
      return -a;
    case FormulaOp::abs:
      return fabsf(a);
    case FormulaOp::sign:
      return a > 0 ? 1 : (a < 0 ? -1 : a);
    case FormulaOp::floor:
      return floorf(a);
    case FormulaOp::round:
      return rintf(a);
    case FormulaOp::square:
      return a * a;
    case FormulaOp::reciprocal:
      return 1 / a;
    case FormulaOp::sqrt:
      return sqrtf(a);
    case FormulaOp::rsqrt:
      return 1 / sqrtf(a);
    case FormulaOp::exp:
      return expf(a);
    case FormulaOp::expm1:
      return expm1f(a);
    case FormulaOp::log:
      return logf(a);
    case FormulaOp::log1p:
      return log1pf(a);
    case FormulaOp::tanh:
      return tanhf(a);
    case FormulaOp::sigmoid:
      return sigmoid_of(a);
    case FormulaOp::erf:
      return erff(a);
    case FormulaOp::sin:
      return sinf(a);
    case FormulaOp::cos:
      return cosf(a);
    case FormulaOp::add:
      return a + b;
    case FormulaOp::sub:
      return a - b;
    case FormulaOp::mul:
      return a * b;
    case FormulaOp::div:
      return a / b;
    case FormulaOp::pow:
      return powf(a, b);
    case FormulaOp::min:
      return isnan(a) || a < b ? a : b;
    case FormulaOp::max:
      return isnan(a) || a > b ? a : b;
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
      return a == 0 ? c : b;
  }
  return a;
}

__device__ float random_number(const FormulaCode& code, const FormulaCode::Instruction& by, int64_t i,
                               const Varying& varying) {
  const uint32_t word = random_word(code.row, i, varying.step, by.stream, by.seeded ? 0 : varying.seed);
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

__device__ int64_t place_of(const FormulaCode& code, int input, int64_t i) {
  int64_t at = 0;
  for (int axis = code.axes - 1; axis >= 0; --axis) {
    at += i % code.extents[axis] * code.strides[input][axis];
    i /= code.extents[axis];
  }
  return at;
}

// For element i: read(input) gives a number, write(output, number) takes one.
template <class Read, class Write>
__device__ void interpret(const FormulaCode& code, int64_t i, const Varying& varying, const Read& read,
                          const Write& write) {
  float value[kMostCode];
  for (int k = 0; k < code.size; ++k) {
    const FormulaCode::Instruction& by = code.code[k];
    if (by.op == FormulaOp::input)
      value[k] = read(by.args[0]);
    else if (by.op == FormulaOp::constant)
      value[k] = by.number;
    else if (by.op == FormulaOp::random)
      value[k] = random_number(code, by, i, varying);
    else
      value[k] = computed(by.op, value[by.args[0]], by.args[1] < 0 ? 0 : value[by.args[1]],
                          by.args[2] < 0 ? 0 : value[by.args[2]]);
  }
  for (int k = 0; k < code.outputs; ++k) write(k, value[code.output[k]]);
}

}  // namespace

void run_formula(cudaStream_t stream, const FormulaCode* program, int64_t n, const FormulaPlaces& places,
                 const Varying* varying) {
  each(stream, n, [=] __device__(int64_t i) {
    interpret(
        *program, i, *varying, [&](int input) { return places.inputs[input][place_of(*program, input, i)]; },
        [&](int output, float number) { places.outputs[output][i] = number; });
  });
}

void move_by_formula(cudaStream_t stream, const FormulaCode* program, int slots, const MovedParams& params,
                     const Varying* varying) {
  each_moved(stream, params, [=] __device__(const Moved& m, int64_t i) {
    interpret(
        *program, i, *varying,
        [&](int input) {
          if (input >= 2 + slots) return m.numbers[input - 2 - slots];
          return input == 0 ? m.values[i] : input == 1 ? m.grad[i] : m.slots[input - 2][i];
        },
        [&](int output, float number) { (output == 0 ? m.values : m.slots[output - 1])[i] = number; });
  });
}

}  // namespace cnnfast::cuda
