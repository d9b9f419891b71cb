// Turns a draft into a program: ops append their steps here and ask for memory. Forward first, then backward
// in reverse.
#pragma once
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph/draft.h"
#include "graph/packing.h"
#include "graph/program.h"
#include "graph/target.h"

namespace cnnfast {

inline int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Rows, planes and floats of a node's output for n samples, as its layout stores it. Throw Error{value} where
// there are more rows than a batch may have.
int rows_of(const Node& node, int n);
int64_t planes_of(const Node& node, int n);
int64_t floats_of(const Node& node, int n);

// Moves [at, at + n) of a parameter by its finished gradient.
struct Update {
  std::function<void(const Context&, ParamPlace, int64_t at, const float* grad, int64_t n)> move;
  int arrays = 0;  // as large as the gradient, that it reads besides
  explicit operator bool() const { return static_cast<bool>(move); }
};

class Builder {
 public:
  // Steps see options.n samples at a time: the whole batch, or one micro-batch of it.
  Builder(const Draft& draft, const Graph& graph, const PassOptions& options, int batch);

  const PassOptions& options;
  const KernelTable& k;
  const int n, batch;
  const Mode mode;

  const Node& node(int value) const { return draft_.nodes[static_cast<size_t>(value)]; }
  const Node& source(const Node& node, int i = 0) const {
    return this->node(node.inputs[static_cast<size_t>(i)]);
  }
  int rows(const Node& node) const { return rows_of(node, n); }
  const Parameter& param(int position) const { return graph_.params()[static_cast<size_t>(position)]; }
  ParamPlace place(int position) const { return {position, graph_.offset(position)}; }
  bool differentiates() const { return mode != Mode::predict && mode != Mode::evaluate; }
  bool differentiates_input() const { return mode == Mode::vjp || mode == Mode::vjp_training; }

  Buffer buffer(int64_t floats);
  Buffer persistent(int64_t floats);  // keeps its content between runs
  // A parameter as steps that follow read it, kept up to date by steps of its own and by the update.
  Buffer pack(const Node& node, int64_t floats, Packing packing);
  Buffer output(int value);       // the node's output, taken on first request
  Buffer kept_output(int value);  // the same, if its content is to be kept between runs
  // Before steps are made: the value is to be made inside of another one, from there on, unless it is already
  // to be made in some other place.
  void place_inside(int value, int whole, int64_t at);
  bool is_inside(int value, int whole, int64_t at) const;
  // Something the forward step keeps for the backward one.
  Buffer& saved(int value, const char* what) { return saved_[{value, what}]; }

  std::vector<int> readers(int value) const;  // nodes; one that reads it twice counts twice

  // Whether an input or a weight has to be there as a value: losses and metrics read samples where they lie,
  // products and indices weights.
  bool imported(int value) const { return imported_[static_cast<size_t>(value)]; }

  // The loss adds `rate` times the sum of the value's numbers. Where that is all of its gradient, the forward
  // step may write what it is told by known_grad; otherwise that is 0, and grad() has it.
  void set_loss_rate(int value, float rate) { loss_rates_[value] += rate; }
  float known_grad(int value) const;

  void set_needs_grad(int value, bool needed) { needs_grad_[static_cast<size_t>(value)] = needed; }
  bool needs_grad(int value) const { return needs_grad_[static_cast<size_t>(value)]; }
  void set_trainable(std::vector<bool> trainable) { trainable_ = std::move(trainable); }
  bool trainable(int position) const {
    return trainable_.empty() || trainable_[static_cast<size_t>(position)];
  }

