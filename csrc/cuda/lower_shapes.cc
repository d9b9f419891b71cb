// Ops that bring values into other shapes: flatten, moves, reductions, formulas over broadcast values.
#include "cnnfast/error.h"
#include "cuda/images.h"
#include "cuda/kernels/kernels.h"
#include "cuda/lower.h"
#include "graph/builder.h"
#include "ops/formula.h"
#include "ops/move.h"
#include "ops/reduce.h"

namespace cnnfast::cuda {

namespace {

Box box_of(const Node& node, const StridedAxes& axes, bool turned) {
  Box box{};
  check_axes(node.name, axes.size(), kMostBoxAxes);
  for (const StridedAxis& axis : axes) {
    box.size[box.axes] = axis.size;
    box.from[box.axes] = turned ? axis.dst : axis.src;
    box.to[box.axes++] = turned ? axis.src : axis.dst;
  }
  return box;
}

// ---- Flatten ----------------------------------------------------------------------------------------------

// Of an image in the order channels first, which is flattened channels last.
StridedAxes turned_axes(const Image& image, int64_t rows) {
  const int64_t pixels = image.pixels(), c = image.c, elems = pixels * c;
  return {{rows, elems, elems}, {pixels, 1, c}, {c, pixels, 1}};
}

bool turns(const Node& node) {
  return node.as<FlattenAttrs>()->channels_last_order;
}

Box flatten_box(const Builder& b, const Node& node, bool back) {
  Node src = b.source(node);
  src.format = DataFormat::channels_first;
  return box_of(node, turned_axes(src.image(), b.rows(node)), back);
}

void flatten_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  if (b.is_inside(node.inputs[0], value, 0)) return;
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  if (!turns(node)) {
    b.options.target.copy(b, node, "forward", {from, to}, buffer_of(from), buffer_of(to),
                          floats_of(node, b.n));
    return;
  }
  launch(b, node, "forward", {from, to}, [=, box = flatten_box(b, node, false)](const Context& c) {
    copy_box(stream_of(c), box, c.at(from), c.at(to));
  });
}

void flatten_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad(value);
  if (!turns(node)) return b.share_grad(node.inputs[0], grad);
  const Buffer to = b.new_grad(node.inputs[0]);
  launch(b, node, "backward", {grad, to}, [=, box = flatten_box(b, node, true)](const Context& c) {
    copy_box(stream_of(c), box, c.at(grad), c.at(to));
  });
}

// ---- Moves ------------------------------------------------------------------------------------------------

// A box of one row, of all rows.
Box of_rows(const Node& node, const cnnfast::Box& box, int64_t rows, int64_t src, int64_t dst, bool turned) {
  StridedAxes axes{{rows, src, dst}};
  axes.insert(axes.end(), box.axes.begin(), box.axes.end());
  return box_of(node, axes, turned);
}

int64_t floats_of(const Boxes& boxes) {
  int64_t all = 0;
  for (const cnnfast::Box& box : boxes) all += box.floats();
  return all;
}

void move_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t rows = b.rows(node), elems = node.elems();
  const Boxes boxes = boxes_of(b, node);
  const Buffer to = b.output(value);
  std::vector<Buffer> from, uses{to};
  std::vector<Box> copied;
  for (const int src : node.inputs) uses.push_back(from.emplace_back(b.output(src)));
  for (const cnnfast::Box& box : boxes)
    copied.push_back(of_rows(node, box, rows, b.source(node, box.input).elems(), elems, false));
  const bool fills = floats_of(boxes) < elems;
  launch(b, node, "forward", uses, [=, fill_value = node.as<MoveAttrs>()->fill](const Context& c) {
    if (fills) fill(stream_of(c), c.at(to), rows * elems, fill_value);
    for (size_t i = 0; i < boxes.size(); ++i)
      copy_box(stream_of(c), copied[i], c.at(from[static_cast<size_t>(boxes[i].input)]) + boxes[i].src,
               c.at(to) + boxes[i].dst);
  });
}

