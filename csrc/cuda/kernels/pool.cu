// Pooling: forward an output a thread, backward a cell of the source, which looks for the windows that have
// it.
#include "cuda/kernels/cells.cuh"
#include "cuda/kernels/device_math.cuh"

namespace cnnfast::cuda {

namespace {

// The cells of a window that exist along one axis: first, first + dilation, ... below end.
struct Span {
  int first, end, step;
  __device__ int cells() const { return end > first ? (end - first + step - 1) / step : 0; }
};

__device__ Span span_of(const PoolAxis& a, int output) {
  if (a.adaptive) {
    const int64_t size = a.size, end = ((output + 1) * size + a.outputs - 1) / a.outputs;
    return {static_cast<int>(output * size / a.outputs), static_cast<int>(end), 1};
  }
  const int origin = output * a.stride - a.pad_before;
  const int skipped = origin < 0 ? (a.dilation - 1 - origin) / a.dilation : 0;
  const int end = origin + a.window * a.dilation;
  return {origin + skipped * a.dilation, end < a.size ? end : a.size, a.dilation};
}

__device__ int padded_cells(const PoolAxis& a, int output) {
  const int origin = output * a.stride - a.pad_before, end = origin + a.window, most = a.size + a.pad_after;
  return (end < most ? end : most) - origin;
}

__device__ float divisor_of(const PoolGeometry& g, int d, int h, int w) {
  if (g.count_padding)
    return static_cast<float>(padded_cells(g.d, d) * padded_cells(g.h, h) * padded_cells(g.w, w));
  return static_cast<float>(span_of(g.d, d).cells() * span_of(g.h, h).cells() * span_of(g.w, w).cells());
}

// The outputs along an axis whose windows may have a cell.
struct Outputs {
  int first, end;
};
__device__ Outputs outputs_of(const PoolAxis& a, int cell) {
  if (a.adaptive) return {0, a.outputs};
  const int reach = cell + a.pad_before - (a.window - 1) * a.dilation;
  const int first = reach <= 0 ? 0 : (reach + a.stride - 1) / a.stride,
            end = (cell + a.pad_before) / a.stride + 1;
  return {first, end < a.outputs ? end : a.outputs};
}
__device__ bool has(const PoolAxis& a, int output, int cell) {
  const Span span = span_of(a, output);
  return cell >= span.first && cell < span.end && (cell - span.first) % span.step == 0;
}

__device__ int32_t place_of(const PoolGeometry& g, int d, int h, int w) {
  return (d * g.h.size + h) * g.w.size + w;
}

}  // namespace

void pool_forward(cudaStream_t stream, const Pooling& p, const float* src, Activation activation, float* dst,
                  int32_t* index) {
  const PoolGeometry& of = p.geometry;
  each(stream, int64_t{p.n} * p.c * of.d.outputs * of.h.outputs * of.w.outputs, [=] __device__(int64_t i) {
    const PoolGeometry& g = p.geometry;
    const Cell o = cell_of(i, p.c, g.d.outputs, g.h.outputs, g.w.outputs);
    const Span sd = span_of(g.d, o.d), sh = span_of(g.h, o.h), sw = span_of(g.w, o.w);
    float best = src[offset_of(p.src, {o.n, o.c, sd.first, sh.first, sw.first})], sum = 0;
    int32_t winner = place_of(g, sd.first, sh.first, sw.first);
    for (int d = sd.first; d < sd.end; d += sd.step)
      for (int h = sh.first; h < sh.end; h += sh.step)
        for (int w = sw.first; w < sw.end; w += sw.step) {
          const float x = src[offset_of(p.src, {o.n, o.c, d, h, w})];
          sum += x;
          if (x > best || (isnan(x) && !isnan(best))) best = x, winner = place_of(g, d, h, w);
        }
    const int64_t to = offset_of(p.dst, o);
    dst[to] = activated(activation, p.maximum ? best : sum / divisor_of(g, o.d, o.h, o.w));
    if (index) index[to] = winner;
  });
}

void pool_backward(cudaStream_t stream, const Pooling& p, const float* grad_dst, const int32_t* index,
                   float* grad_src) {
  const PoolGeometry& of = p.geometry;
  each(stream, int64_t{p.n} * p.c * of.d.size * of.h.size * of.w.size, [=] __device__(int64_t i) {
    const PoolGeometry& g = p.geometry;
    const Cell s = cell_of(i, p.c, g.d.size, g.h.size, g.w.size);
    const Outputs od = outputs_of(g.d, s.d), oh = outputs_of(g.h, s.h), ow = outputs_of(g.w, s.w);
    const int32_t place = place_of(g, s.d, s.h, s.w);
    float sum = 0;
    for (int d = od.first; d < od.end; ++d)
      for (int h = oh.first; h < oh.end; ++h)
        for (int w = ow.first; w < ow.end; ++w) {
          if (!has(g.d, d, s.d) || !has(g.h, h, s.h) || !has(g.w, w, s.w)) continue;
          const int64_t from = offset_of(p.dst, {s.n, s.c, d, h, w});
          if (!p.maximum)
            sum += grad_dst[from] / divisor_of(g, d, h, w);
          else if (index[from] == place)
            sum += grad_dst[from];
        }
    grad_src[offset_of(p.src, s)] = sum;
  });
}

}  // namespace cnnfast::cuda
