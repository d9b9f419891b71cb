#include "optim/update.h"

#include <algorithm>
#include <cmath>

namespace cnnfast {

namespace {

// Whether graphs move weights, and so constrain them, too.
bool by_graph(const UpdatePlan& plan) {
  return plan.optimizer.kind == OptimizerConfig::Kind::graph;
}

bool constrained(const UpdatePlan& plan, size_t param) {
  return !by_graph(plan) && plan.constraints[param].kind != Constraint::Kind::none;
}

bool regularized(const UpdatePlan& plan, size_t param) {
  return plan.regularizers[param].l1 != 0 || plan.regularizers[param].l2 != 0;
}

void lower_regularizers(Builder& b, const Node& output, const UpdatePlan& plan) {
  for (size_t i = 0; i < plan.regularizers.size(); ++i) {
    const int position = static_cast<int>(i);
    if (!b.trains(position) || !regularized(plan, i)) continue;
    const Regularizer r = plan.regularizers[i];
    const ParamPlace param = b.place(position);
    const int64_t size = b.param(position).size();
    b.step(output, "regularize", flat_tasks(size), {}, [=](const Context& c, int64_t task) {
      const float* w = c.values(param) + task * kFlatTask;
      float* grad = c.grad(param) + task * kFlatTask;
      for (int64_t j = 0, end = flat_size(size, task); j < end; ++j)
        grad[j] += r.l1 * static_cast<float>((w[j] > 0) - (w[j] < 0)) + r.l2 * (2 * w[j]);
    });
  }
}

Update make_update(const UpdatePlan& plan, const KernelTable& k) {
  const OptimizerConfig& o = plan.optimizer;
  if (by_graph(plan)) return {[](const Context&, ParamPlace, int64_t, const float*, int64_t) {}, 0};
  if (o.kind == OptimizerConfig::Kind::formula)
    return formula_update(plan.formulas, plan.exempt, plan.factors, k);
  const auto rate = [factors = plan.factors](const Context& c, ParamPlace p) {
    return static_cast<float>(c.run.learning_rate * factors[static_cast<size_t>(p.position)]);
  };
  if (o.kind == OptimizerConfig::Kind::sgd)
    return {[o, rate, sgd = k.sgd](const Context& c, ParamPlace p, int64_t at, const float* grad, int64_t n) {
              sgd({c.values(p) + at, grad, o.momentum != 0 ? c.slot(0, p) + at : nullptr, n, rate(c, p),
                   static_cast<float>(o.momentum), o.nesterov});
            },
            1 + o.slots()};
  return {[o, rate, adam = k.adam](const Context& c, ParamPlace p, int64_t at, const float* grad, int64_t n) {
            adam({c.values(p) + at, grad, c.slot(0, p) + at, c.slot(1, p) + at, n, rate(c, p), o.beta1,
                  o.beta2, static_cast<float>(o.epsilon)});
          },
          1 + o.slots()};
}

// Eight sums side by side, whatever the vectors of the CPU.
double sum_of_squares(const float* x, int64_t n) {
  double sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; ++j) sums[j] += static_cast<double>(x[i + j]) * x[i + j];
  for (; i < n; ++i) sums[i % 8] += static_cast<double>(x[i]) * x[i];
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

// By what the gradient of each parameter is to be multiplied, so that no norm exceeds the limit: its own, or
// that of all together.
Buffer lower_norms(Builder& b, const Node& output, const std::vector<int>& positions,
                   const Clipping& clipping) {
  std::vector<ParamPiece> pieces;  // of kFlatTask, however the parameter is packed
  for (const int position : positions) {
    const std::vector<ParamPiece> cut = cut_param(b.place(position), b.param(position).size(), {});
    pieces.insert(pieces.end(), cut.begin(), cut.end());
  }
  const int64_t n = static_cast<int64_t>(pieces.size());
  const Buffer squares = b.buffer(2 * n), scales = b.buffer(positions.back() + 1);
  b.step(output, "clip", n, {squares}, [=](const Context& c, int64_t task) {
    const ParamPiece& piece = pieces[static_cast<size_t>(task)];
    c.as<double>(squares)[task] = sum_of_squares(c.grad(piece.param) + piece.begin, piece.size());
  });
  const bool global = clipping.kind == Clipping::Kind::global_norm;
  b.step(output, "clip", 1, {squares, scales}, [=](const Context& c, int64_t) {
    for (size_t i = 0; i < pieces.size();) {
      double sum = 0;
      size_t end = i;
      for (; end < pieces.size() && (global || pieces[end].param.position == pieces[i].param.position); ++end)
        sum += c.as<double>(squares)[end];
      const double norm = std::sqrt(sum);
      for (; i < end; ++i)
        c.at(scales)[pieces[i].param.position] =
            norm <= clipping.limit ? 1.0f : static_cast<float>(clipping.limit / norm);
    }
  });
  return scales;
}

void clip_values(float* x, int64_t n, float limit) {
  for (int64_t i = 0; i < n; ++i) x[i] = x[i] < -limit ? -limit : (x[i] > limit ? limit : x[i]);
}

void scale_values(float* x, int64_t n, float scale) {
  for (int64_t i = 0; i < n; ++i) x[i] *= scale;
}

// Axes of a parameter of one kind, as strides, innermost first; neighbours are one.
struct Axis {
  int64_t size, step;
};
struct NormAxes {
  std::vector<Axis> kept, summed;
};

NormAxes norm_axes(const Dims& dims, uint32_t axes) {
  NormAxes made;
  std::vector<Axis>* last = nullptr;
  int64_t step = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    const bool summed = axes >> i & 1;
    std::vector<Axis>* kind = summed ? &made.summed : &made.kept;
    if (kind == last)
      kind->back().size *= dims[i];
    else
      kind->push_back({dims[i], step});
    step *= dims[i], last = kind;
  }
  return made;
}

int64_t product(const std::vector<Axis>& axes) {
  int64_t n = 1;
  for (const Axis& axis : axes) n *= axis.size;
  return n;
}

// Of the index-th place along these axes.
int64_t offset_of(const std::vector<Axis>& axes, int64_t index) {
  int64_t offset = 0;
  for (const Axis& axis : axes) offset += index % axis.size * axis.step, index /= axis.size;
  return offset;
}

constexpr int64_t kNorms = 64;  // that one task takes, where they lie side by side

// Scales the weights of one norm, told from the sum of their squares.
float norm_scale(double squares, const Constraint& c) {
  const double norm = std::sqrt(squares);
  const double inside = std::min<double>(std::max<double>(norm, c.minimum), c.maximum);
  const double wanted = norm + c.rate * (inside - norm);
  return wanted == norm ? 1.0f : static_cast<float>(wanted / (norm + 1e-7));  // Keras's guard against 0
}

void constrain_columns(float* w, int64_t columns, const std::vector<Axis>& summed, const Constraint& c) {
  const int64_t rows = product(summed);
  double squares[kNorms] = {};
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = w + offset_of(summed, row);
    for (int64_t i = 0; i < columns; ++i) squares[i] += static_cast<double>(from[i]) * from[i];
  }
  float scales[kNorms];
  for (int64_t i = 0; i < columns; ++i) scales[i] = norm_scale(squares[i], c);
  for (int64_t row = 0; row < rows; ++row) {
    float* to = w + offset_of(summed, row);
    for (int64_t i = 0; i < columns; ++i) to[i] *= scales[i];
  }
}

