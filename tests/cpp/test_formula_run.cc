// Formulas over memory: broadcast inputs in the user's order and in sixteen lanes, whatever the range is cut
// into.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "formula/run.h"
#include "runtime/cpu.h"
#include "runtime/floats.h"
#include "runtime/rng.h"

using namespace cnnfast;

namespace {

using Op = FormulaOp;

// max(a * b, c) - b.
Formula three_inputs() {
  Formula f;
  const int a = f.input(0), b = f.input(1), c = f.input(2);
  f.outputs = {f.push(Op::sub, f.push(Op::max, f.push(Op::mul, a, b), c), b)};
  return f;
}

std::vector<float> numbers(int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> made(static_cast<size_t>(n));
  for (float& number : made) number = normal(random);
  return made;
}

struct Memory {
  FormulaSpace space;
  std::vector<FormulaView> views;
  std::vector<std::vector<float>> inputs;
};

// The definition: each position by its indices.
std::vector<float> naive(const Memory& m, const Formula& formula) {
  std::vector<float> made;
  for (int64_t position = 0; position < m.space.size(); ++position) {
    std::vector<int64_t> index(m.space.axes.size());
    int64_t rest = position;
    for (size_t axis = index.size(); axis-- > 0; rest /= m.space.axes[axis])
      index[axis] = rest % m.space.axes[axis];
    const int64_t lane =
        m.space.blocks < 0 ? 0 : index[static_cast<size_t>(m.space.blocks)] * kLanes + index.back();
    if (m.space.blocks >= 0 && lane >= m.space.lanes) {
      made.push_back(0);
      continue;
    }
    std::vector<double> values;
    for (size_t i = 0; i < m.inputs.size(); ++i) {
      int64_t at = 0;
      for (size_t axis = 0; axis < index.size(); ++axis) at += index[axis] * m.views[i].strides[axis];
      values.push_back(static_cast<double>(m.inputs[i].at(static_cast<size_t>(at))));
    }
    made.push_back(static_cast<float>(evaluate(formula, values)[0]));
  }
  return made;
}

void check_run(const Memory& m, bool streams) {
  const Formula formula = three_inputs();
  const std::vector<float> want = naive(m, formula);
  const FormulaRun run(formula, m.space, m.views, streams);
  std::vector<float> scratch(static_cast<size_t>(run.scratch()));
  for (const KernelTable* table : available_kernels()) {
    for (const int64_t cut : {int64_t{16}, int64_t{48}, int64_t{2048}, run.size()}) {
      const Floats got(run.size(), "results");
      const float* inputs[] = {m.inputs[0].data(), m.inputs[1].data(), m.inputs[2].data()};
      float* outputs[] = {got.data()};
      for (int64_t at = 0; at < run.size(); at += cut)
        run.run(*table, inputs, outputs, at, std::min(cut, run.size() - at), scratch.data(), {});
      bool close = true;
      for (size_t i = 0; i < want.size(); ++i) close = close && std::abs(got.data()[i] - want[i]) <= 1e-5f;
      CAPTURE(cut);
      CAPTURE(streams);
      CHECK(close);
    }
  }
}

void check_run(const Memory& m) {
  for (const bool streams : {false, true}) check_run(m, streams);
}

}  // namespace

TEST_CASE("the user's order") {
  for (const int64_t channels : {1, 3, 16, 37}) {
    const FormulaSpace space{{5, 7, 9, channels}};
    const int64_t image = 7 * 9 * channels;
    check_run({space,
               {{{image, 9 * channels, channels, 1}}, {{0, 0, 0, 1}}, {{1, 0, 0, 0}}},
               {numbers(5 * image, 1), numbers(channels, 2), numbers(5, 3)}});
    check_run({space,
               {{{0, 9, 1, 0}}, {{0, 0, 0, 0}}, {{channels, 0, 0, 1}}},
               {numbers(63, 1), numbers(1, 2), numbers(5 * channels, 3)}});
    check_run({space,  // turned: the first lies channels first
               {{{image, 9, 1, 63}}, {{0, 1, 7, 0}}, {{0, 0, 1, 0}}},
               {numbers(5 * image, 1), numbers(63, 2), numbers(9, 3)}});
  }
}

