// Sums of the GPU target against sums in float64.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "cuda/kernels/kernels.h"
#include "cuda/runtime.h"
#include "numbers.h"

using namespace cnnfast;
using namespace cnnfast::cuda;

TEST_CASE("sums over all numbers") {
  const Stream stream;
  for (const int64_t n : {0, 1, 31, 33, 255, 256, 257, 1000}) {
    const auto from = numbers(n);
    double to = 5, expected = 0;
    for (const float x : from) expected += 2.0 * x;
    add_up(stream.get(), from.data(), n, 2, &to, false);
    stream.wait();
    CHECK(to == doctest::Approx(expected).epsilon(1e-12));
    add_up(stream.get(), from.data(), n, 2, &to, true);
    stream.wait();
    CHECK(to == doctest::Approx(2 * expected).epsilon(1e-12));
  }
}

TEST_CASE("penalties of parameters around a block, and more than a table has") {
  const Stream stream;
  std::vector<std::vector<float>> values;
  for (int64_t n : {1, 255, 2047, 2048, 2049, 5000}) values.push_back(numbers(n));
  for (int i = 0; i < 2 * kMostMoved; ++i) values.push_back(numbers(3 + i));
  MovedParams params;
  double to = 5, expected = 5;
  int64_t parts = 0;
  for (std::vector<float>& of : values) {
    Moved& moved = params.emplace_back();
    moved.values = of.data(), moved.n = static_cast<int64_t>(of.size());
    moved.l1 = 0.5f * static_cast<float>(params.size() % 3), moved.l2 = 0.25f;
    parts += moved_parts(moved.n);
    for (const float x : of) expected += moved.l1 * std::abs(double{x}) + moved.l2 * double{x} * x;
  }
  std::vector<double> scratch(static_cast<size_t>(parts), NAN);
  add_penalties(stream.get(), params, scratch.data(), &to);
  stream.wait();
  CHECK(to == doctest::Approx(expected).epsilon(1e-12));
}

TEST_CASE("sums of columns") {
  const Stream stream;
  for (const int64_t rows : {1, 256, 300}) {
    const int64_t cols = 5;
    const auto from = numbers(rows * cols);
    double to[cols];
    add_columns(stream.get(), from.data(), rows, cols, to);
    stream.wait();
    for (int64_t c = 0; c < cols; ++c) {
      double expected = 0;
      for (int64_t row = 0; row < rows; ++row) expected += double{from[static_cast<size_t>(row * cols + c)]};
      CHECK(to[c] == doctest::Approx(expected).epsilon(1e-12));
    }
  }
}

TEST_CASE("reductions, short by a thread and long by a block") {
  const Stream stream;
  for (const int64_t length : {1, 7, 255, 256, 700}) {
    const int64_t outer = 2, inner = 3;
    const auto from = numbers(outer * length * inner);
    float to[outer * inner];
    reduce(stream.get(), {Reduction::mean, outer, length, inner, 1 / static_cast<float>(length)}, from.data(),
           to);
    stream.wait();
    for (int64_t i = 0; i < outer * inner; ++i) {
      double expected = 0;
      for (int64_t k = 0; k < length; ++k)
        expected += double{from[static_cast<size_t>((i / inner * length + k) * inner + i % inner)]};
      CHECK(to[i] == doctest::Approx(expected / static_cast<double>(length)).epsilon(1e-6));
    }
  }
}