  // Training: for a step that moves a parameter itself, while the gradient it finished is in cache;
  // Run::grads does not get it then. Empty where the gradient is to be left in Run::grads, as that of a
  // micro-batch, of a packed parameter or of a weight used twice. Ask after the last step that reads the
  // parameter.
  Update update_at_once(int position);
  void set_update(Update update, std::vector<bool> at_once);
  // After all gradients of parameters: those of a weight are added up, in the place of its first use.
  void sum_uses();
  // Whether the program trains the weight, and this position stands for it: it is that of the first use.
  bool trains(int position) const;
  // Those positions that no step moves yet.
  std::vector<int> params_to_update() const;
  std::vector<ParamPiece> pieces(const std::vector<int>& positions) const;
  // Whether steps so far read packed copies of the weight.
  bool packs(int position) const { return packings_.count(param(position).first) > 0; }
  // Before the tasks of a step may pack these pieces.
  void declare_packing(Step& step, const std::vector<ParamPiece>& pieces) const;

  // A buffer that the caller overwrites with one consumer's share of the gradient of a value.
  Buffer new_grad(int value);
  // The same in the place of the value itself, for its only reader, if whoever made it does not read it
  // either.
  Buffer new_grad_in_place(int value);
  void share_grad(int value, Buffer grad) { grads_[static_cast<size_t>(value)].push_back(grad); }
  // What another consumer gave last, for the caller to add to its own share; none: there is nothing yet.
  Buffer take_share(int value);
  bool has_grad(int value) const {
    return !grads_[static_cast<size_t>(value)].empty() || loss_rates_.count(value) > 0;
  }
  // The whole gradient: all consumers have been lowered. Adds the shares where there are several.
  Buffer grad(int value);
  // The gradient before the node's fused activation.
  Buffer grad_before_activation(int value);

  Step& step(const Node& node, const char* direction, int64_t tasks, std::vector<Buffer> uses,
             std::function<void(const Context&, int64_t)> run);

  // Ends the steps that see one micro-batch each, if batches are cut; steps that follow see the whole batch,
  // of the `results` the first one's mean and the others' sums and, where there are some, the sum of the
  // gradients, with which the join moves parameters at once.
  void join_micro_batches(int64_t results);

  // Plans the memory; the builder is spent afterwards.
  Program finish(int threads, bool reuse_memory);

 private:
  double flops_of(const Node& node, const std::string& direction) const;
  double bytes_of(const std::vector<Buffer>& uses) const;

  const Draft& draft_;
  const Graph& graph_;
  Buffer join_results(const Node& node, int64_t results);
  Buffer join_gradients(const Node& node);
  bool is_own(size_t buffer) const {
    return buffer < own_end_ && !persistent_[buffer] && !packing_buffers_.count(static_cast<int>(buffer));
  }
  bool moves_at_once(int position);

  std::vector<Step> steps_;
  MicroBatches micro_batches_;
  Buffer micro_results_, micro_grads_;
  struct Inside {
    Buffer whole;
    int64_t at;
    bool operator==(const Inside& other) const { return whole.id == other.whole.id && at == other.at; }
  };
  Inside outermost(int buffer) const;
  std::map<int, Inside> inside_;   // of buffers that are parts of others
  size_t own_end_ = 0;             // of the buffers that each thread has for its micro-batch
  std::set<int> packing_buffers_;  // but for these
  std::vector<int64_t> sizes_;
  std::vector<bool> persistent_;
  std::vector<Buffer> outputs_;
  std::vector<std::vector<Buffer>> grads_;
  std::vector<int> readers_;  // how many, of each value
  std::vector<bool> imported_, needs_grad_, trainable_;
  std::map<int, float> loss_rates_;
  Update update_;
  std::vector<bool> at_once_, updated_;   // of each parameter
  std::map<int, std::vector<int>> uses_;  // of weights, by first positions: all that the draft uses
  std::map<std::string, int> drawn_;      // nodes of the graph by name
  std::map<std::pair<int, std::string>, Buffer> saved_;
  std::map<int, Packings> packings_;  // of weights, by first positions
};

// Steps over a flat buffer are cut into tasks of this many floats: 64 KB, a few microseconds of work.
constexpr int64_t kFlatTask = 16384;
inline int64_t flat_tasks(int64_t floats) {
  return ceil_div(floats, kFlatTask);
}
inline int64_t flat_size(int64_t floats, int64_t task) {
  return std::min(kFlatTask, floats - task * kFlatTask);
}

}  // namespace cnnfast