void constrain_runs(float* w, int64_t run, const std::vector<Axis>& outer, const Constraint& c) {
  const int64_t runs = product(outer);
  double squares = 0;
  for (int64_t i = 0; i < runs; ++i) squares += sum_of_squares(w + offset_of(outer, i), run);
  const float scale = norm_scale(squares, c);
  for (int64_t i = 0; i < runs; ++i) scale_values(w + offset_of(outer, i), run, scale);
}

std::vector<Axis> without_first(const std::vector<Axis>& axes) {
  return {axes.begin() + 1, axes.end()};
}

void lower_norm_constraint(Builder& b, const Node& output, int position, const Constraint& constraint) {
  const ParamPlace param = b.place(position);
  const auto [kept, summed] = norm_axes(b.param(position).dims(), constraint.axes);
  if (summed.front().step == 1) {
    b.step(output, "constrain", product(kept), {},
           [=, kept = kept, outer = without_first(summed), run = summed.front().size](const Context& c,
                                                                                      int64_t task) {
             constrain_runs(c.values(param) + offset_of(kept, task), run, outer, constraint);
           });
    return;
  }
  const int64_t columns = kept.front().size, blocks = ceil_div(columns, kNorms);
  b.step(output, "constrain", blocks * (product(kept) / columns), {},
         [=, summed = summed, outer = without_first(kept)](const Context& c, int64_t task) {
           const int64_t first = task % blocks * kNorms;
           float* w = c.values(param) + offset_of(outer, task / blocks) + first;
           constrain_columns(w, std::min(kNorms, columns - first), summed, constraint);
         });
}

