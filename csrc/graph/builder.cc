#include "graph/builder.h"

#include <limits>

#include "core/sizes.h"
#include "graph/memory_plan.h"
#include "ops/op.h"

namespace cnnfast {

int rows_of(const Node& node, int n) {
  if (node.rows == 0) return 1;
  return static_cast<int>(
      checked_size(product(n, node.rows), kMostSamples, node.name, ": the number of rows of this batch"));
}

int64_t planes_of(const Node& node, int n) {
  const Image image = node.image();
  const int rows = rows_of(node, n);
  return node.layout == Layout::blocked ? rows * ceil_div(image.c, kLanes) : ceil_div(rows, kLanes) * image.c;
}

int64_t floats_of(const Node& node, int n) {
  if (node.layout == Layout::plain) return rows_of(node, n) * node.elems();
  return planes_of(node, n) * node.image().pixels() * kLanes;
}

Builder::Builder(const Draft& draft, const Graph& graph, const PassOptions& options, int batch)
    : options(options),
      k(options.kernels),
      n(options.n),
      batch(batch),
      mode(options.mode),
      draft_(draft),
      graph_(graph),
      outputs_(draft.nodes.size()),
      grads_(draft.nodes.size()),
      readers_(draft.consumers()),
      imported_(draft.nodes.size(), false),
      needs_grad_(draft.nodes.size(), false) {
  for (const int value : draft.outputs) imported_[static_cast<size_t>(value)] = true;
  for (const Node& node : draft.nodes) {
    const bool compares = node.as<LossAttrs>() || node.as<MetricAttrs>();
    const bool reads_weights = node.as<MatmulAttrs>() || node.as<GatherAttrs>();
    for (size_t i = 0; i < (compares ? 1 : node.inputs.size()); ++i)
      if (!reads_weights || !source(node, static_cast<int>(i)).as<WeightAttrs>())
        imported_[static_cast<size_t>(node.inputs[i])] = true;
    if (moves_params(node))
      for (const int position : node.params) uses_[param(position).first].push_back(position);
  }
  for (size_t i = 0; i < graph.nodes().size(); ++i)
    drawn_.emplace(graph.nodes()[i].name, static_cast<int>(i));
}

Buffer Builder::buffer(int64_t floats) {
  sizes_.push_back(checked_size(floats, kMostFloats, "the number of floats that a step of this batch needs"));
  persistent_.push_back(false);
  return {static_cast<int>(sizes_.size()) - 1};
}

Buffer Builder::persistent(int64_t floats) {
  const Buffer made = buffer(floats);
  persistent_.back() = true;
  return made;
}

Buffer Builder::pack(const Node& node, int64_t floats, Packing packing) {
  packing.to = persistent(floats);
  const ParamPlace place = packing.from.param;
  const Parameter& param = this->param(place.position);
  packings_[param.first].push_back(packing);
  const auto pieces = cut_param(place, param.size(), {packing});
  std::vector<Buffer> uses{packing.to};
  if (packing.from.made) uses.push_back(packing.from.made);
  Step& step = this->step(node, "pack weights", static_cast<int64_t>(pieces.size()), uses,
                          [=](const Context& c, int64_t task) { pieces[static_cast<size_t>(task)].pack(c); });
  step.scratch = packing.scratch;
  step.packs = true;
  return packing.to;
}

Buffer Builder::output(int value) {
  Buffer& made = outputs_[static_cast<size_t>(value)];
  if (!made) made = buffer(floats_of(node(value), n));
  return made;
}

std::vector<int> Builder::readers(int value) const {
  std::vector<int> found;
  for (size_t i = 0; i < draft_.nodes.size(); ++i)
    for (const int src : draft_.nodes[i].inputs)
      if (src == value) found.push_back(static_cast<int>(i));
  return found;
}

Buffer Builder::kept_output(int value) {
  return outputs_[static_cast<size_t>(value)] = persistent(floats_of(node(value), n));
}

void Builder::place_inside(int value, int whole, int64_t at) {
  const Buffer outer = output(whole);
  inside_.emplace(output(value).id, Inside{outer, at});
}

bool Builder::is_inside(int value, int whole, int64_t at) const {
  const auto known = inside_.find(outputs_[static_cast<size_t>(value)].id);
  return known != inside_.end() && known->second == Inside{outputs_[static_cast<size_t>(whole)], at};
}

Builder::Inside Builder::outermost(int buffer) const {
  Inside found{{buffer}, 0};
  for (auto part = inside_.find(buffer); part != inside_.end(); part = inside_.find(found.whole.id))
    found = {part->second.whole, found.at + part->second.at};
  return found;
}

void Builder::set_update(Update update, std::vector<bool> at_once) {
  update_ = std::move(update);
  updated_.assign(at_once.size(), false);
  at_once_ = std::move(at_once);
}

bool Builder::moves_at_once(int position) {
  const auto i = static_cast<size_t>(position);
  const bool finished = n == batch || micro_batches_.count > 0;
  if (!finished || at_once_.empty() || !at_once_[i]) return false;
  return updated_[i] = true;
}

Update Builder::update_at_once(int position) {
  const bool finished = trains(position) && uses_.at(position) == std::vector<int>{position};
  return finished && !packings_.count(position) && moves_at_once(position) ? update_ : Update{};
}

bool Builder::trains(int position) const {
  return uses_.count(position) > 0 && trainable(position);
}

std::vector<int> Builder::params_to_update() const {
  std::vector<int> positions;
  for (const auto& [position, uses] : uses_)
    if (trains(position) && !updated_[static_cast<size_t>(position)]) positions.push_back(position);
  return positions;
}

void Builder::sum_uses() {
  for (const auto& [first, uses] : uses_) {
    if (!trains(first) || uses == std::vector<int>{first}) continue;
    const Node& last = node(draft_.outputs[0]);
    const Where sum = grad_of(place(first));
    const int64_t floats = param(first).size();
    // The first use may be one that this program leaves out.
    if (uses[0] != first)
      options.target.copy(*this, last, "sum of uses", {}, grad_of(place(uses[0])), sum, floats);
    for (size_t i = 1; i < uses.size(); ++i)
      options.target.add(*this, last, "sum of uses", {}, sum, grad_of(place(uses[i])), sum, floats);
  }
}

std::vector<ParamPiece> Builder::pieces(const std::vector<int>& positions) const {
  std::vector<ParamPiece> all;
  for (const int position : positions) {
    const auto known = packings_.find(position);
    const auto some = cut_param(place(position), param(position).size(),
                                known == packings_.end() ? Packings{} : known->second);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

void Builder::declare_packing(Step& step, const std::vector<ParamPiece>& pieces) const {
  for (const ParamPiece& piece : pieces) {
    if (!piece.packings || piece.begin > 0) continue;
    for (const Packing& packing : *piece.packings) {
      step.uses.push_back(packing.to);
      step.info.bytes += bytes_of({packing.to});
      step.scratch = std::max(step.scratch, packing.scratch);
    }
  }
}

Buffer Builder::new_grad(int value) {
  const Buffer made = buffer(floats_of(node(value), n));
  share_grad(value, made);
  return made;
}

float Builder::known_grad(int value) const {
  const auto rate = loss_rates_.find(value);
  if (rate == loss_rates_.end()) return 0;
  for (size_t i = 0; i < draft_.nodes.size(); ++i)
    for (const int src : draft_.nodes[i].inputs)
      if (src == value && needs_grad_[i]) return 0;
  return rate->second;
}

Buffer Builder::new_grad_in_place(int value) {
  const Node& made = node(value);
  const bool spare = readers_[static_cast<size_t>(value)] == 1 && made.as<ConvAttrs>() &&
                     made.activation == Activation::none;
  if (!spare) return new_grad(value);
  share_grad(value, output(value));
  return output(value);
}

Buffer Builder::take_share(int value) {
  std::vector<Buffer>& shares = grads_[static_cast<size_t>(value)];
  if (shares.empty()) return {};
  const Buffer last = shares.back();
  shares.pop_back();
  return last;
}

Buffer Builder::grad(int value) {
  std::vector<Buffer>& shares = grads_[static_cast<size_t>(value)];
  if (const auto rate = loss_rates_.find(value); rate != loss_rates_.end()) {
    const Buffer share = new_grad(value);
    options.target.fill(*this, node(value), "loss gradient", {share}, buffer_of(share),
                        floats_of(node(value), n), rate->second);
    loss_rates_.erase(rate);
  }
  while (shares.size() > 1) {
    const int64_t floats = floats_of(node(value), n);
    const Buffer a = shares[0], b = shares[1], total = buffer(floats);
    options.target.add(*this, node(value), "sum of gradients", {a, b, total}, buffer_of(a), buffer_of(b),
                       buffer_of(total), floats);
    shares.erase(shares.begin());
    shares[0] = total;
  }
  return shares[0];
}

Buffer Builder::grad_before_activation(int value) {
  const Buffer after = grad(value);
  if (node(value).activation == Activation::none) return after;
  const Buffer before = buffer(floats_of(node(value), n));
  options.target.activation_gradient(*this, node(value), output(value), after, before);
  return before;
}

double Builder::flops_of(const Node& node, const std::string& direction) const {
  if (direction != "forward" && direction != "backward data" && direction != "backward weights") return 0;
  const auto drawn = drawn_.find(node.name);
  if (drawn == drawn_.end()) return 0;  // a pass made it
  return 2.0 * (node.rows == 0 ? 1 : n) * static_cast<double>(graph_.multiply_adds(drawn->second));
}

double Builder::bytes_of(const std::vector<Buffer>& uses) const {
  int64_t floats = 0;
  for (const Buffer used : uses) floats += sizes_[static_cast<size_t>(used.id)];
  return sizeof(float) * static_cast<double>(floats);
}

Step& Builder::step(const Node& node, const char* direction, int64_t tasks, std::vector<Buffer> uses,
                    std::function<void(const Context&, int64_t)> run) {
  Step made;
  checked_size(tasks, std::numeric_limits<int>::max(), node.name, ": the number of tasks of one step");
  made.info = {node.name, op_of(node).name, direction, "", node.refused, static_cast<int>(tasks)};
  made.info.flops = flops_of(node, direction);
  made.info.bytes = bytes_of(uses);
  made.uses = std::move(uses);
  made.run = std::move(run);
  steps_.push_back(std::move(made));
  return steps_.back();
}

void Builder::join_micro_batches(int64_t results) {
  if (n == batch) return;
  const auto begin =
      std::stable_partition(steps_.begin(), steps_.end(), [](const Step& step) { return step.packs; });
  MicroBatches& m = micro_batches_;
  m.count = batch / n, m.samples = n;
  own_end_ = sizes_.size();
  for (auto step = steps_.begin(); step != begin; ++step)
    for (const Buffer used : step->uses) packing_buffers_.insert(used.id);
  m.begin = static_cast<size_t>(begin - steps_.begin()), m.end = steps_.size();
  for (auto step = begin; step != steps_.end(); ++step) {
    step->info.flops *= m.count;
    step->info.bytes *= m.count;
  }
  const Node& last = node(draft_.outputs[0]);
  if (results > 0) micro_results_ = join_results(last, m.results = results);
  if (differentiates()) micro_grads_ = join_gradients(last);
}

Buffer Builder::join_results(const Node& node, int64_t results) {
  const int count = micro_batches_.count;
  const Buffer from = persistent(2 * results * count);
  step(node, "join of results", 1, {from}, [=](const Context& c, int64_t) {
    for (int64_t r = 0; r < results; ++r) {
      double sum = 0;
      for (int i = 0; i < count; ++i) sum += c.as<double>(from)[i * results + r];
      c.run.results[r] = r == 0 ? sum / count : sum;
    }
  });
  return from;
}

Buffer Builder::join_gradients(const Node& node) {
  const int count = micro_batches_.count;
  const int64_t floats = micro_batches_.grads = graph_.param_elems();
  const Buffer from = persistent(floats * count);
  std::vector<ParamPiece> pieces = this->pieces(params_to_update());
  for (ParamPiece& piece : pieces)
    if (!moves_at_once(piece.param.position)) piece.packings.reset();
  const std::vector<bool> moves = updated_;
  const auto sum_rows = k.sum_rows;
  Step& sum = step(node, "update", static_cast<int64_t>(pieces.size()), {from},
                   [=, update = update_](const Context& c, int64_t task) {
                     const ParamPiece& piece = pieces[static_cast<size_t>(task)];
                     const bool move = moves[static_cast<size_t>(piece.param.position)];
                     const float* const shares = c.at(from) + piece.param.offset;
                     piece.for_ranges([&](int64_t begin, int64_t n) {
                       for (int64_t i = 0; i < n; i += kFlatTask) {
                         const int64_t at = begin + i, some = std::min(kFlatTask, n - i);
                         float* total = move ? c.scratch : c.grad(piece.param) + at;
                         sum_rows(shares + at, count, floats, total, some);
                         if (move) update.move(c, piece.param, at, total, some);
                       }
                     });
                     piece.pack(c);
                   });
  sum.scratch = kFlatTask;
  declare_packing(sum, pieces);
  for (const ParamPiece& piece : pieces)
    sum.info.bytes +=
        sizeof(float) *
        static_cast<double>(piece.size() *
                            (moves[static_cast<size_t>(piece.param.position)] ? update_.arrays : 1));
  return from;
}

Program Builder::finish(int threads, bool reuse_memory) {
  const int end = static_cast<int>(steps_.size()) - 1;
  std::vector<Lifetime> lives;
  for (size_t i = 0; i < sizes_.size(); ++i)
    lives.push_back({sizes_[i], persistent_[i] ? 0 : end, persistent_[i] ? end : 0});
  ProgramMemory memory{std::vector<int64_t>(sizes_.size()), {}, 0, 0, 0};
  for (int s = 0; s <= end; ++s) {
    const Step& step = steps_[static_cast<size_t>(s)];
    memory.scratch = std::max(memory.scratch, ceil_div(step.scratch, kLanes) * kLanes);
    for (const Buffer used : step.uses) {
      Lifetime& life = lives[static_cast<size_t>(outermost(used.id).whole.id)];
      life.first = std::min(life.first, s);
      life.last = std::max(life.last, s);
    }
  }
  for (const bool own : {false, true}) {
    std::vector<size_t> buffers;
    std::vector<Lifetime> some;
    for (size_t i = 0; i < sizes_.size(); ++i)
      if (is_own(i) == own && !inside_.count(static_cast<int>(i)))
        buffers.push_back(i), some.push_back(lives[i]);
    const MemoryPlan plan = plan_memory(some, reuse_memory);
    for (size_t i = 0; i < buffers.size(); ++i)
      memory.offsets[buffers[i]] = own ? ~plan.offsets[i] : plan.offsets[i];
    (own ? memory.own : memory.shared) =
        checked_size(plan.floats, kMostFloats, "the number of floats that this batch needs");
  }
  for (const auto& [part, place] : inside_) {
    const Inside in = outermost(part);
    const int64_t whole = memory.offsets[static_cast<size_t>(in.whole.id)];
    memory.offsets[static_cast<size_t>(part)] = whole < 0 ? whole - in.at : whole + in.at;
  }
  for (size_t i = 0; i < sizes_.size(); ++i)
    if (persistent_[i]) memory.kept.push_back({memory.offsets[i], sizes_[i]});
  if (micro_results_) micro_batches_.results_at = memory.offsets[static_cast<size_t>(micro_results_.id)];
  if (micro_grads_) micro_batches_.grads_at = memory.offsets[static_cast<size_t>(micro_grads_.id)];
  return Program(std::move(steps_), std::move(memory), micro_batches_, threads);
}

}  // namespace cnnfast
