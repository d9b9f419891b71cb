// How training moves parameters, once all gradients are there: as csrc/optim does, all by one launch.
#include "optim/update.h"

#include "cnnfast/error.h"
#include "cuda/kernels/kernels.h"
#include "cuda/lower.h"
#include "graph/builder.h"

namespace cnnfast::cuda {

namespace {

using Kind = OptimizerConfig::Kind;

// The parameters that move, where they are and what is the same in each run.
class Movers {
 public:
  Movers(const Builder& b, const UpdatePlan& plan, const std::vector<int>& positions) {
    for (const int position : positions) {
      places_.push_back(b.place(position));
      Moved& moved = params_.emplace_back();
      moved.n = b.param(position).size();
      moved.factor = plan.factors[static_cast<size_t>(position)];
    }
  }
  bool empty() const { return params_.empty(); }
  size_t size() const { return params_.size(); }
  int position(size_t i) const { return places_[i].position; }
  Moved& operator[](size_t i) { return params_[i]; }
  int64_t parts() const {
    int64_t parts = 0;
    for (const Moved& moved : params_) parts += moved_parts(moved.n);
    return parts;
  }
  // In a run, with so many slots.
  MovedParams at(const Context& c, int slots = 0) const {
    MovedParams there = params_;
    for (size_t i = 0; i < there.size(); ++i) {
      there[i].values = c.values(places_[i]), there[i].grad = c.grad(places_[i]);
      for (int s = 0; s < slots; ++s) there[i].slots[s] = c.slot(s, places_[i]);
    }
    return there;
  }

 private:
  std::vector<ParamPlace> places_;
  MovedParams params_;
};

void lower_regularizers(Builder& b, const Node& output, const UpdatePlan& plan) {
  std::vector<int> positions;
  for (size_t i = 0; i < plan.regularizers.size(); ++i)
    if (b.trains(static_cast<int>(i)) && (plan.regularizers[i].l1 != 0 || plan.regularizers[i].l2 != 0))
      positions.push_back(static_cast<int>(i));
  if (positions.empty()) return;
  Movers movers(b, plan, positions);
  for (size_t i = 0; i < movers.size(); ++i) {
    const Regularizer& r = plan.regularizers[static_cast<size_t>(movers.position(i))];
    movers[i].l1 = r.l1, movers[i].l2 = r.l2;
  }
  launch(b, output, "regularize", {}, [=](const Context& c) { regularize(stream_of(c), movers.at(c)); });
}

// How gradients are clipped where they are read.
struct Clips {
  Clipping clipping;
  Buffer scales;  // by norm: of each parameter's gradient, or of all together

