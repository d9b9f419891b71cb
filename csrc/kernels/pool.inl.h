// Maximum and average pooling over planes of a 16-lane tensor, and their gradients.
#pragma once
#include <cstring>

#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// The part of a window that exists along one axis: [begin, end) of the source, `skipped` cells into the
// window.
struct Span {
  int32_t begin, end, skipped;
};

static inline Span window_span(int32_t out, int32_t stride, int32_t pad, int32_t window, int32_t size) {
  const int32_t origin = out * stride - pad;
  const int32_t begin = origin < 0 ? 0 : origin;
  const int32_t end = origin + window < size ? origin + window : size;
  return {begin, end, begin - origin};
}

// The clipped window of one output pixel; offsets in floats.
struct Window {
  int64_t src;       // of its first cell, in its plane
  int32_t position;  // of that cell, in the window
  int32_t rows, cols;
  int32_t counted;  // cells that an average divides by
};

// Cells of a window along one axis that exist or are padding; what a ceil-mode window adds beyond is neither.
static inline int32_t padded_span(int32_t out, int32_t stride, int32_t pad, int32_t window,
                                  int32_t padded_end) {
  const int32_t origin = out * stride - pad;
  return (origin + window < padded_end ? origin + window : padded_end) - origin;
}

// body(window, kw, pixel) for each output pixel of one plane; `shape` is a Pool or a PoolGrad.
template <class Shape, class Body>
static inline void for_windows(const Shape& shape, Body body) {
  for (int32_t oy = 0; oy < shape.oh; ++oy) {
    const Span y = window_span(oy, shape.stride_h, shape.pad_top, shape.kh, shape.ih);
    const int32_t padded_y =
        padded_span(oy, shape.stride_h, shape.pad_top, shape.kh, shape.ih + shape.pad_bottom);
    for (int32_t ox = 0; ox < shape.ow; ++ox) {
      const Span x = window_span(ox, shape.stride_w, shape.pad_left, shape.kw, shape.iw);
      const int64_t src = (static_cast<int64_t>(y.begin) * shape.iw + x.begin) * kLanes;
      const int64_t pixel = (static_cast<int64_t>(oy) * shape.ow + ox) * kLanes;
      const int32_t rows = y.end - y.begin, cols = x.end - x.begin;
      const int32_t padded_x =
          padded_span(ox, shape.stride_w, shape.pad_left, shape.kw, shape.iw + shape.pad_right);
      const int32_t counted = shape.count_padding ? padded_y * padded_x : rows * cols;
      // The common window as constants, which unrolls it.
      if (shape.kh == 2 && shape.kw == 2 && rows == 2 && cols == 2) {
        body(Window{src, 0, 2, 2, counted}, 2, pixel);
      } else {
        body(Window{src, y.skipped * shape.kw + x.skipped, rows, cols, counted}, shape.kw, pixel);
      }
    }
  }
}

// True when every source cell lies in exactly one window.
static inline bool tiles_exactly(const PoolGrad& p) {
  return p.stride_h == p.kh && p.stride_w == p.kw && p.pad_top == 0 && p.pad_left == 0 &&
         p.oh * p.kh >= p.ih && p.ow * p.kw >= p.iw;
}

// The maximum of one window.
template <bool kIndex>
static inline void max_window(const float* src, Window w, int32_t kw, int64_t row_step, float* dst,
                              uint8_t* index) {
  V best = load(src);
  I winner = iset1(w.position);
  for (int32_t r = 0; r < w.rows; ++r) {
    for (int32_t c = r == 0 ? 1 : 0; c < w.cols; ++c)
      meet_winner(load(src + r * row_step + c * kLanes), w.position + r * kw + c, best, winner);
  }
  store(dst, best);
  if constexpr (kIndex) istore_bytes(index, winner);
}

template <bool kIndex>
static void max_pool_planes(const Pool& p) {
  const int64_t src_plane = static_cast<int64_t>(p.ih) * p.iw * kLanes;
  const int64_t dst_plane = static_cast<int64_t>(p.oh) * p.ow * kLanes;
  const int64_t row_step = static_cast<int64_t>(p.iw) * kLanes;
  for (int32_t plane = 0; plane < p.planes; ++plane) {
    const float* src = p.src + plane * src_plane;
    float* dst = p.dst + plane * dst_plane;
    uint8_t* index = kIndex ? p.index + plane * dst_plane : nullptr;
    for_windows(p, [=](Window w, int32_t kw, int64_t pixel) {
      for (int l = 0; l < kLanes; l += V::lanes) {
        max_window<kIndex>(src + w.src + l, w, kw, row_step, dst + pixel + l,
                           kIndex ? index + pixel + l : nullptr);
      }
    });
    if (p.activation != Activation::none) activate(p.activation, dst, dst, dst_plane);
  }
}

