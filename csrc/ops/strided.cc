#include "ops/strided.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

namespace cnnfast {

namespace {

// A square of this many cells a side lies in the first-level cache on both sides.
constexpr int64_t kTile = 32;

void copy_run(const StridedAxis& a, const float* src, float* dst) {
  if (a.dst == 1 && a.src == 1)
    std::memcpy(dst, src, sizeof(float) * static_cast<size_t>(a.size));
  else if (a.dst == 1 && a.src == 0)
    std::fill_n(dst, a.size, *src);
  else
    for (int64_t i = 0; i < a.size; ++i) dst[i * a.dst] = src[i * a.src];
}

void add_run(const StridedAxis& a, const float* src, float* dst) {
  if (a.dst == 1 && a.src == 1)
    for (int64_t i = 0; i < a.size; ++i) dst[i] += src[i];
  else
    for (int64_t i = 0; i < a.size; ++i) dst[i * a.dst] += src[i * a.src];
}

// Two axes of which one is a run on either side: in squares, so that lines of both are used whole.
template <class Run>
void run_tiles(const StridedAxis& outer, const StridedAxis& inner, const float* src, float* dst, Run run) {
  for (int64_t o = 0; o < outer.size; o += kTile)
    for (int64_t i = 0; i < inner.size; i += kTile)
      for (int64_t row = o; row < std::min(o + kTile, outer.size); ++row)
        run({std::min(kTile, inner.size - i), inner.src, inner.dst}, src + row * outer.src + i * inner.src,
            dst + row * outer.dst + i * inner.dst);
}

template <class Run>
void run_axes(const StridedAxis* axes, size_t count, const float* src, float* dst, Run run) {
  if (count == 0) return run({1, 1, 1}, src, dst);
  if (count == 1) return run(axes[0], src, dst);
  if (count == 2 && axes[0].src == 1 && axes[1].src != 1) return run_tiles(axes[0], axes[1], src, dst, run);
  for (int64_t i = 0; i < axes[0].size; ++i)
    run_axes(axes + 1, count - 1, src + i * axes[0].src, dst + i * axes[0].dst, run);
}

bool continues(const StridedAxis& outer, const StridedAxis& inner) {
  return outer.src == inner.src * inner.size && outer.dst == inner.dst * inner.size;
}

}  // namespace

StridedAxes joined(const StridedAxes& axes) {
  StridedAxes made;
  for (const StridedAxis& axis : axes) {
    if (axis.size == 1) continue;
    if (!made.empty() && continues(made.back(), axis))
      made.back() = {made.back().size * axis.size, axis.src, axis.dst};
    else
      made.push_back(axis);
  }
  // The source's run beside the destination's, for squares.
  if (made.size() > 2 && made.back().src != 1)
    for (size_t i = 0; i + 2 < made.size(); ++i)
      if (made[i].src == 1)
        std::rotate(made.begin() + static_cast<ptrdiff_t>(i), made.begin() + static_cast<ptrdiff_t>(i) + 1,
                    made.end() - 1);
  return made;
}

void copy_strided(const StridedAxes& axes, const float* src, float* dst) {
  run_axes(axes.data(), axes.size(), src, dst, copy_run);
}

void add_strided(const StridedAxes& axes, const float* src, float* dst) {
  run_axes(axes.data(), axes.size(), src, dst, add_run);
}

}  // namespace cnnfast
