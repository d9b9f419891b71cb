// Direct convolution with channels in lanes, gradient of the weights.
#include <memory>

#include "ops/conv/blocked.h"
#include "ops/conv/weight_pieces.h"

namespace cnnfast {

namespace {

// Some rows of one sample, or some samples of few pixels.
struct Chunks {
  int64_t n, rows, samples, pieces;  // how many of either a batch and a sample are cut into
  explicit Chunks(const ConvProblem& p) : n(p.n), rows(int64_t{p.out.d} * p.out.h) {
    const int64_t fit = std::max<int64_t>(1, kWgradChunk / (int64_t{p.out.w} * kLanes));
    pieces = ceil_div(rows, fit);
    samples = ceil_div(n, std::max<int64_t>(1, fit / rows));
  }
  int64_t count() const { return samples * pieces; }
  int64_t first_sample(int64_t chunk) const { return chunk / pieces * n / samples; }
  int64_t end_sample(int64_t chunk) const { return (chunk / pieces + 1) * n / samples; }
  int64_t first_row(int64_t chunk) const { return chunk % pieces * rows / pieces; }
  int64_t end_row(int64_t chunk) const { return (chunk % pieces + 1) * rows / pieces; }
};

bool is_flat(const ConvProblem& p) {
  return p.in.d == 1 && p.out.d == 1 && p.a.kernel.d == 1 && p.a.padding.front == 0;
}

// A strided kernel of several positions reads pixels lines apart, which share few of the cache's sets, in
// short rows. Those of a phase (their row and column modulo the strides) are brought together first (Zen 3,
// 2026-11: 3x3 of 256@28 and 512@14 from 70 to 83 % of peak).
bool splits_phases(const ConvProblem& p, const Place& src) {
  return !src.runs && is_flat(p) && std::max(p.a.stride.h, p.a.stride.w) > 1;
}

struct Phases {
  int h, w;             // of the image
  int64_t down, right;  // phases: the strides, or as many as there are pixels
  int64_t rows, cols;   // of a phase
  explicit Phases(const ConvProblem& p)
      : h(p.in.h),
        w(p.in.w),
        down(std::min(p.a.stride.h, h)),
        right(std::min(p.a.stride.w, w)),
        rows(ceil_div(h, down)),
        cols(ceil_div(w, right)) {}
  int64_t plane() const { return down * right * rows * cols * kLanes; }
  int64_t at(int64_t y, int64_t x) const {
    return (((y % down * right + x % right) * rows + y / down) * cols + x / right) * kLanes;
  }

  void split(const float* image, float* to) const {
    for (int64_t y = 0; y < h; ++y)
      for (int64_t phase = 0; phase < right; ++phase) {
        float* row = to + at(y, phase);
        for (int64_t x = phase; x < w; x += right, row += kLanes)
          std::copy_n(image + (y * w + x) * kLanes, kLanes, row);
      }
  }

  // Of a rectangle of the image, whose taps have no offset.
  void find(Rect& rect) const {
    const int64_t pixel = rect.src0 / kLanes;
    rect.src0 = at(pixel / w, pixel % w), rect.src_row = cols * kLanes, rect.src_col = kLanes;
  }
};

Buffer split_phases(Builder& b, const Node& node, const ConvProblem& p, const Phases& phases, Buffer from) {
  const int64_t planes = p.n * blocks_of(p.in.c), plane = p.in.pixels() * kLanes;
  const Buffer to = b.buffer(planes * phases.plane());
  b.step(node, "split phases", planes, {from, to}, [=](const Context& c, int64_t i) {
    phases.split(c.at(from) + i * plane, c.at(to) + i * phases.plane());
  });
  return to;
}

// With whole blocks each kernel position has a rectangle: one long loop over all outputs that see it.
Rects weight_rects(const ConvProblem& p, const Place& src, const Place& dst) {
  const int ic = p.ic();
  if (!src.runs) return tap_rects(p.axes(), src.steps, dst.steps);
  Rects rects = forward_rects(p.axes(), src.steps, dst.steps, channel_taps(src, ic));
  join_runs(rects, src, ic, [&](int position, int piece) { return position * ic + piece * src.side; });
  return rects;
}

}  // namespace

void blocked_backward_weights(Builder& b, int value, const ConvProblem& p, Buffer from, Buffer grad_out) {
  const Node &node = b.node(value), &source = b.source(node);
  if (skips_pixels(p, source))
    return blocked_backward_weights(b, value, of_read_pixels(p), gather_pixels(b, node, p, from), grad_out);
  if (pads_image(p, source))
    return blocked_backward_weights(b, value, of_padded_image(p), pad_image(b, node, p, from), grad_out);
  Place src = place_of(source, p.in, p.ic());
  const Place dst = blocked_place(p.out, p.oc());
  const auto rects = std::make_shared<Rects>(weight_rects(p, src, dst));
  if (splits_phases(p, src)) {
    const Phases phases(p);
    for (Rect& rect : rects->rects) phases.find(rect);
    src.next = phases.plane(), src.group = p.ic() / kLanes * src.next,
    src.sample = blocks_of(p.in.c) * src.next;
    from = split_phases(b, node, p, phases, from);
  }
  const bool one_rect_a_tap = !src.runs && is_flat(p), has_bias = p.a.use_bias;
  const Chunks chunks(p);
  ConvBlockedWgrad a{};
  a.src_block = src.next, a.src_sample = src.sample, a.dst_block = dst.next, a.dst_sample = dst.sample;
  a.cols = p.out.w;
  a.rects = rects->rects.data(), a.n_rects = static_cast<int32_t>(rects->rects.size());
  const auto wgrad = b.k.conv_blocked_wgrad;
  sum_weight_gradient(b, node, p, "blocked", {chunks.count(), !src.runs, one_rect_a_tap}, {from, grad_out},
                      [=, rects = rects](const Context& c, const WeightTask& task) {
                        ConvBlockedWgrad one = a;
                        one.ic = task.ins, one.blocks = static_cast<int32_t>(task.blocks);
                        one.grad_bias = has_bias && task.first_in == 0 ? task.bias() : nullptr;
                        one.bias_block = task.block_floats;
                        if (!one_rect_a_tap) {
                          std::fill_n(task.sums, task.blocks * task.block_floats, 0.0f);
                          one.sums = task.place_of_sums<const float>();
                        }
                        const int64_t src_at = task.group * src.group + task.first_in / kLanes * src.next;
                        for (int64_t chunk = task.begin; chunk < task.end; ++chunk) {
                          const int64_t sample = chunks.first_sample(chunk);
                          one.samples = static_cast<int32_t>(chunks.end_sample(chunk) - sample);
                          one.row_begin = static_cast<int32_t>(chunks.first_row(chunk));
                          one.row_end = static_cast<int32_t>(chunks.end_row(chunk));
                          one.src = c.at(from) + sample * src.sample + src_at;
                          one.grad_dst = c.at(grad_out) + sample * dst.sample + task.block * dst.next;
                          one.to = chunk + 1 < task.end ? task.place_of_sums<float>() : task.to;
                          wgrad(one);
                          one.sums = task.place_of_sums<const float>();
                        }
                      });
}

}  // namespace cnnfast