void move_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer grad = b.grad(value);
  const int64_t rows = b.rows(node), elems = node.elems();
  for (size_t input = 0; input < node.inputs.size(); ++input) {
    const int src = node.inputs[input];
    if (!b.needs_grad(src)) continue;
    const int64_t src_elems = b.node(src).elems();
    Boxes boxes;
    std::vector<Box> added;
    for (const cnnfast::Box& box : boxes_of(b, node)) {
      if (box.input != static_cast<int>(input)) continue;
      boxes.push_back(box);
      added.push_back(of_rows(node, box, rows, src_elems, elems, true));
    }
    const Buffer to = b.new_grad(src);
    launch(b, node, "backward", {grad, to}, [=](const Context& c) {
      fill(stream_of(c), c.at(to), rows * src_elems, 0);
      for (size_t i = 0; i < boxes.size(); ++i)
        add_box(stream_of(c), added[i], c.at(grad) + boxes[i].dst, c.at(to) + boxes[i].src);
    });
  }
}

// ---- Reductions -------------------------------------------------------------------------------------------

Reduced reduced_of(const Builder& b, const Node& node) {
  const ReduceCut cut = reduce_cut(b, node);
  return {node.as<ReduceAttrs>()->kind, cut.outer, cut.length, cut.inner, reduce_factor(node, cut)};
}

void reduce_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer from = b.output(node.inputs[0]), to = b.output(value);
  launch(b, node, "forward", {from, to}, [=, reduced = reduced_of(b, node)](const Context& c) {
    reduce(stream_of(c), reduced, c.at(from), c.at(to));
  });
}

void reduce_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Buffer from = b.output(node.inputs[0]), out = b.output(value), grad = b.grad(value);
  const Buffer to = b.new_grad(node.inputs[0]);
  launch(b, node, "backward", {from, out, grad, to}, [=, reduced = reduced_of(b, node)](const Context& c) {
    reduce_grad(stream_of(c), reduced, c.at(from), c.at(out), c.at(grad), c.at(to));
  });
}

// ---- Formulas ---------------------------------------------------------------------------------------------

std::vector<int64_t> extents_of(const Node& node, int64_t rows) {
  std::vector<int64_t> extents{rows};
  extents.insert(extents.end(), node.dims.begin(), node.dims.end());
  return extents;
}

struct Read {
  int value;
  Buffer buffer;
};

void run_step(Builder& b, const Node& node, const char* direction, const Formula& formula,
              const std::vector<Read>& from, const std::vector<Buffer>& to) {
  std::vector<std::vector<int64_t>> strides;
  std::vector<Buffer> uses = to, read(from.size());
  for (const Read& each : from) strides.push_back(plain_strides(node, b.node(each.value)));
  for (const Formula::Instruction& by : formula.code)
    if (by.op == FormulaOp::input) {
      const auto i = static_cast<size_t>(by.args[0]);
      uses.push_back(read[i] = from[i].buffer);
    }
  const std::vector<int64_t> extents = extents_of(node, b.rows(node));
  const FormulaThere code(node.name, formula, extents, strides, random_row(node));
  launch(b, node, direction, uses, [=, n = cnnfast::floats_of(node, b.n)](const Context& c) {
    FormulaPlaces places{};
    for (size_t i = 0; i < read.size(); ++i) places.inputs[i] = read[i] ? c.at(read[i]) : nullptr;
    for (size_t i = 0; i < to.size(); ++i) places.outputs[i] = c.at(to[i]);
    run_formula(stream_of(c), code.get(), n, places, varying_of(c));
  });
}

void formula_forward(Builder& b, int value) {
  const Node& node = b.node(value);
  std::vector<Read> from;
  for (const int src : node.inputs) from.push_back({src, b.output(src)});
  run_step(b, node, "forward", node.as<FormulaAttrs>()->formula, from, {b.output(value)});
}

// The gradient of a broadcast source: `from` lies as the node's output.
void sum_back(Builder& b, const Node& node, int src, Buffer from) {
  const Buffer to = b.new_grad(src);
  const std::vector<int64_t> extents = extents_of(node, b.rows(node));
  const std::vector<int64_t> strides = plain_strides(node, b.node(src));
  StridedAxes kept, summed;
  int64_t step = 1;
  for (size_t axis = extents.size(); axis-- > 0; step *= extents[axis]) {
    StridedAxes& axes = strides[axis] == 0 ? summed : kept;
    axes.insert(axes.begin(), {extents[axis], step, strides[axis]});
  }
  launch(b, node, "sum over axes", {from, to},
         [=, kept = box_of(node, kept, false), summed = box_of(node, summed, false)](const Context& c) {
           sum_box(stream_of(c), kept, summed, c.at(from), c.at(to));
         });
}

