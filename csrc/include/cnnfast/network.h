// A graph with its weights bound: what Python's models and C++ users run. Programs are planned on first use
// for each batch size and mode and kept in a bounded cache; every call runs one of them from beginning to
// end, in memory that all of them share.
//
// Calls on one Network, or on several that bind the same weight, exclude each other: each is one
// transaction, its checks included. Others may run from different threads at once. Arrays may overlap nothing
// that Network and weights own and need no alignment; null, or values that do not suit, are an Error, and
// nothing has changed then.
#pragma once
#include <algorithm>
#include <cmath>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cnnfast/error.h"
#include "cnnfast/graph.h"
#include "cnnfast/objective.h"

namespace cnnfast {

class Device;
class Workspace;
struct PlanRequest;
struct Run;
struct TrainingState;

enum class Mode { predict, train, evaluate, vjp, vjp_training };
enum class DType { float32, float64, uint8, int32 };

// Rows of samples as they lie in memory: one a sample, whatever rows the input's node has for each. index
// picks from `rows` of them; null means 0, 1, 2, ... Of a node with one row for the whole batch there is that
// one.
struct Samples {
  const void* data = nullptr;
  DType dtype = DType::float32;
  const int64_t* index = nullptr;
  int64_t rows = 0;
  int64_t elems = 0;  // numbers of one sample, for the run to compare with its input's; 0: not told
};

struct Targets {
  const int32_t* labels = nullptr;  // one a row, for sparse_categorical_crossentropy, or
  const float* values = nullptr;    // one row of the output's size a sample
};

// Of gradients, regularizers' included: each value into [-limit, limit], or scaled so that the norm of each
// parameter, or of all trainable ones together, is at most the limit.
struct Clipping {
  enum class Kind { none, value, norm, global_norm } kind = Kind::none;
  double limit = 0;
};

struct OptimizerConfig {
  // graph: assignments of the objective's graph move weights, and nothing else does.
  enum class Kind { none, sgd, adam, formula, graph } kind = Kind::none;
  double learning_rate = 0;
  double momentum = 0;
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  Clipping clipping = {};
  // Kind::formula: what moves a weight, each number alone. It reads the weight, its gradient, its slots, then
  // the learning rate and the step, from 0; it makes the weight and the slots, which begin with `begins`.
  // Weights that are exempt go by the other formula.
  Formula formula = {}, exempt_formula = {};
  std::vector<float> begins = {};
  Weights exempt = {};
  float begin_of(size_t slot) const { return kind == Kind::formula ? begins[slot] : 0.0f; }
  bool exempts(const WeightPtr& weight) const {
    return std::find(exempt.begin(), exempt.end(), weight) != exempt.end();
  }
  // Values kept for each parameter; at most kMostSlots.
  int slots() const {
    if (kind == Kind::formula) return static_cast<int>(begins.size());
    return kind == Kind::adam ? 2 : kind == Kind::sgd && momentum != 0;
  }
};
constexpr int kMostSlots = 6;

struct StepInfo {
  std::string name, op, direction, algorithm, refused;
  int tasks;
  // Of the direct computation, where the step is one direction of a layer that multiplies: an algorithm may
  // need fewer operations or more steps, each of which then names all of them.
  double flops = 0;
  double bytes = 0;  // of the buffers it works on, each counted once
};

// One run of a program, timed.
struct Timing {
  double seconds;                    // the whole
  std::vector<double> step_seconds;  // as plan() lists the steps; 0 where one was left out
  int threads;
};

// Batches of n samples, one after the other: of each input the next n rows a batch.
struct Batches {
  int n;
  int count = 1;              // at most; at least one is run
  double seconds = HUGE_VAL;  // none begins once these have passed
  // In training, a learning rate for each of them, of which the last one used stays; without, the present
  // one.
  std::span<const double> rates = {};
};

// What training changes, of one moment.
struct Snapshot {
  std::vector<std::vector<float>> weights;  // as Network::weights() lists them
  std::vector<std::vector<float>> slots;    // as Network::slots()
  int64_t step;
  uint64_t seed;
};

// For the programs of several networks. Where two of them run at once, one takes memory for that call.
std::shared_ptr<Workspace> make_workspace();

// What training keeps besides weights: the optimizer, its slots by weight, step, seed and the number of
// predictions. Networks of one model, for several sizes of its inputs, share one; calls on them exclude each
// other.
std::shared_ptr<TrainingState> make_training_state();

class Network {
 public:
  // Without a workspace or a state it has its own. Inputs are the graph's, in their order.
  Network(Graph graph, std::vector<int> outputs, std::shared_ptr<Workspace> workspace = nullptr,
          std::shared_ptr<TrainingState> state = nullptr);
  Network(Graph graph, int output, std::shared_ptr<Workspace> workspace = nullptr);
  ~Network();

  const Graph& graph() const { return graph_; }
  const std::vector<int>& outputs() const { return outputs_; }
  const Node& input_node(int number = 0) const;
  const Node& output_node(int number = 0) const;

  // Each once, in the order of the graph.
  const Weights& weights() const { return weights_; }
  Weight& weight(int number) const;  // throws Error{value} where there is none

