// Convolution geometry: rectangles cover every output once, and their taps are exactly those the definition
// gives.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "ops/conv/geometry.h"

using namespace cnnfast;

namespace {

// Output -> set of (kernel position, source position).
using Reads = std::map<int, std::set<std::pair<int, int>>>;

Reads reads_of(const std::vector<Segment>& segments) {
  Reads reads;
  for (const Segment& s : segments)
    for (int j = 0; j < s.count; ++j) {
      const int output = s.first + j * s.step;
      REQUIRE(reads.count(output) == 0);
      auto& read = reads[output];
      for (const auto& tap : s.taps) read.insert({tap.at, s.src + j * s.src_step + tap.shift});
    }
  return reads;
}

std::vector<Axis> axes() {
  std::vector<Axis> all;
  for (const int in : {1, 2, 5, 9})
    for (const int kernel : {1, 2, 3, 5})
      for (const int stride : {1, 2, 3, 4})
        for (const int dilation : {1, 2, 3})
          for (const int before : {0, 1, 4})
            for (const int after : {0, 2}) {
              const int room = in + before + after - (kernel - 1) * dilation - 1;
              if (room >= 0) all.push_back({in, room / stride + 1, kernel, stride, before, dilation});
            }
  return all;
}

}  // namespace

TEST_CASE("forward segments read what the definition reads") {
  for (const Axis& a : axes()) {
    Reads expected;
    for (int o = 0; o < a.out; ++o) {
      auto& read = expected[o];
      for (int k = 0; k < a.kernel; ++k) {
        const int src = o * a.stride - a.before + k * a.dilation;
        if (src >= 0 && src < a.in) read.insert({k, src});
      }
    }
    CHECK(reads_of(forward_segments(a)) == expected);
  }
}

TEST_CASE("backward-data segments are the transpose of the forward ones") {
  for (const Axis& a : axes()) {
    Reads expected;
    for (int i = 0; i < a.in; ++i) expected[i] = {};
    for (const auto& [output, read] : reads_of(forward_segments(a)))
      for (const auto& [k, src] : read) expected[src].insert({k, output});
    CHECK(reads_of(backward_data_segments(a)) == expected);
  }
}

TEST_CASE("a rectangle's offsets are those of its pixels") {
  const Axes axes{{4, 3, 2, 1, 0, 1}, {5, 5, 3, 1, 1, 1}, {7, 4, 3, 2, 1, 1}};
  const Steps src({2, 5, 7, 4}, 16), dst({2, 5, 4, 3}, 16);
  const Rects made = forward_rects(axes, src, dst, {2, 10000});
  int64_t outputs = 0;
  for (const Rect& r : made.rects)
    for (int y = 0; y < r.rows; ++y)
      for (int x = 0; x < r.cols; ++x, ++outputs) {
        const int64_t to = r.dst0 + y * r.dst_row + x * r.dst_col;
        const int64_t oz = to / dst.depth, oy = to % dst.depth / dst.row, ox = to % dst.row / dst.col;
        for (int t = 0; t < r.n_taps; ++t) {
          const int c = r.taps[t].index % 2, kw = r.taps[t].index / 2 % 3, kh = r.taps[t].index / 6 % 3;
          const int kd = r.taps[t].index / 18;
          const int64_t at = r.src0 + y * r.src_row + x * r.src_col + r.taps[t].src_offset;
          CHECK(at ==
                c * 10000 + (oz + kd) * src.depth + (oy - 1 + kh) * src.row + (ox * 2 - 1 + kw) * src.col);
        }
      }
  CHECK(outputs == 60);
}

TEST_CASE("long axes and strides make few segments, at once") {
  const int million = 1 << 20;
  const Axis strided{25 * million, 25, 3, million, 0, 1},
      dilated{million, million, 5, 1, 2 * million, million};
  CHECK(backward_data_segments(strided).size() <= 3 + 25 + 1);
  CHECK(forward_segments(strided).size() == 1);
  int64_t covered = 0;
  for (const Segment& s : backward_data_segments(strided)) covered += s.count;
  CHECK(covered == 25 * million);
  REQUIRE(forward_segments(dilated).size() == 1);
  CHECK(forward_segments(dilated)[0].taps.size() == 1);
  CHECK(forward_segments(dilated)[0].taps[0].at == 2);
}

TEST_CASE("taps are counted as they are made") {
  const Axes axes{{3, 3, 3, 1, 1, 1}, {9, 9, 5, 1, 2, 1}, {12, 6, 3, 2, 0, 1}};
  const Steps src({1, 9, 12, 3}, 16), dst({1, 9, 6, 3}, 16);
  int64_t most = 0;
  for (const Rects& made :
       {forward_rects(axes, src, dst, {1, 0}), backward_data_rects(axes, dst, src, {1, 0})}) {
    int64_t taps = 0;
    for (const auto& list : made.taps) taps += static_cast<int64_t>(list.size());
    most = std::max({most, taps, static_cast<int64_t>(made.rects.size()) * 16});
  }
  CHECK(count_taps(axes) == most);
}
