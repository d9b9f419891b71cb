// Maximum and average pooling over planes of a 16-lane tensor, and their gradients.
#pragma once
#include <cstring>

#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// The cells of a window that exist along one axis: the first, how many, and how many lie before it.
struct Span {
  int32_t begin, cells, skipped;
};

static inline Span window_span(const PoolAxis& a, int32_t out) {
  if (a.adaptive) {
    const int64_t size = a.size, end = ((out + 1) * size + a.outputs - 1) / a.outputs;
    const int32_t begin = static_cast<int32_t>(out * size / a.outputs);
    return {begin, static_cast<int32_t>(end) - begin, 0};
  }
  const int32_t origin = out * a.stride - a.pad_before;
  if (a.dilation == 1) {
    const int32_t begin = origin < 0 ? 0 : origin;
    const int32_t end = origin + a.window < a.size ? origin + a.window : a.size;
    return {begin, end - begin, begin - origin};
  }
  const int32_t skipped = origin < 0 ? (a.dilation - 1 - origin) / a.dilation : 0;
  const int32_t begin = origin + skipped * a.dilation;
  const int32_t fit = (a.size - begin + a.dilation - 1) / a.dilation, left = a.window - skipped;
  return {begin, fit < left ? fit : left, skipped};
}

// Cells of a window along one axis that exist or are padding; what a ceil-mode window adds beyond is neither.
static inline int32_t padded_span(const PoolAxis& a, int32_t out) {
  const int32_t origin = out * a.stride - a.pad_before, padded_end = a.size + a.pad_after;
  return (origin + a.window < padded_end ? origin + a.window : padded_end) - origin;
}

// The clipped window of one output pixel; offsets in floats.
struct Window {
  int64_t src;       // of its first cell, in its plane
  int32_t position;  // of that cell, in the window
  int32_t slices, rows, cols;
  int32_t counted;  // cells that an average divides by
};

// From cell to cell of a window, in the source, and in the numbers of its positions.
struct WindowSteps {
  int64_t slice, row, col;
  int32_t slice_position, row_position;
};

static inline WindowSteps window_steps(const PoolGeometry& g) {
  const int64_t row = static_cast<int64_t>(g.w.size) * kLanes, slice = row * g.h.size;
  return {slice * g.d.dilation, row * g.h.dilation, static_cast<int64_t>(kLanes) * g.w.dilation,
          g.h.window * g.w.window, g.w.window};
}

static inline int64_t src_plane_floats(const PoolGeometry& g) {
  return static_cast<int64_t>(g.d.size) * g.h.size * g.w.size * kLanes;
}

static inline int64_t dst_plane_floats(const PoolGeometry& g) {
  return static_cast<int64_t>(g.d.outputs) * g.h.outputs * g.w.outputs * kLanes;
}

// body(window, pixel) for each output pixel of one plane.
template <class Body>
static inline void for_windows(const PoolGeometry& g, Body body) {
  const int32_t side = g.d.window == 1 && g.h.window == g.w.window ? g.h.window : 0;
  int64_t pixel = 0;
  for (int32_t oz = 0; oz < g.d.outputs; ++oz) {
    const Span z = window_span(g.d, oz);
    const int32_t padded_z = padded_span(g.d, oz);
    for (int32_t oy = 0; oy < g.h.outputs; ++oy) {
      const Span y = window_span(g.h, oy);
      const int32_t padded_y = padded_span(g.h, oy);
      for (int32_t ox = 0; ox < g.w.outputs; ++ox, pixel += kLanes) {
        const Span x = window_span(g.w, ox);
        const int64_t src =
            ((static_cast<int64_t>(z.begin) * g.h.size + y.begin) * g.w.size + x.begin) * kLanes;
        const int32_t counted =
            g.count_padding ? padded_z * padded_y * padded_span(g.w, ox) : z.cells * y.cells * x.cells;
        // Common windows as constants, which unrolls them.
        const bool whole = y.cells == side && x.cells == side;
        if (side == 2 && whole) {
          body(Window{src, 0, 1, 2, 2, counted}, pixel);
        } else if (side == 3 && whole) {
          body(Window{src, 0, 1, 3, 3, counted}, pixel);
        } else {
          const int32_t position = (z.skipped * g.h.window + y.skipped) * g.w.window + x.skipped;
          body(Window{src, position, z.cells, y.cells, x.cells, counted}, pixel);
        }
      }
    }
  }
}

