// Winograd for the 3x3 layers, by tile. Of stride 1, backward-data is the same kernel on turned weights.
// Rates are those of the direct sum's operations: above the peak is what Winograd is for.
#include <algorithm>

#include "micro/micro.h"

namespace cnnfast::bench {
namespace {

struct Form {
  const char* name;
  WinogradForm form;
  int stride;
};

constexpr Form kForms[] = {{"forward/F2", WinogradForm::f2, 1},
                           {"forward/F4", WinogradForm::f4, 1},
                           {"forward/F4", WinogradForm::stride2_f4, 2},
                           {"forward/F5", WinogradForm::stride2_f5, 2},
                           {"backward_data/F4", WinogradForm::stride2_f4_back, 2},
                           {"backward_data/F5", WinogradForm::stride2_f5_back, 2}};
constexpr int kTilesPerCall = 48;  // about what ops/conv/winograd.cc gives to a task

int64_t blocks_of(int channels) {
  return round_up(channels, kLanes) / kLanes;
}

void winograd(benchmark::State& state, ConvShape s, WinogradForm form) {
  const WinogradAxis axis = winograd_axis(form);
  Winograd conv{};
  conv.ic = s.ic, conv.oc = s.oc, conv.oh = s.oh(), conv.ow = s.ow();
  conv.ih = s.ih - 2, conv.iw = s.iw - 2;  // the kernel makes the padding itself
  if (winograd_is_back(form)) {
    std::swap(conv.ic, conv.oc);
    std::swap(conv.ih, conv.oh);
    std::swap(conv.iw, conv.ow);
  }
  const int tiles = ((conv.oh + axis.out - 1) / axis.out) * ((conv.ow + axis.out - 1) / axis.out);
  const int per_call = std::min(tiles, kTilesPerCall);
  conv.pad_top = conv.pad_left = 1, conv.form = form;
  conv.src_block = int64_t{conv.ih} * conv.iw * kLanes, conv.src_sample = blocks_of(conv.ic) * conv.src_block;
  conv.dst_block = int64_t{conv.oh} * conv.ow * kLanes, conv.dst_sample = blocks_of(conv.oc) * conv.dst_block;
  conv.weights_frequency = blocks_of(conv.oc) * conv.ic * kLanes;
  Floats src(conv.src_sample), dst(conv.dst_sample);
  Floats weights(int64_t{axis.weights} * axis.weights * conv.weights_frequency, 0.1f);
  Floats bias(blocks_of(conv.oc) * kLanes);
  Floats scratch(kernels().winograd_scratch(form, per_call, conv.ic, conv.oc));
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
  for (const ConvShape& s : shapes.convs)
    for (const Form& one : kForms) {
      if (s.kernel != 3 || s.stride != one.stride || s.ic < kLanes || s.small) continue;
      const std::string name = "winograd/" + s.name + "/" + one.name;
      benchmark::RegisterBenchmark(name.c_str(), winograd, s, one.form);
    }
}

}  // namespace cnnfast::bench
