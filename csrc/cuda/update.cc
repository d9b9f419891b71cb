// How training moves parameters, once all gradients are there: as csrc/optim does, a launch a parameter.
#include "optim/update.h"

#include "cnnfast/error.h"
#include "cuda/kernels/kernels.h"
#include "cuda/lower.h"
#include "graph/builder.h"

namespace cnnfast::cuda {

namespace {

using Kind = OptimizerConfig::Kind;

void lower_regularizers(Builder& b, const Node& output, const UpdatePlan& plan) {
  for (size_t i = 0; i < plan.regularizers.size(); ++i) {
    const Regularizer r = plan.regularizers[i];
    const int position = static_cast<int>(i);
    if (!b.trains(position) || (r.l1 == 0 && r.l2 == 0)) continue;
    launch(b, output, "regularize", {},
           [=, param = b.place(position), n = b.param(position).size()](const Context& c) {
             regularize(stream_of(c), c.values(param), c.grad(param), n, r.l1, r.l2);
           });
  }
}

struct Moved {
  ParamPlace param;
  int64_t n;
};

// How the gradients of parameters are clipped where they are read, in the order of these.
struct Clips {
  Clipping clipping;
  Buffer scales;  // by norm: of each parameter's gradient, or of all together

  Clip at(const Context& c, size_t i) const {
    switch (clipping.kind) {
      case Clipping::Kind::none:
        break;
      case Clipping::Kind::value:
        return {static_cast<float>(clipping.limit), nullptr};
      case Clipping::Kind::norm:
        return {0, c.at(scales) + i};
      case Clipping::Kind::global_norm:
        return {0, c.at(scales)};
    }
    return {};
  }
};

Clips lower_norms(Builder& b, const Node& output, const std::vector<Moved>& moved, const Clipping& clipping) {
  const bool global = clipping.kind == Clipping::Kind::global_norm;
  if (!global && clipping.kind != Clipping::Kind::norm) return {clipping, {}};
  const int64_t norms = global ? 1 : static_cast<int64_t>(moved.size());
  const Buffer squares = b.buffer(2 * norms), scales = b.buffer(norms);
  launch(b, output, "clip", {squares, scales}, [=, limit = clipping.limit](const Context& c) {
    auto* const sums = c.as<double>(squares);
    for (size_t i = 0; i < moved.size(); ++i)
      add_up(stream_of(c), c.grad(moved[i].param), moved[i].n, 0, 0, 1, sums + (global ? 0 : i),
             global && i > 0);
    clip_scales(stream_of(c), sums, norms, limit, c.at(scales));
  });
  return {clipping, scales};
}

using Move = std::function<void(const Context&, const Moved&, const Clip&)>;

Move sgd_move(const UpdatePlan& plan) {
  return [o = plan.optimizer, factors = plan.factors](const Context& c, const Moved& m, const Clip& clip) {
    sgd(stream_of(c), varying_of(c), factors[static_cast<size_t>(m.param.position)],
        static_cast<float>(o.momentum), o.nesterov, clip, c.values(m.param), c.grad(m.param),
        o.momentum != 0 ? c.slot(0, m.param) : nullptr, m.n);
  };
}

Move adam_move(const UpdatePlan& plan) {
  return [o = plan.optimizer, factors = plan.factors](const Context& c, const Moved& m, const Clip& clip) {
    adam(stream_of(c), varying_of(c), factors[static_cast<size_t>(m.param.position)], o.beta1, o.beta2,
         static_cast<float>(o.epsilon), clip, c.values(m.param), c.grad(m.param), c.slot(0, m.param),
         c.slot(1, m.param), m.n);
  };
}

// What clips where gradients lie, for those who read them there.
Move clip_move(const UpdatePlan& plan) {
  if (plan.optimizer.clipping.kind == Clipping::Kind::none) return [](const auto&...) {};
  return
      [](const Context& c, const Moved& m, const Clip& by) { clip(stream_of(c), by, c.grad(m.param), m.n); };
}

// Weight, gradient and slots as they lie; numbers that are the same for all elements.
FormulaThere there_of(const SplitUpdate& update) {
  std::vector<std::vector<int64_t>> strides;
  for (int i = 0; i < update.moves.inputs; ++i) strides.push_back({i < 2 + update.slots ? 1 : 0});
  return FormulaThere("the optimizer", update.moves, {int64_t{1} << 40}, strides, {1, 1, 1});
}

Move formula_move(const UpdatePlan& plan) {
  const std::vector<size_t> numbers = number_places(plan.formulas, plan.exempt, plan.factors);
  std::vector<FormulaThere> there{there_of(plan.formulas.usual)};
  const bool exempts = std::find(plan.exempt.begin(), plan.exempt.end(), true) != plan.exempt.end();
  if (exempts) there.push_back(there_of(plan.formulas.exempt));
  return [=, exempt = plan.exempt, formulas = plan.formulas, clips = clip_move(plan)](
             const Context& c, const Moved& m, const Clip& by) {
    clips(c, m, by);
    const auto i = static_cast<size_t>(m.param.position);
    const SplitUpdate& update = exempt[i] ? formulas.exempt : formulas.usual;
    const float* const known = varying_of(c)->numbers + numbers[i];  // a place, not what is there
    FormulaPlaces places{};
    places.inputs[0] = places.outputs[0] = c.values(m.param);
    places.inputs[1] = c.grad(m.param);
    for (int s = 0; s < update.slots; ++s) places.inputs[2 + s] = places.outputs[1 + s] = c.slot(s, m.param);
    for (int k = 2 + update.slots; k < update.moves.inputs; ++k)
      places.inputs[k] = known + k - 2 - update.slots;
    run_formula(stream_of(c), there[exempt[i] ? 1 : 0].get(), m.n, places, varying_of(c));
  };
}

void lower_norm_constraint(Builder& b, const Node& output, int position, const Constraint& constraint) {
  const Dims& dims = b.param(position).dims();
  check_axes(b.param(position).weight->name(), dims.size(), kMostBoxAxes);
  Box kept{}, summed{};
  int64_t step = b.param(position).size(), norms = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    Box& box = constraint.axes >> i & 1 ? summed : kept;
    step /= dims[i];
    box.size[box.axes] = dims[i], box.from[box.axes++] = step;
    if (&box == &kept) norms *= dims[i];
  }
  const Buffer scales = b.buffer(norms);
  launch(b, output, "constrain", {scales}, [=, param = b.place(position)](const Context& c) {
    constrain_norms(stream_of(c), c.values(param), kept, summed,
                    {constraint.minimum, constraint.maximum, constraint.rate}, c.at(scales));
  });
}

void lower_constraints(Builder& b, const Node& output, const UpdatePlan& plan) {
  for (size_t i = 0; i < plan.constraints.size(); ++i) {
    const int position = static_cast<int>(i);
    const Constraint::Kind kind = plan.constraints[i].kind;
    if (!b.trains(position) || kind == Constraint::Kind::none) continue;
    if (kind == Constraint::Kind::norm) {
      lower_norm_constraint(b, output, position, plan.constraints[i]);
      continue;
    }
    launch(b, output, "constrain", {},
           [=, param = b.place(position), n = b.param(position).size()](const Context& c) {
             clamp_negative(stream_of(c), c.values(param), n);
           });
  }
}

Move move_of(const UpdatePlan& plan) {
  switch (plan.optimizer.kind) {
    case Kind::sgd:
      return sgd_move(plan);
    case Kind::adam:
      return adam_move(plan);
    case Kind::formula:
      return formula_move(plan);
    case Kind::graph:  // whose assignments follow
    case Kind::none:
      break;
  }
  return clip_move(plan);
}

}  // namespace

void lower_update(Builder& b, const Node& output, const UpdatePlan& plan) {
  lower_regularizers(b, output, plan);
  std::vector<Moved> moved;
  for (const int position : b.params_to_update())
    moved.push_back({b.place(position), b.param(position).size()});
  if (moved.empty()) return;
  const Clips clips = lower_norms(b, output, moved, plan.optimizer.clipping);
  std::vector<Buffer> uses;
  if (clips.scales) uses.push_back(clips.scales);
  launch(b, output, "update", uses, [=, move = move_of(plan)](const Context& c) {
    for (size_t i = 0; i < moved.size(); ++i) move(c, moved[i], clips.at(c, i));
  });
  if (plan.optimizer.kind != Kind::graph) lower_constraints(b, output, plan);  // graphs constrain, too
}

}  // namespace cnnfast::cuda
