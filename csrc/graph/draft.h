// The network as the passes see it: a copy of the graph's nodes that may be rewritten. Each pass is one file
// with one entry point; a pass that is switched off must not change results beyond rounding.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cnnfast/graph.h"
#include "cnnfast/network.h"
#include "cnnfast/precision.h"

namespace cnnfast {

struct ConvAlgorithm;
struct ConvProblem;
struct KernelTable;
struct Target;
struct Tuning;

struct Draft {
  std::vector<Node> nodes;  // in an order in which every input precedes its users
  std::vector<int> outputs;

  // A value whose format no layer decided has that of its first reader that cares.
  Draft(const Graph& graph, std::vector<int> outputs);
  std::vector<int> consumers() const;  // of each node; an output counts as one more
  void drop_unused();                  // what no output needs goes, but inputs; the rest is renumbered

  // Calls body(i) for every node, sources first, then drops what is unused. The body may bypass node i: those
  // that come after it read its first input instead. Takes time in proportion to the nodes.
  template <class Body>
  void rewrite(const Body& body) {
    instead_.resize(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
      instead_[i] = static_cast<int>(i);
      for (int& src : nodes[i].inputs) src = instead_[static_cast<size_t>(src)];
      body(i);
    }
    for (int& output : outputs) output = instead_[static_cast<size_t>(output)];
    drop_unused();
  }
  void bypass(size_t node) { instead_[node] = nodes[node].inputs[0]; }

 private:
  std::vector<int> instead_;  // of each node that was rewritten: what its readers read
};

struct PassOptions {
  int n;  // batch
  Mode mode;
  Precision precision;
  const KernelTable& kernels;
  const std::map<std::string, std::string>& forced;
  const Tuning& tuning;
  const ConvAlgorithm* first;  // or null: to be taken wherever it accepts, while tuning
  const Target& target;
};

// Names of the passes that may be switched off, in the order in which they run.
const std::vector<std::string>& optional_passes();

// A loss works on the logits under the softmax or sigmoid that makes its predictions, which is exact and
// cheaper.
void merge_losses(Draft& draft);
void drop_dropout(Draft& draft);
// A normalization by known statistics goes into the kernel and the bias of the convolution before it.
void fold_norm(Draft& draft);
// max(relu(x)) = relu(max(x)), and likewise for every increasing function: the activation moves behind the
// pooling, where fewer elements are left.
void pool_before_activation(Draft& draft);
void fuse_activation(Draft& draft);
// A value that only a formula of its shape reads becomes a part of it.
void merge_formulas(Draft& draft);
// Formulas that are what an epilogue does, too; where something is differentiated only those whose output
// tells the derivative.
void fuse_formula(Draft& draft, bool differentiates);
// The mean of what a 1x1 convolution makes is what it makes of the mean: the pooling comes first, where that
// leaves fewer pixels.
void pool_before_conv(Draft& draft);
// A convolution as its algorithm is chosen for it, and what tuning calls it.
ConvProblem planned_problem(const Node& src, const Node& conv, const PassOptions& options);
std::string tuning_key(const ConvProblem& problem, const PassOptions& options);
// Gives every node its layout and inserts reorders where layouts meet.
void choose_layout(Draft& draft, const PassOptions& options);
// A convolution takes a following 2x2 maximum, or in prediction a mean, into its epilogue, if its algorithm
// can.
void fuse_pool(Draft& draft, bool differentiates);
// A convolution or batch normalization adds the other summand, which is there before it, in its epilogue.
void fuse_add(Draft& draft, const Target& target);

// Runs them all.
void run_passes(Draft& draft, const PassOptions& options, const std::set<std::string>& disabled);

}  // namespace cnnfast