void formula_backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const Formula formula = backward_formula(b, node);
  std::vector<Read> from;
  for (const int src : node.inputs) from.push_back({src, b.output(src)});
  from.push_back({value, b.grad(value)});
  if (formula.inputs > static_cast<int>(from.size())) from.push_back({value, b.output(value)});
  std::vector<Buffer> to;
  std::vector<std::pair<int, Buffer>> broadcast;
  for (const int src : node.inputs) {
    if (!b.needs_grad(src)) continue;
    const bool whole = lies_as(node, b.node(src));
    to.push_back(whole ? b.new_grad(src) : b.buffer(cnnfast::floats_of(node, b.n)));
    if (!whole) broadcast.push_back({src, to.back()});
  }
  run_step(b, node, "backward", formula, from, to);
  for (const auto& [src, sum] : broadcast) sum_back(b, node, src, sum);
}

}  // namespace

// What is flattened or reshaped lies as it did.
void place_sources(Builder& b, int value) {
  const Node& node = b.node(value);
  const bool flattens = node.as<FlattenAttrs>() && !turns(node);
  if (!flattens && !node.as<ReshapeAttrs>()) return;
  const bool is_made = !b.source(node).inputs.empty();  // else it lies elsewhere
  if (is_made) b.place_inside(node.inputs[0], value, 0);
}

FormulaThere::FormulaThere(const std::string& name, const Formula& formula,
                           const std::vector<int64_t>& extents,
                           const std::vector<std::vector<int64_t>>& strides, const Channels& row) {
  if (formula.code.size() > kMostCode || strides.size() > static_cast<size_t>(kMostFormulaInputs) ||
      formula.outputs.size() > static_cast<size_t>(kMostFormulaOutputs) ||
      extents.size() > static_cast<size_t>(kMostFormulaAxes))
    fail(name, ": a formula of ", formula.code.size(), " instructions, ", strides.size(), " inputs, ",
         formula.outputs.size(), " outputs and ", extents.size(), " axes is too large for CUDA, which takes ",
         kMostCode, ", ", kMostFormulaInputs, ", ", kMostFormulaOutputs, " and ", kMostFormulaAxes,
         "; run this model on the CPU: model.to(\"cpu\").");
  const auto code = std::make_unique<FormulaCode>();
  code->size = static_cast<int32_t>(formula.code.size());
  code->inputs = static_cast<int32_t>(strides.size());
  code->outputs = static_cast<int32_t>(formula.outputs.size());
  code->axes = static_cast<int32_t>(extents.size());
  code->row = row;
  for (size_t i = 0; i < formula.code.size(); ++i) {
    const Formula::Instruction& from = formula.code[i];
    FormulaCode::Instruction& to = code->code[i];
    to.op = from.op, to.number = from.number;
    if (from.op == FormulaOp::random) {
      to.stream = static_cast<uint32_t>(from.args[0]), to.seeded = from.args[0] >= kSeededStreams;
      continue;
    }
    for (size_t k = 0; k < 3; ++k) to.args[k] = static_cast<int16_t>(from.args[k]);
  }
  for (size_t i = 0; i < formula.outputs.size(); ++i) code->output[i] = formula.outputs[i];
  std::copy(extents.begin(), extents.end(), code->extents);
  for (size_t i = 0; i < strides.size(); ++i)
    std::copy(strides[i].begin(), strides[i].end(), code->strides[i]);
  there_ = std::make_shared<const Memory>(sizeof(FormulaCode));
  copy_to_device(there_->data(), code.get(), sizeof(FormulaCode));
}

const Op kFlatten{"flatten", flatten_forward, flatten_backward};
const Op kMove{"move", move_forward, move_backward};
const Op kReduce{"reduce", reduce_forward, reduce_backward};
const Op kFormula{"formula", formula_forward, formula_backward};

}  // namespace cnnfast::cuda
