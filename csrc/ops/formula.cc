// Formulas over broadcast values. Gradients of values that were broadcast are summed over the axes that these
// lack, in parts that follow from shapes alone.
#include "ops/formula.h"

#include <algorithm>

#include "formula/run.h"
#include "ops/op.h"

namespace cnnfast {

namespace {

FormulaSpace space_of(const Node& node, int rows) {
  FormulaSpace space;
  if (node.layout == Layout::plain) {
    space.axes = {rows};
    space.axes.insert(space.axes.end(), node.dims.begin(), node.dims.end());
    return space;
  }
  const Image i = node.image();
  const bool blocked = node.layout == Layout::blocked;
  if (blocked)
    space.axes = {rows, ceil_div(i.c, kLanes), i.d, i.h, i.w, kLanes};
  else
    space.axes = {ceil_div(rows, kLanes), i.c, i.d, i.h, i.w, kLanes};
  space.blocks = blocked ? 1 : 0;
  space.lanes = blocked ? i.c : rows;
  return space;
}

FormulaView view_of(const Node& out, const Node& src, int rows) {
  if (out.layout == Layout::plain) return {plain_strides(out, src)};
  const bool blocked = out.layout == Layout::blocked;
  if (src.layout == out.layout) {
    const Image i = src.image();
    const auto along = [](int64_t size, int64_t stride) { return size > 1 ? stride : 0; };
    const int64_t plane = i.pixels() * kLanes, outer = blocked ? ceil_div(i.c, kLanes) : i.c;
    return {{outer * plane, along(i.c, plane), along(i.d, int64_t{i.h} * i.w * kLanes),
             along(i.h, i.w * kLanes), along(i.w, kLanes), blocked ? along(i.c, 1) : along(rows, 1)}};
  }
  // A source in the user's order, by the output's axes: rows, channels, depth, height, width.
  const std::vector<int64_t> plain = plain_strides(out, src);
  const size_t first = out.format == DataFormat::channels_first ? 2 : 1, spatial = out.dims.size() - 1;
  const int64_t channel = plain[first == 2 ? 1 : out.dims.size()];
  int64_t image[3] = {0, 0, 0};
  for (size_t i = 0; i < spatial; ++i) image[3 - spatial + i] = plain[first + i];
  const int64_t lane = blocked ? channel : plain[0];
  return {{blocked ? plain[0] : kLanes * plain[0], blocked ? kLanes * channel : channel, image[0], image[1],
           image[2], lane},
          lane != 0};
}

RandomLanes random_of(const Node& node) {
  RandomLanes random{};
  random.elems = node.elems();
  if (node.layout == Layout::plain) return random;
  const Image image = node.image();
  random.elems = image.pixels();
  random.lane_is = node.layout == Layout::blocked ? 1 : 2;
  random.planes = random.lane_is == 1 ? ceil_div(image.c, kLanes) : image.c;
  return random;
}

// Results of so many floats are stored past the caches, which would not hold them until someone reads them.
constexpr int64_t kStreamed = int64_t{8} << 20;

// One step: what `formula` makes of the buffers, over the node's output.
void run_step(Builder& b, const Node& node, const char* direction, const Formula& formula,
              const std::vector<FormulaView>& views, const std::vector<Buffer>& from,
              const std::vector<Buffer>& to) {
  const FormulaSpace space = space_of(node, b.rows(node));
  const auto run = std::make_shared<FormulaRun>(formula, space, views, space.size() >= kStreamed);
  std::vector<Buffer> uses = to;
  std::vector<Buffer> read(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    if (run->reads(static_cast<int>(i))) uses.push_back(read[i] = from[i]);
  const int rows = node.rows;
  Step& step = b.step(node, direction, flat_tasks(run->size()), uses,
                      [=, &k = b.k, random = random_of(node)](const Context& c, int64_t task) {
                        const float* inputs[kMostPlaces];
                        float* outputs[kMostPlaces];
                        for (size_t i = 0; i < read.size(); ++i)
                          inputs[i] = read[i] ? c.at(read[i]) : nullptr;
                        for (size_t i = 0; i < to.size(); ++i) outputs[i] = c.at(to[i]);
                        RandomLanes numbers = random;
                        numbers.sample = static_cast<int32_t>(c.run.first_sample * rows);
                        numbers.step = static_cast<uint32_t>(c.run.step);
                        numbers.seed = c.run.seed;
                        run->run(k, inputs, outputs, task * kFlatTask, flat_size(run->size(), task),
                                 c.scratch, numbers);
                      });
  step.scratch = run->scratch();
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  std::vector<FormulaView> views;
  std::vector<Buffer> from;
  for (const int src : node.inputs) {
    views.push_back(view_of(node, b.node(src), b.rows(node)));
    from.push_back(b.output(src));
  }
  run_step(b, node, "forward", node.as<FormulaAttrs>()->formula, views, from, {b.output(value)});
}

constexpr int64_t kPart = 65536;  // floats that are summed in one go, at least
constexpr int64_t kMostParts = 64;

// Adds floats of [begin, begin + n) of the space to those of a source that they come from.
void add_back(const KernelTable& k, const FormulaSpace& space, const FormulaView& view, const float* from,
              int64_t begin, int64_t n, float* to, float* scratch) {
  FormulaWalk walk(space, view, begin);
  from += begin;
  while (n > 0) {
    const FormulaWalk::Run run = walk.next(std::min(n, kFlatTask));
    const float* row = from;
    if (run.repeats > 1) {
      k.sum_rows(from, run.repeats, run.run, scratch, run.run);
      row = scratch;
    }
    float* at = to + run.at;
    if (run.stride == 1) {
      k.add(at, row, at, run.count);
    } else if (run.stride == 0) {
      float total[kLanes] = {};
      for (int64_t i = 0; i < run.count; ++i) total[i % kLanes] += row[i];
      for (const float part : total) *at += part;
    } else {
      for (int64_t i = 0; i < run.count; ++i) at[i * run.stride] += row[i];
    }
    from += run.run * run.repeats, n -= run.run * run.repeats;
  }
}

// The gradient of a broadcast source: `from` lies as the node's output.
void sum_back(Builder& b, const Node& node, int src, Buffer from) {
  const Node& source = b.node(src);
  const Buffer to = b.new_grad(src);
  const FormulaSpace space = space_of(node, b.rows(node));
  const FormulaView view = view_of(node, source, b.rows(node));
  const int64_t floats = space.size(), target = floats_of(source, b.n);
  const int64_t parts = std::clamp<int64_t>(floats / std::max(kPart, 4 * target), 1, kMostParts);
  const int64_t vectors = ceil_div(floats, kLanes), part = ceil_div(vectors, parts) * kLanes;
  const Buffer sums = parts == 1 ? to : b.buffer(parts * target);
  Step& step =
      b.step(node, "sum over axes", parts, {from, sums}, [=, &k = b.k](const Context& c, int64_t task) {
        float* const sum = c.at(sums) + task * target;
        std::fill_n(sum, target, 0.0f);
        const int64_t begin = task * part, n = std::min(part, floats - begin);
        if (n > 0) add_back(k, space, view, c.at(from), begin, n, sum, c.scratch);
      });
  step.scratch = kFlatTask;
  if (parts == 1) return;
  const auto sum_rows = b.k.sum_rows;
  b.step(node, "sum over axes", flat_tasks(target), {sums, to}, [=](const Context& c, int64_t task) {
    const int64_t at = task * kFlatTask;
    sum_rows(c.at(sums) + at, parts, target, c.at(to) + at, flat_size(target, task));
  });
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Formula formula = backward_formula(b, node);
  std::vector<FormulaView> views;
  std::vector<Buffer> from;
  const auto read = [&](int src, Buffer buffer) {
    views.push_back(view_of(node, b.node(src), b.rows(node)));
    from.push_back(buffer);
  };
  for (const int src : node.inputs) read(src, b.output(src));
  read(value, b.grad(value));
  if (formula.inputs > static_cast<int>(from.size())) read(value, b.output(value));
  std::vector<Buffer> to;
  std::vector<std::pair<int, Buffer>> broadcast;
  for (const int src : node.inputs) {
    if (!b.needs_grad(src)) continue;
    const bool whole = lies_as(node, b.node(src));
    to.push_back(whole ? b.new_grad(src) : b.buffer(floats_of(node, b.n)));
    if (!whole) broadcast.push_back({src, to.back()});
  }
  run_step(b, node, "backward", formula, views, from, to);
  for (const auto& [src, sum] : broadcast) sum_back(b, node, src, sum);
}

}  // namespace

std::vector<int64_t> plain_strides(const Node& out, const Node& src) {
  std::vector<int64_t> strides(out.dims.size() + 1, 0);
  int64_t step = 1;
  for (size_t i = 0; i < src.dims.size() && i < strides.size(); ++i) {
    const int64_t size = src.dims[src.dims.size() - 1 - i];
    if (size > 1) strides[strides.size() - 1 - i] = step;
    step *= size;
  }
  if (src.rows > 0) strides[0] = src.elems();
  return strides;
}

bool lies_as(const Node& out, const Node& src) {
  return src.layout == out.layout && src.rows == out.rows && src.dims == out.dims;
}

Formula backward_formula(const Builder& b, const Node& node) {
  const Formula& formula = node.as<FormulaAttrs>()->formula;
  const auto needed = [&](bool reads_outputs) {
    Formula made = differentiate(formula, reads_outputs);
    std::vector<int> outputs;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (b.needs_grad(node.inputs[i])) outputs.push_back(made.outputs[i]);
    made.outputs = outputs;
    return simplify(made);
  };
  Formula from_output = needed(true);
  for (const Formula::Instruction& made : from_output.code)
    if (made.op == FormulaOp::input && made.args[0] < formula.inputs &&
        lies_as(node, b.source(node, made.args[0])))
      return needed(false);
  return from_output;
}

const Op kFormulaOp{"formula", forward, backward};

}  // namespace cnnfast
