// Pixels in lanes: the forward pass over images of few channels, from planes with their border of zeros. The
// other directions are the direct convolution's.
#include <memory>

#include "core/sizes.h"
#include "ops/conv/blocked.h"

namespace cnnfast {

namespace {

constexpr int64_t kPixelsTask = 1 << 18;  // multiply-adds

// The image in planes, one a channel, with its border of zeros.
Buffer spread_image(Builder& b, const Node& node, const ConvProblem& p, Buffer from) {
  const Image in = p.in, padded = of_padded_image(p).in;
  const Place src = place_of(b.source(node), in, in.c);
  const Padding pad = p.a.padding;
  const Buffer to = b.buffer(p.n * in.c * padded.pixels() + kPixelsSlack);
  b.step(node, "spread image", int64_t{p.n} * in.c, {from, to}, [=](const Context& c, int64_t task) {
    const int64_t sample = task / in.c, channel = task % in.c;
    const float* read = c.at(from) + sample * src.sample + channel / src.side * src.next + channel % src.side;
    float* const plane = c.at(to) + task * padded.pixels();
    std::fill_n(plane, padded.pixels(), 0.0f);
    for (int64_t y = 0; y < in.h; ++y, read += src.steps.row) {
      float* const row = plane + (y + pad.top) * padded.w + pad.left;
      if (src.steps.col == 1)
        std::copy_n(read, in.w, row);
      else
        for (int64_t x = 0; x < in.w; ++x) row[x] = read[x * src.steps.col];
    }
  });
  return to;
}

// Where the terms of an output lie, in the order of the kernel's rows.
std::vector<int32_t> offsets_of(const ConvProblem& p) {
  const Image padded = of_padded_image(p).in;
  std::vector<int32_t> offsets;
  for (int y = 0; y < p.a.kernel.h; ++y)
    for (int x = 0; x < p.a.kernel.w; ++x)
      for (int channel = 0; channel < p.in.c; ++channel)
        offsets.push_back((channel * padded.h + y * p.a.dilation.h) * padded.w + x * p.a.dilation.w);
  return offsets;
}

// The kernel in the user's order: a row for each term.
Buffer pack_weights(Builder& b, const Node& node, const ConvProblem& p, const ParamSource& kernel) {
  const int64_t taps = p.taps(), ic = p.in.c, oc = p.out.c;
  return b.pack(node, taps * ic * oc, {kernel, taps, ic, kLanes, [=](const PackRows& r) {
                                         for (int64_t tap = 0; tap < taps; ++tap) {
                                           const int64_t at = (tap * ic + r.begin) * oc;
                                           std::copy_n(r.from + at, (r.end - r.begin) * oc, r.to + at);
                                         }
                                       }});
}

void forward(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node& node = b.node(value);
  const Buffer weights = pack_weights(b, node, p, given.kernel);
  ConvPass pass = given;
  pass.from = spread_image(b, node, p, given.from);
  const Buffer planes = pass.from, to = pass.to;
  const Image padded = of_padded_image(p).in, out = p.pooled();
  const auto offsets = std::make_shared<const std::vector<int32_t>>(offsets_of(p));
  ConvPixels a{};
  a.src_row = int64_t{padded.w} * p.a.stride.h, a.dst_block = out.pixels() * kLanes;
  a.terms = static_cast<int32_t>(offsets->size()), a.oc = out.c, a.cols = out.w;
  a.activation = pass.activation, a.pool = pass.pool;
  const int64_t window = p.pools() ? 2 : 1, row = window * window * out.w * a.oc * a.terms;
  const int64_t some = std::clamp<int64_t>(kPixelsTask / row, 1, out.h), pieces = ceil_div(out.h, some);
  const int64_t src_sample = padded.pixels() * padded.c, dst_sample = blocks_of(out.c) * a.dst_block;
  b.step(node, pass.direction, p.n * pieces, pass.uses(weights),
         [=, bias = pass.bias, conv_pixels = b.k.conv_pixels](const Context& c, int64_t task) {
           const int64_t sample = task / pieces, y = task % pieces * some;
           ConvPixels one = a;
           one.src = c.at(planes) + sample * src_sample + y * window * a.src_row;
           one.dst = c.at(to) + sample * dst_sample + y * a.cols * kLanes;
           one.weights = c.at(weights), one.bias = bias ? c.values(bias) : nullptr;
           one.offsets = offsets->data();
           one.rows = static_cast<int32_t>(std::min<int64_t>(some, out.h - y));
           conv_pixels(one);
         })
      .info.algorithm = "pixels";
}

void backward_data(Builder& b, int value, const ConvProblem& p, const ConvPass& pass) {
  kConvBlockedAlgorithm.backward_data(b, value, p, pass);
}

std::string refuse(const ConvProblem& p) {
  if (p.a.transposed) return "it has no backward pass of its own, which a transposed convolution is";
  if (p.a.groups > 1) return "it takes one group, got " + std::to_string(p.a.groups);
  if (p.in.d > 1 || p.a.kernel.d > 1) return "it takes no volumes";
  if (p.a.stride.w > 1)
    return "neighbouring outputs must read neighbouring pixels, stride is " + std::to_string(p.a.stride.w);
  if (product(p.taps(), p.in.c) > kMostTaps)
    return "there are more than " + std::to_string(kMostTaps) + " terms";
  return "";
}

// It notes no winners down.
bool pools(const ConvAttrs&, WindowPool, bool differentiates) {
  return !differentiates;
}

double cost(const ConvProblem& p) {
  // Rows are padded to tiles. What is moved besides, the copy of the image and the turn of finished vectors,
  // takes the time of so many multiply-adds a number (Zen 4, AVX2, 2026-11: 64@224 of 3 channels 3.6 ms where
  // `blocked` takes 2.3, 8@96 of 5 x 5 and 3 channels .153 and .320).
  constexpr int kTile = 2 * kLanes, kMoved = 16;
  const double pixels = static_cast<double>(ceil_div(p.out.w, kTile)) * kTile * p.out.h;
  const double moved = static_cast<double>(p.out.pixels()) * blocks_of(p.out.c) * kLanes +
                       static_cast<double>(p.in.pixels()) * p.in.c;
  return p.n * (pixels * p.out.c * p.in.c * p.taps() / 0.85 + kMoved * moved);
}

}  // namespace

const ConvAlgorithm kConvPixelsAlgorithm{"pixels", Layout::blocked, true,          refuse,
                                         cost,     forward,         backward_data, blocked_backward_weights,
                                         nullptr,  false,           pools};

}  // namespace cnnfast