  float limit() const {
    return clipping.kind == Clipping::Kind::value ? static_cast<float>(clipping.limit) : 0;
  }
  MovedParams with(const Context& c, MovedParams params) const {
    for (size_t i = 0; scales && i < params.size(); ++i)
      params[i].scale = c.at(scales) + (clipping.kind == Clipping::Kind::norm ? i : 0);
    return params;
  }
};

Clips lower_norms(Builder& b, const Node& output, const Movers& movers, const Clipping& clipping) {
  const bool global = clipping.kind == Clipping::Kind::global_norm;
  if (!global && clipping.kind != Clipping::Kind::norm) return {clipping, {}};
  const Buffer parts = b.buffer(2 * movers.parts());
  const Buffer scales = b.buffer(global ? 1 : static_cast<int64_t>(movers.size()));
  launch(b, output, "clip", {parts, scales}, [=, limit = clipping.limit](const Context& c) {
    clip_scales(stream_of(c), movers.at(c), global, limit, c.as<double>(parts), c.at(scales));
  });
  return {clipping, scales};
}

// How many slots a move reads, and the move.
struct Move {
  int slots;
  std::function<void(const Context&, const MovedParams&, float limit)> run;
};

Move sgd_move(const OptimizerConfig& o) {
  return {o.momentum != 0 ? 1 : 0, [=](const Context& c, const MovedParams& params, float limit) {
            sgd(stream_of(c), varying_of(c), params, static_cast<float>(o.momentum), o.nesterov, limit);
          }};
}

Move adam_move(const OptimizerConfig& o) {
  return {2, [=](const Context& c, const MovedParams& params, float limit) {
            adam(stream_of(c), varying_of(c), params, o.beta1, o.beta2, static_cast<float>(o.epsilon), limit);
          }};
}

// What clips where gradients lie, for those who read them there.
Move clip_move(const OptimizerConfig& o) {
  if (o.clipping.kind == Clipping::Kind::none) return {0, [](const auto&...) {}};
  return {
      0, [](const Context& c, const MovedParams& params, float limit) { clip(stream_of(c), params, limit); }};
}

// Weight, gradient and slots as they lie; numbers that are the same for all elements.
FormulaThere there_of(const SplitUpdate& update) {
  std::vector<std::vector<int64_t>> strides;
  for (int i = 0; i < update.moves.inputs; ++i) strides.push_back({i < 2 + update.slots ? 1 : 0});
  return FormulaThere("the optimizer", update.moves, {int64_t{1} << 40}, strides, {1, 1, 1});
}

// Those that are exempt have a formula of their own.
Move formula_move(const UpdatePlan& plan, const Movers& movers) {
  const std::vector<size_t> numbers = number_places(plan.formulas, plan.exempt, plan.factors);
  std::vector<size_t> numbers_of;
  std::vector<bool> exempt;
  for (size_t i = 0; i < movers.size(); ++i) {
    const auto position = static_cast<size_t>(movers.position(i));
    numbers_of.push_back(numbers[position]), exempt.push_back(plan.exempt[position]);
  }
  std::vector<std::pair<FormulaThere, int>> by{{there_of(plan.formulas.usual), plan.formulas.usual.slots}};
  if (std::find(exempt.begin(), exempt.end(), true) != exempt.end())
    by.emplace_back(there_of(plan.formulas.exempt), plan.formulas.exempt.slots);
  const int slots = std::max(plan.formulas.usual.slots, plan.formulas.exempt.slots);
  return {slots,
          [=, clips = clip_move(plan.optimizer)](const Context& c, const MovedParams& params, float limit) {
            clips.run(c, params, limit);
            MovedParams split[2];
            for (size_t i = 0; i < params.size(); ++i) {
              split[exempt[i]].push_back(params[i]);
              split[exempt[i]].back().numbers = varying_of(c)->numbers + numbers_of[i];  // only a place
            }
            for (size_t i = 0; i < by.size(); ++i)
              move_by_formula(stream_of(c), by[i].first.get(), by[i].second, split[i], varying_of(c));
          }};
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

Move move_of(const UpdatePlan& plan, const Movers& movers) {
  switch (plan.optimizer.kind) {
    case Kind::sgd:
      return sgd_move(plan.optimizer);
    case Kind::adam:
      return adam_move(plan.optimizer);
    case Kind::formula:
      return formula_move(plan, movers);
    case Kind::graph:  // whose assignments follow
    case Kind::none:
      break;
  }
  return clip_move(plan.optimizer);
}

}  // namespace

void lower_update(Builder& b, const Node& output, const UpdatePlan& plan) {
  lower_regularizers(b, output, plan);
  const Movers movers(b, plan, b.params_to_update());
  if (movers.empty()) return;
  const Clips clips = lower_norms(b, output, movers, plan.optimizer.clipping);
  std::vector<Buffer> uses;
  if (clips.scales) uses.push_back(clips.scales);
  launch(b, output, "update", uses, [=, move = move_of(plan, movers)](const Context& c) {
    move.run(c, clips.with(c, movers.at(c, move.slots)), clips.limit());
  });
  if (plan.optimizer.kind != Kind::graph) lower_constraints(b, output, plan);  // graphs constrain, too
}

}  // namespace cnnfast::cuda
