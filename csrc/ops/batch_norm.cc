// Batch normalization. Values are seen as runs of pixels of sixteen lanes: channels, or samples where these
// are in the lanes. One pass takes every run's mean and squares, a few sums make them the channels', a second
// pass scales, shifts, adds what a pass over the graph joined, and activates; two passes go back. Sums run in
// the order of the runs, so that they do not depend on threads.
#include "ops/batch_norm.h"

#include <cmath>

#include "ops/op.h"

namespace cnnfast {

namespace {

// In the user's order a run is at most so many rows, so that few samples make tasks enough.
constexpr int64_t kRowsOfRun = 512;

// How a value is cut into runs; `groups` vectors of sixteen numbers go with its channels.
struct Runs {
  int64_t groups, parts;  // a group's runs: run r is part r / groups of group r % groups
  int64_t pixels, last;   // of a part, and of the last one
  int64_t step;           // from pixel to pixel
  int channels;
  Layout layout;

  int64_t count() const { return groups * parts; }
  int64_t group(int64_t run) const { return run % groups; }
  int64_t pixels_of(int64_t run) const { return run / groups == parts - 1 ? last : pixels; }
  int64_t at(int64_t run) const {
    const int64_t part = run / groups;
    return layout == Layout::plain ? part * pixels * step + group(run) * kLanes : run * pixels * kLanes;
  }
  LaneRun lane_run(int64_t run) const {
    const int64_t left = channels - group(run) * kLanes;
    const bool some = layout == Layout::plain && left < kLanes;
    return {pixels_of(run), step, static_cast<int32_t>(some ? left : kLanes)};
  }
  // Where in the vectors a channel's number stands; where samples are lanes, all of a vector are one's.
  int64_t place(int channel) const { return layout == Layout::lanes ? channel * kLanes : channel; }
  int64_t copies() const { return layout == Layout::lanes ? kLanes : 1; }
};

Runs runs_of(const Node& node, int n) {
  const int64_t rows = rows_of(node, n);
  if (node.layout == Layout::plain) {  // channels last
    const int64_t channels = node.dims.back(), all = rows * (node.elems() / channels);
    const int64_t parts = ceil_div(all, kRowsOfRun), pixels = std::min(all, kRowsOfRun);
    return {ceil_div(channels, kLanes), parts,        pixels, all - (parts - 1) * pixels, channels,
            static_cast<int>(channels), Layout::plain};
  }
  const Image image = node.image();
  const bool lanes = node.layout == Layout::lanes;
  const int64_t groups = lanes ? image.c : ceil_div(image.c, kLanes);
  return {groups,     lanes ? ceil_div(rows, kLanes) : rows, image.pixels(), image.pixels(), kLanes, image.c,
          node.layout};
}

// Vectors that a normalization makes of its parameters and statistics, one after the other in a buffer.
enum Vector { kMean, kRate, kScale, kShift, kOfSrc, kConstant, kVectors };

struct Vectors {
  Buffer buffer;
  int64_t floats;  // of one
  float* at(const Context& c, Vector which, int64_t group = 0) const {
    return c.at(buffer) + which * floats + group * kLanes;
  }
  // What stands in lanes of no channel.
  void clear_pads(const Context& c, const Runs& runs) const {
    const int64_t end = runs.place(runs.channels - 1) + runs.copies();
    for (int which = 0; which < kVectors; ++which)
      std::fill(at(c, static_cast<Vector>(which)) + end, at(c, static_cast<Vector>(which)) + floats, 0.0f);
  }
  void set(const Context& c, Vector which, const Runs& runs, int channel, float value) const {
    std::fill_n(at(c, which) + runs.place(channel), runs.copies(), value);
  }
  float get(const Context& c, Vector which, const Runs& runs, int channel) const {
    return at(c, which)[runs.place(channel)];
  }
};

// Merges what was counted apart, as Chan, Golub and LeVeque 1983 do.
struct Moments {
  double count = 0, mean = 0, m2 = 0;
  void add(double n, double other_mean, double other_m2) {
    const double delta = other_mean - mean, all = count + n;
    mean += delta * (n / all);
    m2 += other_m2 + delta * delta * (count * (n / all));
    count = all;
  }
};

Moments channel_moments(const Runs& runs, const float* partial, int channel) {
  Moments all;
  const int64_t group = runs.place(channel) / kLanes, first = runs.place(channel) % kLanes;
  for (int64_t part = 0; part < runs.parts; ++part) {
    const int64_t run = part * runs.groups + group;
    const float* const of = partial + run * 2 * kLanes;
    for (int64_t lane = first; lane < first + runs.copies(); ++lane)
      all.add(static_cast<double>(runs.pixels_of(run)), of[lane], of[kLanes + lane]);
  }
  return all;
}

// The sums over all runs of a channel.
double channel_sum(const Runs& runs, const float* partial, int channel) {
  double all = 0;
  const int64_t group = runs.place(channel) / kLanes, first = runs.place(channel) % kLanes;
  for (int64_t part = 0; part < runs.parts; ++part)
    for (int64_t lane = first; lane < first + runs.copies(); ++lane)
      all += partial[(part * runs.groups + group) * 2 * kLanes + lane];
  return all;
}

// What the forward pass needs to know of a channel.
void set_scale(const Context& c, const NormParams& p, const Vectors& v, const Runs& runs, int channel,
               double mean, double variance, double epsilon) {
  if (channel == runs.channels - 1) v.clear_pads(c, runs);
  const double rate = 1 / std::sqrt(variance + epsilon);
  const double scale = rate * (p.gamma ? c.values(p.gamma)[channel] : 1.0);
  v.set(c, kMean, runs, channel, static_cast<float>(mean));
  v.set(c, kRate, runs, channel, static_cast<float>(rate));
  v.set(c, kScale, runs, channel, static_cast<float>(scale));
  v.set(c, kShift, runs, channel,
        static_cast<float>((p.beta ? c.values(p.beta)[channel] : 0.0) - mean * scale));
}

// Channels that one task takes.
constexpr int kSomeChannels = 64;

template <class Body>
Step& step_of_channels(Builder& b, const Node& node, const char* direction, const Runs& runs,
                       std::vector<Buffer> uses, Body body) {
  return b.step(node, direction, ceil_div(runs.channels, kSomeChannels), std::move(uses),
                [=, channels = runs.channels](const Context& c, int64_t task) {
                  const int begin = static_cast<int>(task) * kSomeChannels;
                  for (int channel = begin; channel < std::min(channels, begin + kSomeChannels); ++channel)
                    body(c, channel);
                });
}

void lower_batch_statistics(Builder& b, const Node& node, const NormParams& p, const Vectors& v,
                            Buffer from) {
  const BatchNormAttrs attrs = *node.as<BatchNormAttrs>();
  const Runs runs = runs_of(node, b.n);
  const Buffer partial = b.buffer(runs.count() * 2 * kLanes);
  const auto moments = b.k.moments;
  b.step(node, "moments", runs.count(), {from, partial}, [=](const Context& c, int64_t run) {
    float* const to = c.at(partial) + run * 2 * kLanes;
    moments(runs.lane_run(run), c.at(from) + runs.at(run), to, to + kLanes);
  });
  const bool moves = b.mode == Mode::train;
  step_of_channels(b, node, "statistics", runs, {partial, v.buffer}, [=](const Context& c, int channel) {
    const Moments m = channel_moments(runs, c.at(partial), channel);
    const double variance = m.m2 / m.count;
    set_scale(c, p, v, runs, channel, m.mean, variance, attrs.epsilon);
    if (!moves) return;
    const auto move = [&](float* moving, double value) {
      *moving = static_cast<float>(attrs.momentum * *moving + (1.0 - attrs.momentum) * value);
    };
    move(c.values(p.mean) + channel, m.mean);
    move(c.values(p.variance) + channel, variance);
  });
}

// What a pass over the runs reads and writes, besides gradients.
struct Pass {
  Activation activation;
  Runs runs;
  Vectors v;
  Buffer from, addend, out;  // the last two: or none