// Whether every source cell along an axis lies in exactly one window.
static inline bool tiles_exactly(const PoolAxis& a) {
  return !a.adaptive && a.stride == a.window && a.dilation == 1 && a.pad_before == 0 &&
         a.outputs * a.window >= a.size;
}

static inline bool tiles_exactly(const PoolGeometry& g) {
  return tiles_exactly(g.d) && tiles_exactly(g.h) && tiles_exactly(g.w);
}

// cell(source offset, position) for each cell of a window, in the order of positions.
template <class Cell>
static inline void for_cells(Window w, const WindowSteps& steps, Cell cell) {
  for (int32_t z = 0; z < w.slices; ++z)
    for (int32_t r = 0; r < w.rows; ++r)
      for (int32_t c = 0; c < w.cols; ++c)
        cell(z * steps.slice + r * steps.row + c * steps.col,
             w.position + z * steps.slice_position + r * steps.row_position + c);
}

// Positions in windows of up to 256 cells are bytes.
static inline void store_positions(uint8_t* p, I a) {
  istore_bytes(p, a);
}
static inline void store_positions(uint32_t* p, I a) {
  istore(p, a);
}
static inline I load_positions(const uint8_t* p) {
  return iload_bytes(p);
}
static inline I load_positions(const uint32_t* p) {
  return iload(p);
}

// The largest cell of a window, and the position of the winner.
static inline V largest(const float* first, const Window& w, const WindowSteps& steps, I& winner) {
  V best = load(first);
  winner = iset1(w.position);
  for_cells(w, steps, [&](int64_t at, int32_t position) {
    if (at != 0) meet_winner(load(first + at), position, best, winner);
  });
  return best;
}

// The same where nobody asks for the winner: NaN, which beats all, is looked for in the sum of the cells
// (Zen 5, 2026-11: 64 channels of 112 x 112 by 3 x 3 from 129 to 55 us).
static inline V largest(const float* first, const Window& w, const WindowSteps& steps) {
  V best = load(first), sum = best;
  for_cells(w, steps, [&](int64_t at, int32_t) {
    if (at == 0) return;
    const V cell = load(first + at);
    best = max(cell, best);
    sum = sum + cell;
  });
  I winner;
  return any(is_nan(sum)) ? largest(first, w, steps, winner) : best;
}

template <bool kRecords, class Index>
static void max_pool_planes(const Pool& p, Index* index) {
  const PoolGeometry& g = p.geometry;
  const WindowSteps steps = window_steps(g);
  for (int32_t plane = 0; plane < p.planes; ++plane) {
    const float* src = p.src + plane * src_plane_floats(g);
    float* dst = p.dst + plane * dst_plane_floats(g);
    Index* to = kRecords ? index + plane * dst_plane_floats(g) : nullptr;
    for_windows(g, [=](Window w, int64_t pixel) {
      for (int l = 0; l < kLanes; l += V::lanes) {
        const float* first = src + w.src + l;
        if constexpr (kRecords) {
          I winner;
          store(dst + pixel + l, largest(first, w, steps, winner));
          store_positions(to + pixel + l, winner);
        } else {
          store(dst + pixel + l, largest(first, w, steps));
        }
      }
    });
    if (p.activation != Activation::none) activate(p.activation, dst, dst, dst_plane_floats(g));
  }
}

static void max_pool(const Pool& p) {
  if (p.wide_index)
    max_pool_planes<true>(p, p.wide_index);
  else if (p.index)
    max_pool_planes<true>(p, p.index);
  else
    max_pool_planes<false>(p, p.index);
}

