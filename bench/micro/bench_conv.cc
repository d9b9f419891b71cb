// Convolutions, forward and gradient of the weights, with sixteen samples or sixteen channels in the lanes.
// The source has its padding physically around it, so that one rectangle covers the whole output.
#include "micro/micro.h"

namespace cnnfast::bench {
namespace {

// One rectangle over all outputs. `pixel` floats lie between neighbouring source pixels; outputs are 16-lane.
Rect whole(const ConvShape& s, int64_t pixel, const std::vector<Tap>& taps) {
  Rect r{};
  r.src_row = s.stride * s.iw * pixel, r.src_col = s.stride * pixel;
  r.dst_row = int64_t{s.ow()} * kLanes, r.dst_col = kLanes;
  r.rows = s.oh(), r.cols = s.ow();
  r.taps = taps.data(), r.n_taps = static_cast<int32_t>(taps.size());
  return r;
}

// Kernel positions of `channels` source channels that lie `channel` floats apart.
std::vector<Tap> taps_of(const ConvShape& s, int64_t pixel, int channels, int64_t channel) {
  std::vector<Tap> taps;
  for (int c = 0; c < channels; ++c)
    for (int y = 0; y < s.kernel; ++y)
      for (int x = 0; x < s.kernel; ++x) {
        const int64_t offset = c * channel + (int64_t{y} * s.iw + x) * pixel;
        taps.push_back({static_cast<int32_t>(offset), static_cast<int32_t>(taps.size())});
      }
  return taps;
}

// ---- Sixteen samples in the lanes ----

struct Lanes {
  explicit Lanes(const ConvShape& s)
      : plane(int64_t{s.ih} * s.iw * kLanes),
        dst_channel(int64_t{s.oh()} * s.ow() * kLanes),
        src(s.ic * plane),
        dst(s.oc * dst_channel),
        taps(taps_of(s, kLanes, s.ic, plane)) {}
  int64_t plane, dst_channel;
  Floats src, dst;
  std::vector<Tap> taps;
};

void lanes_forward(benchmark::State& state, ConvShape s, bool pool) {
  Lanes at(s);
  const int rows = s.ic * s.taps();
  Floats weights(round_up(s.oc, kernels().lanes_oc_tile) * rows, 0.1f), bias(s.oc);
  std::vector<uint8_t> pool_index(static_cast<size_t>(s.oc * at.dst_channel));
  ConvLanes conv{};
  conv.src = at.src.data(), conv.weights = weights.data(), conv.bias = bias.data(), conv.dst = at.dst.data();
  conv.dst_channel = at.dst_channel;
  conv.oc = s.oc, conv.rows = rows;
  conv.activation = Activation::relu;
  conv.rect = whole(s, kLanes, at.taps);
  if (pool) {
    conv.pool = 1, conv.pool_index = pool_index.data();
    conv.rect.rows /= 2, conv.rect.cols /= 2;
    conv.rect.dst_row = conv.rect.cols * kLanes;
  }
  conv.end = conv.rect.rows * conv.rect.cols;
  time_kernel(state, kLanes * s.flops(), [&] { kernels().conv_lanes(conv); });
}

void lanes_weights(benchmark::State& state, ConvShape s) {
  Lanes at(s);
  Floats grad_weights(int64_t{s.ic} * s.taps() * s.oc), grad_bias(s.oc);
  Floats scratch(kernels().lanes_wgrad_scratch(static_cast<int32_t>(at.taps.size()), s.ow()));
  ConvLanesWgrad grad{};
  grad.src = at.src.data(), grad.grad_dst = at.dst.data();
  grad.grad_weights = grad_weights.data(), grad.grad_bias = grad_bias.data(), grad.scratch = scratch.data();
  grad.dst_channel = at.dst_channel, grad.grad_oc_stride = s.oc;
  grad.oc = s.oc;
  grad.rect = whole(s, kLanes, at.taps);
  time_kernel(state, kLanes * s.flops(), [&] { kernels().conv_lanes_wgrad(grad); });
}

// ---- Sixteen channels in the lanes ----

// Fewer channels than lanes are read in place from a plain nhwc source, as in a first layer.
struct Blocked {
  explicit Blocked(const ConvShape& s)
      : plain(s.ic < kLanes),
        pixel(plain ? s.ic : kLanes),
        src_block(int64_t{s.ih} * s.iw * kLanes),
        dst_block(int64_t{s.oh()} * s.ow() * kLanes),
        blocks(round_up(s.oc, kLanes) / kLanes),
        src(round_up(s.ic, kLanes) / kLanes * src_block),
        dst(blocks * dst_block),
        taps(taps_of(s, pixel, 1, 0)),
        rect(whole(s, pixel, taps)) {
    if (!plain) return;
    rect.run = s.kernel * s.ic, rect.n_taps = s.kernel;  // a row of the kernel
    for (int y = 0; y < s.kernel; ++y) taps[static_cast<size_t>(y)] = {y * s.iw * s.ic, y * rect.run};
  }
  bool plain;
  int64_t pixel, src_block, dst_block, blocks;
  Floats src, dst;
  std::vector<Tap> taps;
  Rect rect;
};

void blocked_forward(benchmark::State& state, ConvShape s) {
  Blocked at(s);
  Floats weights(at.blocks * s.taps() * s.ic * kLanes, 0.1f), bias(at.blocks * kLanes);
  ConvBlocked conv{};
  conv.src = at.src.data(), conv.weights = weights.data(), conv.bias = bias.data(), conv.dst = at.dst.data();
  conv.src_block = at.src_block, conv.dst_block = at.dst_block;
  conv.ic = s.ic, conv.oc = s.oc, conv.all_taps = s.taps();
  conv.activation = Activation::relu;
  conv.rects = &at.rect, conv.n_rects = 1;
  time_kernel(state, s.flops(), [&] { kernels().conv_blocked(conv); });
}

void blocked_weights(benchmark::State& state, ConvShape s) {
  Blocked at(s);
  const int64_t block_floats = int64_t{s.ic} * s.taps() * kLanes;
  Floats grad_weights(at.blocks * block_floats), grad_bias(at.blocks * kLanes);
  ConvBlockedWgrad grad{};
  grad.src = at.src.data(), grad.grad_dst = at.dst.data();
  grad.src_block = at.src_block, grad.dst_block = at.dst_block;
  grad.to = {grad_weights.data(), int64_t{s.ic} * kLanes, kLanes, block_floats};
  grad.sums = {grad.to.at, grad.to.tap, grad.to.row, grad.to.block};
  grad.grad_bias = grad_bias.data(), grad.bias_block = kLanes;
  grad.ic = s.ic, grad.blocks = static_cast<int32_t>(at.blocks), grad.samples = 1, grad.cols = s.ow();
  std::vector<Rect> rects(at.plain ? 1 : at.taps.size(), at.rect);
  for (size_t tap = 0; tap < rects.size() && !at.plain; ++tap)
    rects[tap].taps = &at.taps[tap], rects[tap].n_taps = 1;
  grad.rects = rects.data(), grad.n_rects = static_cast<int32_t>(rects.size());
  const int32_t chunk = std::max(1, kWgradChunk / (s.ow() * kLanes));
  time_kernel(state, s.flops(), [&] {
    for (grad.row_begin = 0; grad.row_begin < s.oh(); grad.row_begin = grad.row_end) {
      grad.row_end = std::min(grad.row_begin + chunk, s.oh());
      kernels().conv_blocked_wgrad(grad);
    }
  });
}

}  // namespace

void register_conv(const Shapes& shapes) {
  using benchmark::RegisterBenchmark;
  for (const ConvShape& s : shapes.convs) {
    if (s.small) {
      RegisterBenchmark(("conv_lanes/" + s.name + "/forward").c_str(), lanes_forward, s, false);
      if (s.pooled)
        RegisterBenchmark(("conv_lanes/" + s.name + "/forward_pool").c_str(), lanes_forward, s, true);
      RegisterBenchmark(("conv_lanes/" + s.name + "/backward_weights").c_str(), lanes_weights, s);
    }
    RegisterBenchmark(("conv_blocked/" + s.name + "/forward").c_str(), blocked_forward, s);
    // With stride 1, backward-data is the forward kernel on an output gradient with a border around it.
    if (s.stride == 1 && s.ic >= kLanes)
      RegisterBenchmark(("conv_blocked/" + s.name + "/backward_data").c_str(), blocked_forward,
                        s.backward_data());
    RegisterBenchmark(("conv_blocked/" + s.name + "/backward_weights").c_str(), blocked_weights, s);
  }
}

}  // namespace cnnfast::bench
