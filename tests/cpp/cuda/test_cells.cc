// Cells that values tell, on the GPU target, in arrays that end where the kernels may not go on: sorting,
// gathering, sampling, blending, boxes whose cells meet, norms. Against plain loops.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "cuda/kernels/kernels.h"
#include "cuda/runtime.h"
#include "numbers.h"

using namespace cnnfast;
using namespace cnnfast::cuda;

namespace {

std::vector<float> scratch(int64_t floats) {
  return std::vector<float>(static_cast<size_t>(floats), std::nanf(""));
}

}  // namespace

TEST_CASE("rows sorted by position, around runs") {
  const Stream stream;
  for (const int64_t cols : {1, 2, 31, 32, 33, 64, 65, 257})
    for (const bool descending : {false, true}) {
      const int64_t rows = 3;
      auto from = numbers(rows * cols);
      for (float& x : from) x = std::round(4 * x);  // many are equal
      auto room = scratch(order_scratch(rows, cols)), to = scratch(rows * cols);
      order(stream.get(), from.data(), rows, cols, cols, descending, room.data(), to.data());
      stream.wait();
      for (int64_t row = 0; row < rows; ++row) {
        const float* const x = from.data() + row * cols;
        std::vector<int> expected(static_cast<size_t>(cols));
        std::iota(expected.begin(), expected.end(), 0);
        std::stable_sort(expected.begin(), expected.end(),
                         [&](int i, int j) { return descending ? x[i] > x[j] : x[i] < x[j]; });
        CHECK(std::equal(expected.begin(), expected.end(), to.begin() + row * cols));
      }
    }
}

TEST_CASE("what several indices read gets their gradients in order") {
  const Stream stream;
  for (const int64_t readers : {1, 32, 257}) {
    // [2][readers][3] of [2][5][3], by indices of their own for each of the two rows.
    const int64_t rows = 2, cells = 5, inner = 3;
    const Gathering g{3, {rows, readers, inner}, {cells * inner, 0, 1}, {readers, 1, 0}, cells, inner};
    const auto src = numbers(rows * cells * inner), grad = numbers(rows * readers * inner);
    std::vector<float> index(static_cast<size_t>(rows * readers));
    for (size_t i = 0; i < index.size(); ++i) index[i] = static_cast<float>(i * i % 11) - 5;  // 5: no cell
    auto to = scratch(rows * readers * inner), back = scratch(rows * cells * inner);
    auto room = scratch(gather_scratch(g));
    gather(stream.get(), g, src.data(), index.data(), to.data());
    gather_grad(stream.get(), g, grad.data(), index.data(), room.data(), back.data());
    stream.wait();
    std::vector<float> expected(back.size());
    for (int64_t i = 0; i < rows * readers * inner; ++i) {
      const float told = index[static_cast<size_t>(i / inner)];
      const bool is_cell = told < cells;
      const int64_t cell = static_cast<int64_t>(told) + (told < 0 ? cells : 0);
      const auto at = static_cast<size_t>((i / inner / readers * cells + cell) * inner + i % inner);
      CHECK((is_cell ? to[static_cast<size_t>(i)] == src[at] : std::isnan(to[static_cast<size_t>(i)])));
      if (is_cell) expected[at] += grad[static_cast<size_t>(i)];
    }
    CHECK(back == expected);
  }
}

