#include "graph/measure.h"

#include <cmath>
#include <deque>
#include <random>

#include "ops/conv/conv.h"
#include "runtime/floats.h"

namespace cnnfast {

namespace {

constexpr double kSeconds = 0.5;  // of the runs of one program, unless the first takes longer
constexpr int kMostRuns = 30;

// A convolution, and the nodes behind it that take over its layout: what they cost depends on its algorithm.
struct Group {
  ConvProblem problem;
  std::string key;
  std::vector<std::string> nodes;
};

bool follows_layout(const Node& node) {
  const auto* activation = node.as<ActivationAttrs>();
  return node.as<PoolAttrs>() || node.as<DropoutAttrs>() || node.as<AddAttrs>() || node.as<FormulaAttrs>() ||
         (activation && activation->kind != ActivationKind::softmax);
}

// Samples that a step of the planned program sees.
int samples_a_step(const PlanRequest& request) {
  const int micro_batch = make_program(request).micro_batch();
  return micro_batch > 0 ? micro_batch : request.n;
}

std::vector<Group> groups_of(const PlanRequest& request, int n) {
  const Draft draft(request.graph, request.outputs);
  const PassOptions options = pass_options(request, n);
  std::vector<Group> groups;
  std::vector<int> group_of(draft.nodes.size(), -1);
  for (size_t i = 0; i < draft.nodes.size(); ++i) {
    const Node& node = draft.nodes[i];
    if (node.as<ConvAttrs>()) {
      const Node& src = draft.nodes[static_cast<size_t>(node.inputs[0])];
      const ConvProblem problem = planned_problem(src, node, options);
      group_of[i] = static_cast<int>(groups.size());
      groups.push_back({problem, tuning_key(problem, options), {}});
    } else if (follows_layout(node)) {
      group_of[i] = group_of[static_cast<size_t>(node.inputs[0])];
    }
    if (group_of[i] >= 0) groups[static_cast<size_t>(group_of[i])].nodes.push_back(node.name);
  }
  return groups;
}

// Random samples, and room for what a run makes of them. What an objective adds may be class numbers: zeros.
class RandomRun {
 public:
  explicit RandomRun(const PlanRequest& request) {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    const auto numbers = [&](int value) {
      const Node& node = request.graph.node(value);
      return static_cast<size_t>(rows_of(node, request.n) * node.elems());
    };
    for (const int input : request.graph.inputs()) {
      std::vector<float>& values = values_.emplace_back(numbers(input), 0.0f);
      inputs_.push_back({values.data()});
      if (request.objective && input != request.graph.inputs()[0]) continue;
      for (float& value : values) value = normal(generator);
    }
    if (request.objective) {
      results_.resize(static_cast<size_t>(results_of(*request.objective)));
      return;
    }
    for (const int output : request.outputs) outputs_.push_back(values_.emplace_back(numbers(output)).data());
  }
  void lend(Run* run) const {
    run->inputs = inputs_.data(), run->outputs = outputs_.data(), run->results = results_.data();
  }

 private:
  std::deque<std::vector<float>> values_;
  std::vector<Samples> inputs_;
  std::vector<float*> outputs_;
  mutable std::vector<double> results_;
};

// The shortest time of each step.
std::vector<double> time_steps(const Program& program, Run run, bool training) {
  const Floats arena(program.floats(), "tuning");
  run.arena = arena.data();
  run.repack = true;
  program.run(&run, program.threads());
  run.repack = training;  // by steps that tell whose time it is, not in the update
  std::vector<double> seconds(program.steps().size(), 0), best(seconds.size(), HUGE_VAL);
  run.step_seconds = seconds.data();
  double all = 0;
  for (int i = 0; i < kMostRuns && all < kSeconds; ++i) {
    program.run(&run, program.threads());
    for (size_t s = 0; s < best.size(); ++s) {
      best[s] = std::min(best[s], seconds[s]);
      all += seconds[s];
    }
  }
  return best;
}

double seconds_of(const Group& group, const Program& program, const std::vector<double>& step_seconds) {
  double sum = 0;
  for (size_t s = 0; s < step_seconds.size(); ++s)
    for (const std::string& name : group.nodes)
      if (program.steps()[s].info.name == name) sum += step_seconds[s];
  return sum;
}

}  // namespace

bool is_tuned(const PlanRequest& request) {
  for (const Group& group : groups_of(request, samples_a_step(request)))
    if (!request.tuning.convolutions.count(group.key)) return false;
  return true;
}

Tuning measure_convolutions(PlanRequest request, Run run) {
  const int step_n = samples_a_step(request);
  const int64_t n = request.n;
  const std::vector<Group> groups = groups_of(request, step_n);
  const RandomRun random(request);
  random.lend(&run);

  Tuning found;
  request.threads = 1;
  for (const ConvAlgorithm* algorithm : conv_algorithms()) {
    const auto accepts = [&](const Group& group) { return algorithm->refuse(group.problem).empty(); };
    if (std::none_of(groups.begin(), groups.end(), accepts)) continue;
    request.first = algorithm;
    const Program program = make_program(request, step_n);
    const std::vector<double> seconds = time_steps(program, run, request.mode == Mode::train);
    std::map<std::string, int> count;  // one shape may occur several times: the mean counts
    for (const Group& group : groups)
      if (accepts(group)) {
        double& mean = found.convolutions[group.key][algorithm->name];
        mean += (seconds_of(group, program, seconds) * step_n / n - mean) / ++count[group.key];
      }
  }
  if (!request.tuning.machines.count(request.kernels.isa))
    found.machines[request.kernels.isa] = measured_machine(request.kernels);
  return found;
}

}  // namespace cnnfast