static void max_pool(const Pool& p) {
  if (p.index) {
    max_pool_planes<true>(p);
  } else {
    max_pool_planes<false>(p);
  }
}

static void average_pool(const Pool& p) {
  const int64_t src_plane = static_cast<int64_t>(p.ih) * p.iw * kLanes;
  const int64_t dst_plane = static_cast<int64_t>(p.oh) * p.ow * kLanes;
  const int64_t row_step = static_cast<int64_t>(p.iw) * kLanes;
  for (int32_t plane = 0; plane < p.planes; ++plane) {
    const float* src = p.src + plane * src_plane;
    float* dst = p.dst + plane * dst_plane;
    for_windows(p, [&](Window w, int32_t, int64_t pixel) {
      const V count = set1(static_cast<float>(w.counted));
      for (int l = 0; l < kLanes; l += V::lanes) {
        V total = zero();
        for (int32_t r = 0; r < w.rows; ++r) {
          for (int32_t c = 0; c < w.cols; ++c)
            total = total + load(src + w.src + r * row_step + c * kLanes + l);
        }
        store(dst + pixel + l, total / count);
      }
    });
    if (p.activation != Activation::none) activate(p.activation, dst, dst, dst_plane);
  }
}

// Adds share(cell position) to each cell of a window, or writes it where each cell has one window only.
template <bool kOverwrite, class Share>
static inline void spread(float* grad_src, Window w, int32_t kw, int64_t row_step, Share share) {
  for (int32_t r = 0; r < w.rows; ++r) {
    for (int32_t c = 0; c < w.cols; ++c) {
      float* cell = grad_src + r * row_step + c * kLanes;
      const V part = share(w.position + r * kw + c);
      store(cell, kOverwrite ? part : load(cell) + part);
    }
  }
}

template <bool kOverwrite>
static void max_pool_grad_planes(const PoolGrad& p) {
  const int64_t src_plane = static_cast<int64_t>(p.ih) * p.iw * kLanes;
  const int64_t dst_plane = static_cast<int64_t>(p.oh) * p.ow * kLanes;
  const int64_t row_step = static_cast<int64_t>(p.iw) * kLanes;
  for (int32_t plane = 0; plane < p.planes; ++plane) {
    const float* grad_dst = p.grad_dst + plane * dst_plane;
    const uint8_t* index = p.index + plane * dst_plane;
    float* grad_src = p.grad_src + plane * src_plane;
    if (!kOverwrite) std::memset(grad_src, 0, sizeof(float) * static_cast<size_t>(src_plane));
    for_windows(p, [=](Window w, int32_t kw, int64_t pixel) {
      for (int l = 0; l < kLanes; l += V::lanes) {
        const V grad = load(grad_dst + pixel + l);
        const I winner = iload_bytes(index + pixel + l);
        spread<kOverwrite>(grad_src + w.src + l, w, kw, row_step,
                           [=](int32_t position) { return select(winner == iset1(position), grad, zero()); });
      }
    });
  }
}

static void max_pool_grad(const PoolGrad& p) {
  if (tiles_exactly(p)) {
    max_pool_grad_planes<true>(p);
  } else {
    max_pool_grad_planes<false>(p);
  }
}

template <bool kOverwrite>
static void average_pool_grad_planes(const PoolGrad& p) {
  const int64_t src_plane = static_cast<int64_t>(p.ih) * p.iw * kLanes;
  const int64_t dst_plane = static_cast<int64_t>(p.oh) * p.ow * kLanes;
  const int64_t row_step = static_cast<int64_t>(p.iw) * kLanes;
  for (int32_t plane = 0; plane < p.planes; ++plane) {
    const float* grad_dst = p.grad_dst + plane * dst_plane;
    float* grad_src = p.grad_src + plane * src_plane;
    if (!kOverwrite) std::memset(grad_src, 0, sizeof(float) * static_cast<size_t>(src_plane));
    for_windows(p, [&](Window w, int32_t kw, int64_t pixel) {
      const V count = set1(static_cast<float>(w.counted));
      for (int l = 0; l < kLanes; l += V::lanes) {
        const V part = load(grad_dst + pixel + l) / count;
        spread<kOverwrite>(grad_src + w.src + l, w, kw, row_step, [=](int32_t) { return part; });
      }
    });
  }
}

static void average_pool_grad(const PoolGrad& p) {
  if (tiles_exactly(p)) {
    average_pool_grad_planes<true>(p);
  } else {
    average_pool_grad_planes<false>(p);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