TEST_CASE("places between cells, and back") {
  const Stream stream;
  // Two rows of images of 4 cells and 3 channels, read at 33 places each, some beyond the border.
  Sampled s{};
  s.border = Border::constant, s.fill = 2, s.axes = 1, s.sizes[0] = 4;
  s.rows = 2, s.places = 33, s.cells = 4, s.channels = 3;
  s.cell = 3, s.channel = 1, s.place = 3, s.place_channel = 1, s.src_row = 12, s.at_row = 33;
  const auto src = numbers(24), grad = numbers(198);
  std::vector<float> places(66);
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<float>(i % 33) * 0.2f - 1.3f;
  auto to = scratch(198), back = scratch(24), by_places = scratch(66), room = scratch(sample_scratch(s));
  sample(stream.get(), s, src.data(), places.data(), to.data());
  sample_grad(stream.get(), s, grad.data(), places.data(), room.data(), back.data());
  sample_grad_places(stream.get(), s, src.data(), grad.data(), places.data(), by_places.data());
  stream.wait();
  std::vector<double> expected(24);
  for (int64_t i = 0; i < 66; ++i) {
    const double place = places[static_cast<size_t>(i)], low = std::floor(place);
    double slope = 0;
    for (int64_t c = 0; c < 3; ++c) {
      const double rate = grad[static_cast<size_t>(i * 3 + c)];
      double value = 0;
      for (int side = 0; side < 2; ++side) {
        const auto cell = static_cast<int64_t>(low) + side;
        const double weight = side ? place - low : 1 - (place - low);
        const auto at = static_cast<size_t>(i / 33 * 12 + cell * 3 + c);
        const bool is_inside = cell >= 0 && cell < 4;
        value += weight * (is_inside ? double{src[at]} : 2.0);
        slope += (side ? rate : -rate) * (is_inside ? double{src[at]} : 2.0);
        if (is_inside) expected[at] += weight * rate;
      }
      CHECK(to[static_cast<size_t>(i * 3 + c)] == doctest::Approx(value).epsilon(1e-5));
    }
    CHECK(by_places[static_cast<size_t>(i)] == doctest::Approx(slope).epsilon(1e-4));
  }
  for (size_t i = 0; i < 24; ++i) CHECK(back[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

TEST_CASE("an axis is blended by cells and weights") {
  const Stream stream;
  const BlendedCell cells[] = {{0, 2, 0}, {1, 1, 2}, {1, 2, 3}};
  const float weights[] = {0.5f, 0.25f, 1, 2, -1};
  const auto from = numbers(2 * 3 * 257);
  auto to = scratch(2 * 3 * 257);
  blend(stream.get(), {cells, weights, 2, 3, 3, 257}, from.data(), to.data());
  stream.wait();
  for (size_t i = 0; i < 257; ++i) {
    CHECK(to[771 + i] == doctest::Approx(0.5f * from[771 + i] + 0.25f * from[1028 + i]));
    CHECK(to[1028 + i] == from[1028 + i]);
    CHECK(to[1285 + i] == doctest::Approx(2 * from[1028 + i] - from[1285 + i]));
  }
}

TEST_CASE("boxes are added where their cells are apart and where they meet") {
  const Stream stream;
  const Box boxes[] = {
      {3, {2, 3, 4}, {12, 4, 1}, {12, 1, 3}},   // turned
      {3, {2, 3, 4}, {12, 4, 1}, {12, 0, 2}},   // three times to the same cells
      {3, {2, 3, 4}, {12, 4, 1}, {12, 2, 1}},   // windows that overlap
      {3, {2, 3, 4}, {12, 4, 1}, {12, 4, -1}},  // backwards
  };
  for (const Box& box : boxes) {
    const auto from = numbers(24);
    std::vector<float> to(27, 1), expected(27, 1);
    float *const base = to.data() + 3, *const plain = expected.data() + 3;
    for (int row = 0; row < 2; ++row)
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 4; ++j)
          plain[row * box.to[0] + i * box.to[1] + j * box.to[2]] +=
              from[static_cast<size_t>(row * 12 + i * 4 + j)];
    add_box(stream.get(), box, from.data(), base);
    stream.wait();
    CHECK(to == expected);
  }
}

TEST_CASE("sums over a box, few and long ones too") {
  const Stream stream;
  for (const int64_t terms : {1, 255, 256, 300}) {
    const auto from = numbers(3 * terms);
    float to[3];
    sum_box(stream.get(), {1, {3}, {1}, {1}}, {1, {terms}, {3}, {0}}, from.data(), to);
    stream.wait();
    for (int64_t i = 0; i < 3; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < terms; ++k) sum += double{from[static_cast<size_t>(3 * k + i)]};
      CHECK(to[i] == doctest::Approx(sum).epsilon(1e-6));
    }
  }
}

TEST_CASE("norms move into their limits") {
  const Stream stream;
  for (const int64_t terms : {1, 33, 257}) {
    const auto from = numbers(3 * terms);
    auto values = from, room = scratch(3);
    constrain_norms(stream.get(), values.data(), {1, {3}, {1}, {0}}, {1, {terms}, {3}, {0}}, {1, 2, 0.5f},
                    room.data());
    stream.wait();
    for (int64_t i = 0; i < 3; ++i) {
      double squares = 0;
      for (int64_t k = 0; k < terms; ++k) squares += std::pow(from[static_cast<size_t>(3 * k + i)], 2);
      const double norm = std::sqrt(squares), wanted = norm + 0.5 * (std::clamp(norm, 1.0, 2.0) - norm);
      for (int64_t k = 0; k < terms; ++k) {
        const auto at = static_cast<size_t>(3 * k + i);
        CHECK(values[at] == doctest::Approx(from[at] * wanted / norm).epsilon(1e-5));
      }
    }
  }
}
