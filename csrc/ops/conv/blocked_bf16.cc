// Channels in lanes over bfloat16: the direct convolution of blocked.cc on images and weights rounded to
// bfloat16, summed in float32. Activations, gradients and parameters stay float32; a step of its own rounds
// what a convolution reads. Forward and backward-data pair neighbouring channels, the gradient of the weights
// pairs samples: in either every tap of any stride finds its pairs where the image lies.
#include <memory>

#include "ops/conv/blocked.h"
#include "ops/conv/pack.h"
#include "ops/conv/weight_pieces.h"

namespace cnnfast {

namespace {

constexpr int kFewestChannels = 16;
constexpr int kPairs = kLanes / 2;             // of a pixel's block of channels
constexpr ChannelTaps kKernelPositions{1, 0};  // the kernels walk the channels

// Floats of a sample, whose blocks of sixteen channels lie one after another.
int64_t sample_floats(const Image& image) {
  return blocks_of(image.c) * image.pixels() * kLanes;
}

// ---- Forward and backward-data ----

// What they have in common.
struct Pass : ConvPass {
  Image src, dst;
  int ic, oc;  // of a group, as this direction sees them
  bool transposed;
  Rects rects;
};

Buffer rounded(Builder& b, const Node& node, Buffer from, const Image& image) {
  const int64_t floats = b.rows(node) * sample_floats(image);
  const Buffer to = b.buffer(ceil_div(floats, 2));
  const auto round = b.k.bf16.round;
  b.step(node, "round", flat_tasks(floats), {from, to}, [=](const Context& c, int64_t task) {
    const int64_t at = task * kFlatTask;
    round(c.at(from) + at, c.as<uint16_t>(to) + at, flat_size(floats, task));
  });
  return to;
}

// One tap and one block of outputs ("lanes"), from its first weight on, to [pairs of inputs][16].
void pack_tap(const Bf16Kernels& k, const float* from, int64_t row, int pairs, int64_t lanes, uint32_t* to) {
  for (int pair = 0; pair < pairs; ++pair, from += 2 * row, to += kLanes) k.pair(from, from + row, to, lanes);
}

// The same where a lane's inputs lie side by side; `inputs` has room for them.
void pack_tap_transposed(const Bf16Kernels& k, const float* from, int64_t row, int pairs, int64_t lanes,
                         uint32_t* to, uint32_t* inputs) {
  for (int64_t lane = 0; lane < lanes; ++lane, from += row) {
    k.round(from, reinterpret_cast<uint16_t*>(inputs), 2 * pairs);
    for (int pair = 0; pair < pairs; ++pair) to[pair * kLanes + lane] = inputs[pair];
  }
}

// Rounds the kernel to [groups][blocks of sixteen outputs][taps][pairs of inputs][16], zero padded.
Buffer pack_weights(Builder& b, const Node& node, const ConvProblem& p, const Pass& pass) {
  const int taps = p.taps(), pairs = pass.ic / 2;
  const int64_t tap_words = int64_t{pairs} * kLanes, blocks = blocks_of(pass.oc);
  const KernelSteps steps(p, pass.transposed);
  const bool transposed = pass.transposed;
  const Bf16Kernels k = b.k.bf16;
  const auto pack = [=](const PackBlock& one) {
    const float* from = one.from + one.begin * steps.input;
    uint32_t* to = reinterpret_cast<uint32_t*>(one.to) + (one.group * blocks + one.block) * taps * tap_words +
                   one.begin / 2 * kLanes;
    const int some = (one.end - one.begin) / 2;
    for (int tap = 0; tap < taps; ++tap, from += steps.tap, to += tap_words)
      if (transposed)
        pack_tap_transposed(k, from, steps.output, some, one.lanes, to,
                            reinterpret_cast<uint32_t*>(one.scratch));
      else
        pack_tap(k, from, steps.input, some, one.lanes, to);
  };
  return pack_blocks(b, node, p, pass.kernel, transposed, p.a.groups * blocks * taps * tap_words, pack,
                     pairs);
}

void lower(Builder& b, const Node& node, const ConvProblem& p, Pass pass) {
  const Buffer from = pass.from, to = pass.to, residual = pass.residual;
  const Buffer packed = pack_weights(b, node, p, pass);
  const auto rects = std::make_shared<Rects>(std::move(pass.rects));
  const Pieces pieces = cut_rows(*rects, pass.ic, p.taps());
  const int64_t n_pieces = static_cast<int64_t>(pieces.size()), groups = p.a.groups;
  const int64_t blocks = blocks_of(pass.oc), parts = ceil_div(blocks, kBlockTask);
  ConvBf16 a{};
  a.src_block = pass.src.pixels() * kPairs, a.dst_block = pass.dst.pixels() * kLanes;
  a.pairs = pass.ic / 2, a.all_taps = p.taps();
  a.activation = pass.activation;
  const int64_t block_words = int64_t{a.all_taps} * a.pairs * kLanes;
  const int64_t src_sample = sample_floats(pass.src) / 2, dst_sample = sample_floats(pass.dst);
  const int64_t src_group = pass.ic / kLanes * a.src_block;  // more than one group: whole blocks
  const ParamSource bias = pass.bias;
  const int oc = pass.oc;
  const auto conv = b.k.bf16.conv;
  // Where a task's weights begin.
  const auto weights_of = [=](const Context& c, int64_t task) {
    const int64_t part = task / n_pieces;
    return c.as<uint32_t>(packed) +
           (part / parts % groups * blocks + part % parts * kBlockTask) * block_words;
  };
  Step& step =
      b.step(node, pass.direction, p.n * groups * parts * n_pieces, pass.uses(packed),
             [=, rects = rects](const Context& c, int64_t task) {
               const int64_t at = task % n_pieces, part = task / n_pieces % parts;
               const int64_t g = task / n_pieces / parts % groups, sample = task / n_pieces / parts / groups;
               const int64_t block = part * kBlockTask;
               ConvBf16 one = a;
               one.src = c.as<uint32_t>(from) + sample * src_sample + g * src_group;
               one.weights = weights_of(c, task), one.next_weights = weights_of(c, task + 1);
               one.bias = bias ? c.values(bias) + g * oc + block * kLanes : nullptr;
               const int64_t dst_at = sample * dst_sample + (g * blocks + block) * a.dst_block;
               one.dst = c.at(to) + dst_at;
               one.residual = residual ? c.at(residual) + dst_at : nullptr;
               one.oc = static_cast<int32_t>(std::min<int64_t>(kBlockTask * kLanes, oc - block * kLanes));
               const std::vector<Rect>& piece = pieces[static_cast<size_t>(at)];
               one.rects = piece.data(), one.n_rects = static_cast<int32_t>(piece.size());
               conv(one);
             });
  step.info.algorithm = kConvBf16Algorithm.name;
}

void forward(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node &node = b.node(value), &source = b.source(node);
  ConvPass read = given;
  if (skips_pixels(p, source)) {
    read.from = gather_pixels(b, node, p, given.from);
    return forward(b, value, of_read_pixels(p), read);
  }
  // Convolutions of one source share its rounded copy.
  Buffer own;
  const bool shared = given.from.id == b.output(node.inputs[0]).id;
  Buffer& copy = shared ? b.saved(node.inputs[0], "bfloat16") : own;
  if (!copy) copy = rounded(b, node, given.from, p.in);
  read.from = copy;
  Pass pass{read, p.in, p.out, p.ic(), p.oc(), false, {}};
  pass.rects = forward_rects(p.axes(), {p.in, kPairs}, {p.out, kLanes}, kKernelPositions);
  lower(b, node, p, std::move(pass));
}

void backward_data(Builder& b, int value, const ConvProblem& p, const ConvPass& given) {
  const Node& node = b.node(value);
  ConvPass read = given;
  if (skips_pixels(p, b.source(node))) {
    read.to = b.buffer(p.n * blocks_of(p.in.c) * p.out.pixels() * kLanes), read.residual = {};
    backward_data(b, value, of_read_pixels(p), read);
    return scatter_pixels(b, node, p, read.to, given);
  }
  read.from = rounded(b, node, given.from, p.out);
  Pass pass{read, p.out, p.in, p.oc(), p.ic(), true, {}};
  pass.rects = backward_data_rects(p.axes(), {p.out, kPairs}, {p.in, kLanes}, kKernelPositions);
  lower(b, node, p, std::move(pass));
}

// ---- Backward-weights ----

// Pairs of samples; the last of an odd batch is paired with zeros.
Buffer paired(Builder& b, const Node& node, Buffer from, const Image& image) {
  const int64_t n = b.rows(node), pairs = ceil_div(n, 2), sample = sample_floats(image),
                tasks = flat_tasks(sample);
  const Buffer to = b.buffer(pairs * sample);
  const auto pair = b.k.bf16.pair;
  b.step(node, "pair samples", pairs * tasks, {from, to}, [=](const Context& c, int64_t task) {
    const int64_t at = task % tasks * kFlatTask, first = task / tasks * 2;
    const float* low = c.at(from) + first * sample + at;
    pair(low, first + 1 < n ? low + sample : nullptr, c.as<uint32_t>(to) + task / tasks * sample + at,
         flat_size(sample, task % tasks));
  });
  return to;
}

void backward_weights(Builder& b, int value, const ConvProblem& p, Buffer src, Buffer grad_out) {
  if (p.n == 1) return blocked_backward_weights(b, value, p, src, grad_out);  // there is no pair
  const Node& node = b.node(value);
  if (skips_pixels(p, b.source(node)))
    return backward_weights(b, value, of_read_pixels(p), gather_pixels(b, node, p, src), grad_out);
  const Buffer from = paired(b, node, src, p.in), grad = paired(b, node, grad_out, p.out);
  const auto rects =
      std::make_shared<Rects>(forward_rects(p.axes(), {p.in, kLanes}, {p.out, kLanes}, kKernelPositions));
  ConvBf16Wgrad a{};
  a.src_block = p.in.pixels() * kLanes, a.dst_block = p.out.pixels() * kLanes;
  const int64_t src_sample = sample_floats(p.in), dst_sample = sample_floats(p.out);
  const int64_t src_group = p.ic() / kLanes * a.src_block;
  const auto wgrad = b.k.bf16.conv_wgrad;
  sum_weight_gradient(b, node, p, kConvBf16Algorithm.name, {ceil_div(p.n, 2), true, false}, {from, grad},
                      [=](const Context& c, const WeightTask& task) {
                        ConvBf16Wgrad one = a;
                        one.ic = task.ins, one.blocks = static_cast<int32_t>(task.blocks);
                        one.grad_weights = task.sums, one.grad_bias = task.bias(),
                        one.grad_block = task.block_floats;
                        std::fill_n(task.sums, task.blocks * task.block_floats, 0.0f);
                        const int64_t src_at = task.group * src_group + task.first_in / kLanes * a.src_block;
                        for (int64_t pair = task.begin; pair < task.end; ++pair) {
                          one.src = c.as<uint32_t>(from) + pair * src_sample + src_at;
                          one.grad_dst = c.as<uint32_t>(grad) + pair * dst_sample + task.block * a.dst_block;
                          for (const Rect& rect : rects->rects) {
                            one.rect = rect;
                            wgrad(one);
                          }
                        }
                      });
}

// ---- The planner's view ----

bool reads_rounded(const Builder& b, int value, int reader) {
  const Node& node = b.node(reader);
  const auto* conv = node.as<ConvAttrs>();
  return conv && conv->algorithm == kConvBf16Algorithm.name && !conv->transposed && node.inputs[0] == value &&
         !skips_pixels(conv_problem(b.node(value), node, b.n), b.node(value));
}

std::string refuse(const ConvProblem& p) {
  if (p.precision != Precision::fast) return "only the precision class \"fast\" allows bfloat16";
  if (std::min(p.ic(), p.oc()) < kFewestChannels || p.ic() % 2 || p.oc() % 2)
    return "a group must have an even number of channels, at least 16, on both sides, has " +
           std::to_string(p.ic()) + " and " + std::to_string(p.oc());
  return kConvBlockedAlgorithm.refuse(p);
}

double cost(const ConvProblem& p) {
  // Where a pair is taken apart, a layer takes 1.0 to 1.8 times as long as in float32 (Zen 3, AVX2, 2026-11):
  // there it is chosen only where tuning measured it to be faster. Rounding reads and writes each element
  // once: from the caches, some six multiply-adds. Training rounds both images twice in three passes.
  constexpr double kTakenApart = 1.4, kRound = 6;
  const double direct = kConvBlockedAlgorithm.cost(p);
  if (!p.native_bf16) return direct * kTakenApart;
  const int64_t in = sample_floats(p.in), out = sample_floats(p.out);
  const double elements = p.training ? static_cast<double>(in + out) * 2 / 3 : static_cast<double>(in);
  return direct / 2 + kRound * p.n * elements;
}

double weights_cost(const ConvProblem& p) {
  return p.n == 1 ? kConvBlockedAlgorithm.cost(p) : cost(p);
}

}  // namespace

bool is_read_in_bf16(const Builder& b, int value) {
  const std::vector<int> readers = b.readers(value);
  return !b.differentiates() && !readers.empty() &&
         std::all_of(readers.begin(), readers.end(), [&](int i) { return reads_rounded(b, value, i); }) &&
         std::adjacent_find(readers.begin(), readers.end()) == readers.end();
}

const ConvAlgorithm kConvBf16Algorithm{"blocked_bf16", Layout::blocked,  false,        refuse, cost, forward,
                                       backward_data,  backward_weights, weights_cost, true};

}  // namespace cnnfast