void lower_non_negative(Builder& b, const Node& output, int position) {
  const ParamPlace param = b.place(position);
  const int64_t size = b.param(position).size();
  b.step(output, "constrain", flat_tasks(size), {}, [=](const Context& c, int64_t task) {
    float* w = c.values(param) + task * kFlatTask;
    for (int64_t j = 0, end = flat_size(size, task); j < end; ++j) w[j] = w[j] < 0 ? 0 : w[j];
  });
}

// Constraints, and the copies that steps read of what they changed.
void lower_constraints(Builder& b, const Node& output, const UpdatePlan& plan) {
  std::vector<int> positions;
  for (size_t i = 0; i < plan.constraints.size(); ++i) {
    const int position = static_cast<int>(i);
    if (!b.trains(position) || !constrained(plan, i)) continue;
    if (plan.constraints[i].kind == Constraint::Kind::norm)
      lower_norm_constraint(b, output, position, plan.constraints[i]);
    else
      lower_non_negative(b, output, position);
    positions.push_back(position);
  }
  std::vector<ParamPiece> pieces = b.pieces(positions);
  std::erase_if(pieces, [](const ParamPiece& piece) { return !piece.packings; });
  if (pieces.empty()) return;
  Step& step = b.step(output, "constrain", static_cast<int64_t>(pieces.size()), {},
                      [=](const Context& c, int64_t task) { pieces[static_cast<size_t>(task)].pack(c); });
  b.declare_packing(step, pieces);
}

// Clips the gradients of these parameters, moves them, and packs those that stay as they are then.
void lower_moves(Builder& b, const Node& output, const std::vector<int>& positions, const UpdatePlan& plan) {
  const Update update = make_update(plan, b.k);
  const Clipping clipping = plan.optimizer.clipping;
  const bool by_norm = clipping.kind == Clipping::Kind::norm || clipping.kind == Clipping::Kind::global_norm;
  Buffer scales;
  if (by_norm) scales = lower_norms(b, output, positions, clipping);
  std::vector<ParamPiece> pieces = b.pieces(positions);
  for (ParamPiece& piece : pieces)
    if (by_graph(plan) || constrained(plan, static_cast<size_t>(piece.param.position)))
      piece.packings.reset();
  Step& step = b.step(output, "update", static_cast<int64_t>(pieces.size()),
                      by_norm ? std::vector<Buffer>{scales} : std::vector<Buffer>{},
                      [=, clip = static_cast<float>(clipping.limit)](const Context& c, int64_t task) {
                        const ParamPiece& piece = pieces[static_cast<size_t>(task)];
                        const float scale = by_norm ? c.at(scales)[piece.param.position] : 1.0f;
                        piece.for_ranges([&](int64_t at, int64_t n) {
                          float* grad = c.grad(piece.param) + at;
                          if (clipping.kind == Clipping::Kind::value) clip_values(grad, n, clip);
                          if (scale != 1.0f) scale_values(grad, n, scale);
                          update.move(c, piece.param, at, grad, n);
                        });
                        piece.pack(c);
                      });
  b.declare_packing(step, pieces);
  for (const ParamPiece& piece : pieces)
    step.info.bytes += sizeof(float) * static_cast<double>((1 + update.arrays) * piece.size());
}

}  // namespace

double step_rate(const OptimizerConfig& o, int64_t step) {
  if (o.kind != OptimizerConfig::Kind::adam) return o.learning_rate;
  const double t = static_cast<double>(step) + 1;
  return o.learning_rate * std::sqrt(1 - std::pow(o.beta2, t)) / (1 - std::pow(o.beta1, t));
}

void plan_update(Builder& b, const UpdatePlan& plan, bool at_once) {
  b.set_trainable(plan.trainable);
  std::vector<bool> some(plan.trainable.size());
  for (size_t i = 0; i < some.size(); ++i)
    some[i] = at_once && !by_graph(plan) && plan.trainable[i] && !regularized(plan, i) &&
              !constrained(plan, i) && plan.optimizer.clipping.kind == Clipping::Kind::none;
  b.set_update(make_update(plan, b.k), std::move(some));
}

void lower_update(Builder& b, const Node& output, const UpdatePlan& plan) {
  lower_regularizers(b, output, plan);
  const std::vector<int> positions = b.params_to_update();
  if (!positions.empty()) lower_moves(b, output, positions, plan);
  lower_constraints(b, output, plan);
}

}  // namespace cnnfast
