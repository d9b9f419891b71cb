// A normalization behind a convolution, by statistics that are known: it scales the kernel of each output
// channel and moves its bias. Both are made when kernels are packed, so that a change of any weight is seen.
#include <cmath>

#include "ops/conv/conv.h"

namespace cnnfast {

namespace {

constexpr int64_t kChannelTask = 256;

struct Parameters {
  float epsilon;
  ParamPlace bias, gamma, beta, mean, variance;
  Parameters(const Builder& b, const Node& node) {
    const ConvAttrs& attrs = *node.as<ConvAttrs>();
    epsilon = attrs.norm->epsilon;
    auto next = node.params.begin() + 1;
    if (attrs.use_bias) bias = b.place(*next++);
    if (attrs.norm->scale) gamma = b.place(*next++);
    if (attrs.norm->center) beta = b.place(*next++);
    mean = b.place(*next++), variance = b.place(*next);
  }
  double scale(const Context& c, int64_t channel) const {
    const double rate = 1 / std::sqrt(double{c.values(variance)[channel]} + epsilon);
    return gamma ? rate * c.values(gamma)[channel] : rate;
  }
  double shift(const Context& c, int64_t channel, double scale) const {
    const double from = bias ? c.values(bias)[channel] : 0.0, to = beta ? c.values(beta)[channel] : 0.0;
    return (from - c.values(mean)[channel]) * scale + to;
  }
};

// A row of the kernel: the output channels of all groups side by side, or, transposed, one of each group,
// the same one for all of the group's inputs.
void scale_row(const float* from, const float* scales, const ConvProblem& p, bool transposed, int64_t row,
               float* to) {
  if (!transposed)
    for (int channel = 0; channel < p.out.c; ++channel) to[channel] = from[channel] * scales[channel];
  else
    for (int input = 0; input < p.out.c; ++input)
      to[input] = from[input] * scales[input / p.oc() * p.ic() + row % p.ic()];
}

}  // namespace

void fold_norm(Builder& b, const Node& node, const ConvProblem& p, ConvPass& pass) {
  const Parameters of(b, node);
  const int64_t channels = node.image().c, rows = int64_t{p.taps()} * p.ic(), columns = p.out.c;
  const Buffer scales = b.buffer(channels), bias = b.persistent(blocks_of(node.image().c) * kLanes);
  b.step(node, "fold normalization", ceil_div(channels, kChannelTask), {scales, bias},
         [=](const Context& c, int64_t task) {
           const int64_t begin = task * kChannelTask, end = std::min(channels, begin + kChannelTask);
           for (int64_t channel = begin; channel < end; ++channel) {
             const double scale = of.scale(c, channel);
             c.at(scales)[channel] = static_cast<float>(scale);
             c.at(bias)[channel] = static_cast<float>(of.shift(c, channel, scale));
           }
         })
      .packs = true;
  const Buffer kernel = b.buffer(rows * columns);
  const int64_t some = std::max<int64_t>(1, kFlatTask / columns);
  b.step(node, "scale weights", ceil_div(rows, some), {scales, kernel},
         [=, from = pass.kernel, transposed = node.as<ConvAttrs>()->transposed](const Context& c,
                                                                                int64_t task) {
           for (int64_t row = task * some; row < std::min(rows, (task + 1) * some); ++row)
             scale_row(c.values(from) + row * columns, c.at(scales), p, transposed, row,
                       c.at(kernel) + row * columns);
         })
      .packs = true;
  pass.kernel.made = kernel;
  pass.bias = {pass.bias.param, bias};
}

}  // namespace cnnfast
