// A graph with weights: what Python's models and C++ users run. Programs are planned on first use for each
// batch size and mode and kept in a bounded cache; every call runs one of them from beginning to end.
//
// Calls on one Network exclude each other; different Networks may run from different threads at once. Arrays
// may overlap nothing the Network owns and need no alignment.
#pragma once
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "cnnfast/error.h"
#include "cnnfast/graph.h"

namespace cnnfast {

struct PlanRequest;
struct Run;

enum class Mode { predict, train, evaluate, vjp, vjp_training };
enum class DType { float32, float64, uint8 };

// Rows of samples as they lie in memory. index picks rows; null means 0, 1, 2, ...
struct Samples {
  const void* data = nullptr;
  DType dtype = DType::float32;
  const int64_t* index = nullptr;
};

struct Targets {
  const int32_t* labels = nullptr;  // one a row, or
  const float* values = nullptr;    // one row of the output's size a sample
};

enum class Loss {
  none,
  sparse_categorical_crossentropy,
  categorical_crossentropy,
  binary_crossentropy,
  mean_squared_error
};

// Of what predict returns, by Keras's definitions: accuracy, whether the largest output is the true class's;
// equal, the share of outputs that are their targets.
enum class MetricKind { accuracy, binary_accuracy, top_k, equal, mean_squared_error, mean_absolute_error };
struct Metric {
  MetricKind kind;
  int k = 1;               // top_k
  float threshold = 0.5f;  // binary_accuracy: larger outputs are ones
};

// Of gradients, regularizers' included: each value into [-limit, limit], or scaled so that the norm of each
// parameter, or of all trainable ones together, is at most the limit.
struct Clipping {
  enum class Kind { none, value, norm, global_norm } kind = Kind::none;
  double limit = 0;
};

struct OptimizerConfig {
  enum class Kind { none, sgd, adam } kind = Kind::none;
  double learning_rate = 0;
  double momentum = 0;
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7;
  Clipping clipping;
  // Values kept for each parameter.
  int slots() const { return kind == Kind::adam ? 2 : kind == Kind::sgd && momentum != 0; }
};

struct Regularizer {
  float l1 = 0, l2 = 0;
};
// norm: each norm over `axes` moves the share `rate` of its way into [minimum, maximum]. Axes are those that
// the user sees, below 0 counted from the last.
struct Constraint {
  enum class Kind { none, non_negative, norm } kind = Kind::none;
  float minimum = 0, maximum = 0, rate = 1;
  std::vector<int> axes = {0};
};

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

class Network {
 public:
  Network(Graph graph, int output);
  ~Network();

  const Graph& graph() const { return graph_; }
  int output() const { return output_; }
  const Node& input_node() const;
  const Node& output_node() const { return graph_.node(output_); }

  void get_parameter(int position, float* to) const;
  void set_parameter(int position, const float* from);
  void set_trainable(int position, bool trainable);
  void set_regularizer(int position, Regularizer regularizer);
  void set_constraint(int position, Constraint constraint);

  void configure(Loss loss, bool from_logits, std::vector<Metric> metrics, const OptimizerConfig& optimizer);
  bool configured() const { return loss_ != Loss::none; }
  const OptimizerConfig& optimizer() const { return optimizer_; }
  void set_learning_rate(double rate) { optimizer_.learning_rate = rate; }
  Loss loss() const { return loss_; }
  // 0, 1 or 2 flat buffers of param_elems floats.
  int optimizer_slots() const;
  float* optimizer_slot(int slot) { return slots_[static_cast<size_t>(slot)].get(); }

  uint64_t seed = 0;
  int64_t step = 0;

  void predict(const Samples& x, int n, float* out);
  // results receives result_count() means over the batch: the loss, then the metrics.
  void train_step(const Samples& x, const Targets& y, int n, double* results);
  void evaluate_step(const Samples& x, const Targets& y, int n, double* results);
  size_t result_count() const { return metrics_.size() + 1; }
  void vjp(const Samples& x, const float* grad_out, int n, bool training, float* grad_x, float* grad_params);

  int64_t memory(int n, Mode mode);
  int64_t arena_bytes(int n, Mode mode) const;
  std::vector<StepInfo> plan(int n, Mode mode);
  // The fastest of `runs` runs after a first one; y for Mode::train. Trains a copy: weights, optimizer and
  // step stay as they are.
  Timing profile(const Samples& x, const Targets& y, int n, Mode mode, int runs);
  // Times every algorithm that accepts one of the network's convolutions, on random samples and one thread,
  // and adds what it found to what plans go by (set_tuning).
  void tune(int n, Mode mode);

  void force_algorithm(const std::string& op, const std::string& algorithm);
  void disable_pass(const std::string& name, bool disabled);

 private:
  struct Cached;
  struct Free {
    void operator()(float* p) const;
  };
  using Floats = std::unique_ptr<float[], Free>;
  static Floats new_floats(int64_t n);

  struct Key;
  struct Copies;
  PlanRequest request(const Key& key) const;
  Cached& find(int n, Mode mode);   // plans the program if it is not in the cache
  Cached& ready(int n, Mode mode);  // with its arena
  Run bound(Run run) const;         // to weights and optimizer
  void execute(int n, Mode mode, const Run& run);
  Copies copy_state() const;
  void measure(int n, Mode mode);
  void forget_programs();

  Graph graph_;
  int output_;
  Floats params_, grads_;
  std::vector<Floats> slots_;
  std::vector<bool> trainable_;
  std::vector<Regularizer> regularizers_;
  std::vector<Constraint> constraints_;
  Loss loss_ = Loss::none;
  bool from_logits_ = false;
  std::vector<Metric> metrics_;
  OptimizerConfig optimizer_;
  uint64_t version_ = 1;  // of params_: programs repack weights when it moved on
  std::map<std::string, std::string> forced_;
  std::set<std::string> disabled_;
  std::list<Cached> cache_;
  mutable std::mutex mutex_;
};

}  // namespace cnnfast