static void average_pool(const Pool& p) {
  const PoolGeometry& g = p.geometry;
  const WindowSteps steps = window_steps(g);
  for (int32_t plane = 0; plane < p.planes; ++plane) {
    const float* src = p.src + plane * src_plane_floats(g);
    float* dst = p.dst + plane * dst_plane_floats(g);
    for_windows(g, [=](Window w, int64_t pixel) {
      const V count = set1(static_cast<float>(w.counted));
      for (int l = 0; l < kLanes; l += V::lanes) {
        V total = zero();
        for_cells(w, steps, [&](int64_t at, int32_t) { total = total + load(src + w.src + l + at); });
        store(dst + pixel + l, total / count);
      }
    });
    if (p.activation != Activation::none) activate(p.activation, dst, dst, dst_plane_floats(g));
  }
}

// Adds share(cell position) to each cell of a window, or writes it where each cell has one window only.
template <bool kOverwrite, class Share>
static inline void spread(float* grad_src, Window w, const WindowSteps& steps, Share share) {
  for_cells(w, steps, [=](int64_t at, int32_t position) {
    const V part = share(position);
    store(grad_src + at, kOverwrite ? part : load(grad_src + at) + part);
  });
}

template <bool kOverwrite, class Index>
static void max_pool_grad_planes(const PoolGrad& p, const Index* index) {
  const PoolGeometry& g = p.geometry;
  const WindowSteps steps = window_steps(g);
  for (int32_t plane = 0; plane < p.planes; ++plane) {
    const float* grad_dst = p.grad_dst + plane * dst_plane_floats(g);
    const Index* winners = index + plane * dst_plane_floats(g);
    float* grad_src = p.grad_src + plane * src_plane_floats(g);
    if (!kOverwrite) std::memset(grad_src, 0, sizeof(float) * static_cast<size_t>(src_plane_floats(g)));
    for_windows(g, [=](Window w, int64_t pixel) {
      for (int l = 0; l < kLanes; l += V::lanes) {
        const V grad = load(grad_dst + pixel + l);
        const I winner = load_positions(winners + pixel + l);
        spread<kOverwrite>(grad_src + w.src + l, w, steps,
                           [=](int32_t position) { return select(winner == iset1(position), grad, zero()); });
      }
    });
  }
}

template <class Index>
static void max_pool_grad_of(const PoolGrad& p, const Index* index) {
  if (tiles_exactly(p.geometry))
    max_pool_grad_planes<true>(p, index);
  else
    max_pool_grad_planes<false>(p, index);
}

static void max_pool_grad(const PoolGrad& p) {
  if (p.wide_index)
    max_pool_grad_of(p, p.wide_index);
  else
    max_pool_grad_of(p, p.index);
}

template <bool kOverwrite>
static void average_pool_grad_planes(const PoolGrad& p) {
  const PoolGeometry& g = p.geometry;
  const WindowSteps steps = window_steps(g);
  for (int32_t plane = 0; plane < p.planes; ++plane) {
    const float* grad_dst = p.grad_dst + plane * dst_plane_floats(g);
    float* grad_src = p.grad_src + plane * src_plane_floats(g);
    if (!kOverwrite) std::memset(grad_src, 0, sizeof(float) * static_cast<size_t>(src_plane_floats(g)));
    for_windows(g, [=](Window w, int64_t pixel) {
      const V count = set1(static_cast<float>(w.counted));
      for (int l = 0; l < kLanes; l += V::lanes) {
        const V part = load(grad_dst + pixel + l) / count;
        spread<kOverwrite>(grad_src + w.src + l, w, steps, [=](int32_t) { return part; });
      }
    });
  }
}

static void average_pool_grad(const PoolGrad& p) {
  if (tiles_exactly(p.geometry))
    average_pool_grad_planes<true>(p);
  else
    average_pool_grad_planes<false>(p);
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
