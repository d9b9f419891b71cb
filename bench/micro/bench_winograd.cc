// Winograd for the 3x3 layers of stride 1, by tile. Backward-data is the same kernel on turned weights. Rates
// are those of the direct sum's operations: above the peak is what Winograd is for.
#include <algorithm>

#include "micro/micro.h"

namespace cnnfast::bench {
namespace {

constexpr int kTiles[] = {2, 4};
constexpr int kTilesPerCall = 48;  // about what ops/conv/winograd.cc gives to a task

int64_t blocks_of(int channels) {
  return round_up(channels, kLanes) / kLanes;
}

void winograd_forward(benchmark::State& state, ConvShape s, int tile) {
  const int ih = s.ih - 2, iw = s.iw - 2;  // the kernel makes the padding itself
  const int64_t frequencies = int64_t{tile + 2} * (tile + 2);
  const int tiles = ((s.oh() + tile - 1) / tile) * ((s.ow() + tile - 1) / tile);
  const int per_call = std::min(tiles, kTilesPerCall);
  Winograd conv{};
  conv.ic = s.ic, conv.oc = s.oc, conv.ih = ih, conv.iw = iw, conv.oh = s.oh(), conv.ow = s.ow();
  conv.pad_top = conv.pad_left = 1, conv.tile = tile;
  conv.src_block = int64_t{ih} * iw * kLanes, conv.src_sample = blocks_of(s.ic) * conv.src_block;
  conv.dst_block = int64_t{s.oh()} * s.ow() * kLanes, conv.dst_sample = blocks_of(s.oc) * conv.dst_block;
  conv.weights_frequency = blocks_of(s.oc) * s.ic * kLanes;
  Floats src(conv.src_sample), dst(conv.dst_sample), weights(frequencies * conv.weights_frequency, 0.1f);
  Floats bias(blocks_of(s.oc) * kLanes), scratch(kernels().winograd_scratch(tile, per_call, s.ic, s.oc));
  conv.src = src.data(), conv.dst = dst.data(), conv.weights = weights.data(), conv.bias = bias.data();
  conv.scratch = scratch.data(), conv.activation = Activation::relu;
  time_kernel(state, s.flops(), [&] {
    for (int first = 0; first < tiles; first += per_call) {
      conv.first_tile = first, conv.tiles = std::min(per_call, tiles - first);
      kernels().winograd(conv);
    }
  });
}

}  // namespace

void register_winograd(const Shapes& shapes) {
  for (const ConvShape& s : shapes.convs) {
    if (s.kernel != 3 || s.stride != 1 || s.ic < kLanes || s.small) continue;
    for (const int tile : kTiles) {
      const std::string name = "winograd/" + s.name + "/forward/F" + std::to_string(tile);
      benchmark::RegisterBenchmark(name.c_str(), winograd_forward, s, tile);
    }
  }
}

}  // namespace cnnfast::bench
