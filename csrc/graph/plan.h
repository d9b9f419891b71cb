// From a graph to a program: passes, then the steps of the wanted mode, then the memory.
#pragma once
#include "graph/draft.h"
#include "graph/program.h"
#include "graph/results.h"
#include "graph/target.h"
#include "graph/tuning.h"
#include "optim/update.h"

namespace cnnfast {

struct PlanRequest {
  const Graph& graph;
  std::vector<int> outputs;    // or what outputs_of an objective are
  const Objective* objective;  // null where nothing is trained or evaluated; otherwise the graph is its
  int n;
  Mode mode;
  Precision precision;
  const KernelTable& kernels;
  int threads;
  UpdatePlan update;
  const std::map<std::string, std::string>& forced;
  const std::set<std::string>& disabled;
  const Tuning& tuning;
  const ConvAlgorithm* first = nullptr;  // as in PassOptions
  const Target& target = kCpuTarget;
};

// For steps that see n samples at a time: the request's batch, or a micro-batch of it.
PassOptions pass_options(const PlanRequest& request, int n);
Program make_program(const PlanRequest& request, int n);

// The better of the two, if batches may be cut.
Program make_program(const PlanRequest& request);

}  // namespace cnnfast