  std::vector<Buffer> uses(std::vector<Buffer> more) const {
    for (const Buffer used : {from, v.buffer, addend, out})
      if (used) more.push_back(used);
    return more;
  }
  Normalization at(const Context& c, int64_t run) const {
    const int64_t at = runs.at(run), group = runs.group(run);
    return {activation,
            c.at(from) + at,
            v.at(c, kScale, group),
            v.at(c, kShift, group),
            addend ? c.at(addend) + at : nullptr,
            out ? c.at(out) + at : nullptr};
  }
};

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const NormParams p = norm_params(b, node);
  const Runs runs = runs_of(node, b.n);
  const Buffer from = b.output(node.inputs[0]);
  const Buffer addend = node.inputs.size() > 1 ? b.output(node.inputs[1]) : Buffer{};
  // What predictions scale by is made of weights alone: once for many, as packed weights are.
  const bool keeps = !b.differentiates();
  const int64_t floats = runs.groups * kLanes;
  const Vectors v{
      b.saved(value, "vectors") = keeps ? b.persistent(kVectors * floats) : b.buffer(kVectors * floats),
      floats};
  if (sees_batch(b, node, p)) {
    lower_batch_statistics(b, node, p, v, from);
  } else {
    const double epsilon = node.as<BatchNormAttrs>()->epsilon;
    step_of_channels(b, node, "statistics", runs, {v.buffer}, [=](const Context& c, int channel) {
      set_scale(c, p, v, runs, channel, c.values(p.mean)[channel], c.values(p.variance)[channel], epsilon);
    }).packs = keeps;
  }
  const Pass pass{node.activation, runs, v, from, addend, b.output(value)};
  b.step(node, "forward", runs.count(), pass.uses({}),
         [=, normalize = b.k.normalize](const Context& c, int64_t run) {
           normalize(runs.lane_run(run), pass.at(c, run));
         });
}

// The gradients of gamma and beta, and by what the other gradients reach the source.
void lower_gradient_sums(Builder& b, const Node& node, const NormParams& p, const Vectors& v,
                         Buffer partial) {
  const Runs runs = runs_of(node, b.n);
  const bool batch = sees_batch(b, node, p);
  const auto trained = [&](ParamPlace place) { return place && b.trainable(place.position); };
  const bool gamma = trained(p.gamma), beta = trained(p.beta), mean = trained(p.mean),
             variance = trained(p.variance);
  step_of_channels(b, node, "backward sums", runs, {partial, v.buffer}, [=](const Context& c, int channel) {
    const double sum = channel_sum(runs, c.at(partial), channel);
    const double rate = v.get(c, kRate, runs, channel), scale = v.get(c, kScale, runs, channel);
    const double product = channel_sum(runs, c.at(partial) + kLanes, channel) * rate;
    if (gamma) c.grad(p.gamma)[channel] = static_cast<float>(product);
    if (beta) c.grad(p.beta)[channel] = static_cast<float>(sum);
    if (mean) c.grad(p.mean)[channel] = 0;  // which no gradient moves
    if (variance) c.grad(p.variance)[channel] = 0;
    const double count = static_cast<double>(((runs.parts - 1) * runs.pixels + runs.last) * runs.copies());
    const double of_src = batch ? -scale * rate * product / count : 0;
    const double constant = batch ? -scale * sum / count - of_src * v.get(c, kMean, runs, channel) : 0;
    v.set(c, kOfSrc, runs, channel, static_cast<float>(of_src));
    v.set(c, kConstant, runs, channel, static_cast<float>(constant));
  });
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const NormParams p = norm_params(b, node);
  const Runs runs = runs_of(node, b.n);
  const bool adds = node.inputs.size() > 1, activates = node.activation != Activation::none;
  const bool told_from_src =
      !adds && (node.activation == Activation::relu || node.activation == Activation::relu6);
  Buffer grad = b.grad(value);
  const Vectors v{b.saved(value, "vectors"), runs.groups * kLanes};
  Pass pass{node.activation, runs, v, b.output(node.inputs[0]), {}, {}};
  if (activates && !told_from_src) pass.out = b.output(value);
  // What was added has the gradient before the activation, and then the second pass reads that.
  const Buffer inside = adds && activates ? b.buffer(floats_of(node, b.n)) : Buffer{};
  const Buffer partial = b.buffer(runs.count() * 2 * kLanes);
  std::vector<Buffer> uses = pass.uses({grad, partial});
  if (inside) uses.push_back(inside);
  b.step(node, "backward moments", runs.count(), std::move(uses),
         [=, sums = b.k.normalize_sums](const Context& c, int64_t run) {
           const int64_t at = runs.at(run);
           float* const to = c.at(partial) + run * 2 * kLanes;
           sums(runs.lane_run(run), pass.at(c, run), c.at(grad) + at, pass.v.at(c, kMean, runs.group(run)),
                inside ? c.at(inside) + at : nullptr, to, to + kLanes);
         });
  lower_gradient_sums(b, node, p, pass.v, partial);
  if (inside) grad = inside, pass.activation = Activation::none, pass.out = {};
  if (adds && b.needs_grad(node.inputs[1])) b.share_grad(node.inputs[1], grad);
  if (!b.needs_grad(node.inputs[0])) return;
  const Buffer to = b.new_grad_in_place(node.inputs[0]);
  b.step(node, "backward", runs.count(), pass.uses({grad, to}),
         [=, normalize_grad = b.k.normalize_grad](const Context& c, int64_t run) {
           const int64_t at = runs.at(run), group = runs.group(run);
           const NormalizeGrad by{pass.v.at(c, kScale, group), pass.v.at(c, kOfSrc, group),
                                  pass.v.at(c, kConstant, group)};
           normalize_grad(runs.lane_run(run), pass.at(c, run), c.at(grad) + at, by, c.at(to) + at);
         });
}

}  // namespace

NormParams norm_params(const Builder& b, const Node& node) {
  const auto& attrs = *node.as<BatchNormAttrs>();
  NormParams params;
  size_t next = 0;
  if (attrs.scale) params.gamma = b.place(node.params[next++]);
  if (attrs.center) params.beta = b.place(node.params[next++]);
  params.mean = b.place(node.params[next++]);
  params.variance = b.place(node.params[next]);
  return params;
}

bool sees_batch(const Builder& b, const Node& node, const NormParams& p) {
  if (node.as<BatchNormAttrs>()->moving) return false;
  if (b.mode != Mode::train && b.mode != Mode::vjp_training) return false;
  const bool frozen = (p.gamma || p.beta) && !(p.gamma && b.trainable(p.gamma.position)) &&
                      !(p.beta && b.trainable(p.beta.position));
  return !frozen;
}

const Op kBatchNormOp{"batch normalization", forward, backward, true};

}  // namespace cnnfast