  // Chooses what to train for. Evaluation may have another graph of the same inputs, losses and metrics.
  void set_objective(Objective training);
  void set_objective(Objective training, Objective evaluation);
  // Chooses how, and begins anew: for all networks that share the state.
  void set_optimizer(const OptimizerConfig& optimizer);
  // Both, for a network of one input and one output.
  void configure(Loss loss, bool from_logits, std::vector<Metric> metrics, const OptimizerConfig& optimizer);
  bool configured() const;
  std::shared_ptr<const Objective> objective(Mode mode) const;  // of training or evaluation
  OptimizerConfig optimizer() const;
  void set_learning_rate(double rate);
  // Where it computes: "cpu", "cuda", "cuda:1", and so all networks that share the state. Until it is told,
  // the process's default. Throws Error{value} where there is no such device.
  std::string device() const;
  void set_device(const std::string& name);
  // Brings home what is on a device, and gives memory and programs back, which the next run takes where it
  // is then.
  void leave_device();
  uint64_t seed() const;  // of all random numbers
  void set_seed(uint64_t seed);
  // How many predictions, evaluations and gradients there were: random numbers are others in each.
  int64_t predictions() const;
  void set_predictions(int64_t predictions);
  int64_t step() const;  // updates made since it was configured

  // The optimizer's state: a buffer of slot_elems() floats for each slot, those of weights() first, each
  // weight's on a cache line, then those of other weights in objectives.
  std::vector<std::vector<float>> slots() const;
  void set_slots(const std::vector<std::vector<float>>& slots, int64_t step);
  int64_t slot_elems() const;
  Snapshot snapshot() const;

  // Batch after batch in one transaction, which ends early where another thread waits for it. Return how many
  // were run. One Samples for each input, or input of the objective, with rows for all batches; and room for
  // each output of all, or results, which receive for each batch the loss, then the sums of the metrics.
  int predict(std::span<const Samples> inputs, const Batches& batches, std::span<float* const> outputs);
  int train(std::span<const Samples> inputs, const Batches& batches, std::vector<double>& results);
  int evaluate(std::span<const Samples> inputs, const Batches& batches, std::vector<double>& results);
  // grad_weights has graph().weight_elems() floats; Graph::offset tells where those of a weight begin.
  void vjp(std::span<const Samples> inputs, std::span<const float* const> grad_outputs, int n, bool training,
           std::span<float* const> grad_inputs, float* grad_weights);

  // The same for networks of one input and one output; results receives means of the metrics.
  void predict(const Samples& x, int n, float* out);
  void train_step(const Samples& x, const Targets& y, int n, std::vector<double>& results);
  void evaluate_step(const Samples& x, const Targets& y, int n, std::vector<double>& results);
  void vjp(const Samples& x, const float* grad_out, int n, bool training, float* grad_x, float* grad_weights);

  // Bytes of a program's memory, told before it runs, and those of the workspace now.
  int64_t memory(int n, Mode mode);
  int64_t arena_bytes() const;
  std::vector<StepInfo> plan(int n, Mode mode);
  // The fastest of `runs` runs after a first one; inputs are the objective's for Mode::train. Trains a copy:
  // weights, optimizer and step stay as they are.
  Timing profile(std::span<const Samples> inputs, int n, Mode mode, int runs);
  // Times every algorithm that accepts one of the network's convolutions, on random samples and one thread,
  // and adds what it found to what plans go by (set_tuning).
  void tune(int n, Mode mode);

  void force_algorithm(const std::string& op, const std::string& algorithm);
  void disable_pass(const std::string& name, bool disabled);

 private:
  struct Cached;
  struct Copies;
  struct Key;
  struct Side;
  struct Transaction;
  Side& side(Mode mode) const;
  PlanRequest request(const Key& key) const;
  void prepare(int n, Mode mode);  // refuses what cannot be planned, and looks up what is trained
  Cached& find(int n, Mode mode);  // plans the program if it is not in the cache
  // To weights, gradients and optimizer, as the device has them.
  Run bound(Mode mode, Run run, const std::vector<double>& factors, const std::shared_ptr<Device>& device);
  void bind_step(Mode mode, Run* run, const std::vector<double>& factors);
  void follow(Mode mode, const Batches& batches, int number);
  int execute(Mode mode, const Batches& batches, Run run, const Transaction& transaction);
  void note_changes(Mode mode, Cached* cached, const Transaction& transaction);
  void give_way() const;
  int run_batches(Mode mode, std::span<const Samples> inputs, const Batches& batches,
                  std::vector<double>& results);
  int run_within(const Transaction& transaction, Mode mode, std::span<const Samples> inputs,
                 const Batches& batches, std::vector<double>& results);
  void step_on(Mode mode, const Samples& x, const Targets& y, int n, std::vector<double>& results);
  void note_changes_here();
  void take_state(Mode mode, const std::shared_ptr<Device>& device);
  void take_slots(Cached* cached);
  Copies copy_state(Mode mode, const std::shared_ptr<Device>& device) const;
  void measure(int n, Mode mode);
  void set_sides(std::shared_ptr<Side> training, std::shared_ptr<Side> evaluation);
  void forget_programs();
  std::vector<std::vector<float>> copied_slots() const;

  Graph graph_;
  std::vector<int> outputs_;
  Weights weights_;
  std::shared_ptr<Workspace> workspace_;
  std::shared_ptr<TrainingState> state_;  // whose mutex all calls hold
  std::shared_ptr<Side> predicting_, training_, evaluating_;
  Weights all_weights_;  // those of objectives, too
  std::vector<Weight*> locking_order_;
  std::map<std::string, std::string> forced_;
  std::set<std::string> disabled_;
  std::list<Cached> cache_;
};

}  // namespace cnnfast
