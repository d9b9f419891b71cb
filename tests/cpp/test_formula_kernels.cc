// The instructions' kernels of every instruction set that this machine runs, against float64: a sample of all
// float32, or every one of them where CNNFAST_SWEEP_ALL is set (minutes each). docs/design/formulas.md has
// the largest errors.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>

#include "cnnfast/formula.h"
#include "runtime/cpu.h"
#include "runtime/parallel.h"

using namespace cnnfast;

namespace {

using Op = FormulaOp;

constexpr size_t kBlock = 4096;
// Denormals count as zero, in results and on the way to them.
constexpr double kTiny = 2.4e-38;

float float_of(uint32_t bits) {
  float number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

double flushed(float number) {
  return std::fpclassify(number) == FP_SUBNORMAL ? std::copysign(0.0, number) : static_cast<double>(number);
}

// Units in the last place; infinite where one is NaN or infinite and the other is not the same.
double error_of(float got, double want) {
  const float rounded = static_cast<float>(want);
  if (std::isnan(want) || std::isinf(rounded)) {
    const bool same = std::isnan(want) ? std::isnan(got) : got == rounded;
    return same ? 0 : std::numeric_limits<double>::infinity();
  }
  const double error = std::abs(static_cast<double>(got) - want);
  if (error <= kTiny) return 0;
  int exponent = 0;
  std::frexp(want, &exponent);
  return error / std::ldexp(1.0, exponent - 24);
}

struct Worst {
  double error = 0;
  float a = 0, b = 0;
  void see(double found, float x, float y = 0) {
    if (!(found <= error)) *this = {found, x, y};
  }
};

using Numbers = std::array<float, kBlock>;

void see_block(const KernelTable& table, Op op, const Numbers& a, const Numbers& b, Worst& worst) {
  Numbers got;
  parallel(1, [&](const Team&) {  // as in a program, denormals are flushed
    table.formula.compute[static_cast<int>(op)](a.data(), b.data(), a.data(), got.data(), kBlock);
  });
  for (size_t i = 0; i < kBlock; ++i)
    worst.see(error_of(got[i], apply(op, flushed(a[i]), flushed(b[i]))), a[i], b[i]);
}

// Errors that were measured, rounded up.
double bound_of(Op op) {
  switch (op) {
    case Op::rsqrt:
    case Op::log1p:
    case Op::erf:
      return 1.7;
    case Op::exp:
    case Op::expm1:
    case Op::log:
      return 1.5;
    case Op::sigmoid:
    case Op::tanh:
      return 2.6;
    case Op::sin:
    case Op::cos:
      return 2.6;
    default:
      return 0.5;
  }
}

constexpr float kEdges[] = {0.0f,          -0.0f,   1.0f,  -1.0f,  0.5f,        -0.5f,       2.0f,
                            -2.0f,         3.0f,    -3.0f, 2.5f,   INFINITY,    -INFINITY,   NAN,
                            1e-40f,        -1e-40f, 1e30f, -1e30f, 16777216.0f, 16777217.0f, 1.17549435e-38f,
                            3.40282347e38f};

}  // namespace

TEST_CASE("functions of one argument") {
  const bool all = std::getenv("CNNFAST_SWEEP_ALL") != nullptr;
  for (const KernelTable* table : available_kernels()) {
    for (int op = static_cast<int>(Op::neg); op <= static_cast<int>(Op::cos); ++op) {
      Worst worst;
      std::mt19937 random(static_cast<unsigned>(op));
      Numbers a;
      const uint64_t blocks = all ? (uint64_t{1} << 32) / kBlock : 60;
      for (uint64_t block = 0; block < blocks; ++block) {
        for (size_t i = 0; i < kBlock; ++i)
          a[i] = float_of(all ? static_cast<uint32_t>(block * kBlock + i) : random());
        see_block(*table, static_cast<Op>(op), a, a, worst);
      }
      std::printf("%-8s %-10s %.2f ulp at %.9g\n", table->isa, to_string(static_cast<Op>(op)), worst.error,
                  static_cast<double>(worst.a));
      CHECK(worst.error <= bound_of(static_cast<Op>(op)));
    }
  }
}

TEST_CASE("pow") {
  const bool all = std::getenv("CNNFAST_SWEEP_ALL") != nullptr;
  for (const KernelTable* table : available_kernels()) {
    Worst worst;
    std::mt19937 random(7);
    Numbers a, b;
    for (int block = 0; block < (all ? 100000 : 200); ++block) {
      for (size_t i = 0; i < kBlock; ++i) {
        a[i] = float_of(random());
        // Whole, of any size, and such that the power is a number.
        const double log = std::log2(std::abs(static_cast<double>(a[i])));
        const double far = std::uniform_real_distribution<double>(-128, 128)(random);
        b[i] = i % 3 == 0   ? static_cast<float>(static_cast<int>(random() % 21) - 10)
               : i % 3 == 1 ? float_of(random())
                            : static_cast<float>(far / log);
        if (i % 3 == 2) a[i] = std::abs(a[i]);
        if (i % 5 == 0) a[i] = std::uniform_real_distribution<float>(0.5f, 2.0f)(random);
      }
      see_block(*table, Op::pow, a, b, worst);
    }
    std::printf("%-8s pow %.2f ulp at %.9g, %.9g\n", table->isa, worst.error, static_cast<double>(worst.a),
                static_cast<double>(worst.b));
    CHECK(worst.error <= 2.0);
  }
}

TEST_CASE("functions of two arguments at their edges") {
  for (const KernelTable* table : available_kernels()) {
    for (int op = static_cast<int>(Op::add); op <= static_cast<int>(Op::ge); ++op) {
      Numbers a{}, b{};
      size_t i = 0;
      for (const float x : kEdges)
        for (const float y : kEdges) a[i] = x, b[i++] = y;
      Worst worst;
      see_block(*table, static_cast<Op>(op), a, b, worst);
      CAPTURE(std::string(table->isa));
      CAPTURE(std::string(to_string(static_cast<Op>(op))));
      CAPTURE(worst.a);
      CAPTURE(worst.b);
      CHECK(worst.error <= 2.0);
    }
  }
}

TEST_CASE("select takes what its condition says, and any length is right") {
  for (const KernelTable* table : available_kernels()) {
    const float condition[] = {0, 1, -0.0f, -2, NAN, 0, 1, 0, 0.5f, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1};
    float yes[19], no[19], got[20];
    for (int i = 0; i < 19; ++i) yes[i] = static_cast<float>(i), no[i] = -yes[i];
    for (int n = 0; n <= 19; ++n) {
      std::fill_n(got, 20, 99.0f);
      table->formula.compute[static_cast<int>(Op::select)](condition, yes, no, got, n);
      for (int i = 0; i < n; ++i) CHECK(got[i] == (condition[i] != 0 ? yes[i] : no[i]));
      CHECK(got[n] == 99.0f);
    }
  }
}

TEST_CASE("two instructions in one call have the bits of two calls") {
  const Op second[] = {Op::add, Op::add, Op::sub, Op::sub, Op::mul, Op::min, Op::max};  // by FormulaThen
  for (const KernelTable* table : available_kernels()) {
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    Numbers a, b, c, result, want, got;
    for (Numbers* numbers : {&a, &b, &c})
      for (float& number : *numbers) number = normal(random);
    for (int op = 0; op < kFormulaOps; ++op) {
      for (int then = 1; then < kFormulaThens; ++then) {
        const FormulaKernel joined = table->formula.joined[then][op];
        CHECK((joined != nullptr) == leads(static_cast<Op>(op)));
        if (joined == nullptr) continue;
        const FormulaKernel* const compute = table->formula.compute;
        const FormulaKernel behind = compute[static_cast<int>(second[then])];
        compute[op](a.data(), b.data(), a.data(), result.data(), kBlock);
        if (static_cast<FormulaThen>(then) == FormulaThen::sub_from)
          behind(c.data(), result.data(), c.data(), want.data(), kBlock);
        else
          behind(result.data(), c.data(), c.data(), want.data(), kBlock);
        joined(a.data(), b.data(), c.data(), got.data(), kBlock);
        CAPTURE(std::string(table->isa));
        CHECK(std::memcmp(got.data(), want.data(), sizeof want) == 0);
      }
    }
  }
}