TEST_CASE("channels in lanes, the last block in part") {
  for (const int64_t channels : {3, 16, 20, 32}) {
    const int64_t blocks = (channels + 15) / 16, pixels = 35, plane = pixels * 16;
    const FormulaSpace space{{2, blocks, 1, 5, 7, 16}, 1, channels};
    check_run(
        {space,
         {{{blocks * plane, plane, 0, 7 * 16, 16, 1}}, {{0, 16, 0, 0, 0, 1}, true}, {{0, 0, 0, 7, 1, 0}}},
         {numbers(2 * blocks * plane, 1), numbers(channels, 2), numbers(pixels, 3)}});
  }
}

TEST_CASE("rows in lanes, the last block in part") {
  for (const int64_t rows : {3, 16, 20, 32}) {
    const int64_t blocks = (rows + 15) / 16, plane = 35 * 16;
    const FormulaSpace space{{blocks, 3, 1, 5, 7, 16}, 0, rows};
    check_run({space,
               {{{3 * plane, plane, 0, 7 * 16, 16, 1}}, {{16, 0, 0, 0, 0, 1}, true}, {{0, 1, 0, 0, 0, 0}}},
               {numbers(blocks * 3 * plane, 1), numbers(rows, 2), numbers(3, 3)}});
  }
}

TEST_CASE("random numbers are told by an element's place alone") {
  const auto expected = [](uint32_t sample, uint32_t quad, uint32_t word) {
    const auto drawn = philox4x32({quad, sample, 5, 3}, 77);
    return static_cast<float>(drawn[word] >> 8) * 0x1p-24f;
  };
  for (const KernelTable* table : available_kernels()) {
    RandomLanes plain{};
    plain.elems = 75, plain.sample = 2, plain.step = 5, plain.layer = 3, plain.seed = 77;
    std::vector<float> got(225);
    for (int64_t at = 0; at < 225; at += 50)
      table->formula.random(plain, at, std::min<int64_t>(50, 225 - at), &got[at]);
    for (uint32_t i = 0; i < 225; ++i) CHECK(got[i] == expected(2 + i / 75, i % 75 / 4, i % 75 % 4));

    // 2 rows of 20 channels of 7 pixels.
    RandomLanes lanes = plain;
    lanes.elems = 7, lanes.planes = 2, lanes.lane_is = 1;
    got.resize(2 * 2 * 7 * 16);
    for (size_t at = 0; at < got.size(); at += 48)
      table->formula.random(lanes, static_cast<int64_t>(at),
                            std::min<int64_t>(48, static_cast<int64_t>(got.size() - at)), &got[at]);
    for (uint32_t i = 0; i < got.size(); ++i) {
      const uint32_t lane = i % 16, pixel = i / 16 % 7, plane = i / 16 / 7;
      const uint32_t channel = plane % 2 * 16 + lane;
      CHECK(got[i] == expected(2 + plane / 2, channel * 2 + pixel / 4, pixel % 4));
    }
    // 20 rows of 3 channels: the same numbers.
    lanes.planes = 3, lanes.lane_is = 2;
    got.resize(2 * 3 * 7 * 16);
    table->formula.random(lanes, 0, static_cast<int64_t>(got.size()), got.data());
    for (uint32_t i = 0; i < got.size(); ++i) {
      const uint32_t lane = i % 16, pixel = i / 16 % 7, plane = i / 16 / 7;
      CHECK(got[i] == expected(2 + plane / 3 * 16 + lane, plane % 3 * 2 + pixel / 4, pixel % 4));
    }
  }
}
