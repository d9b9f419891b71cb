// Weights: what layers own and networks bind. A weight belongs to whoever made it, for life; every network
// that binds it computes with the same numbers, and training in one is seen by all.
//
// Safe to use from any thread: calls, and runs of networks that bind the weight, exclude each other.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cnnfast/dims.h"
#include "cnnfast/mutex.h"

namespace cnnfast {

class Device;
class Floats;

// How a weight begins. Uniform in +-sqrt(6 / (inputs + outputs)), or +-sqrt(6 / inputs), of a unit times the
// receptive field; Glorot and Bengio 2010, He et al. 2015.
enum class Initializer { zeros, ones, glorot_uniform, he_uniform };

struct Regularizer {
  float l1 = 0, l2 = 0;
  bool operator==(const Regularizer&) const = default;
};
// norm: each norm over `axes` moves the share `rate` of its way into [minimum, maximum].
struct Constraint {
  enum class Kind { none, non_negative, norm } kind = Kind::none;
  float minimum = 0, maximum = 0, rate = 1;
  uint32_t axes = 1;  // bit i: the i-th of the weight's dims
  bool operator==(const Constraint&) const = default;
};

// What training does with a weight, in whatever network.
struct WeightRules {
  bool trainable = true;
  Regularizer regularizer = {};
  Constraint constraint = {};
  double rate_factor = 1;  // of the learning rate
  bool operator==(const WeightRules&) const = default;
};

class Weight {
 public:
  // Memory is taken when values are first needed. They then come from the initializer, a function of the seed
  // alone, unless set() came first.
  Weight(std::string name, Dims dims, Initializer initializer = Initializer::zeros, uint64_t seed = 0);
  ~Weight();
  Weight(const Weight&) = delete;
  Weight& operator=(const Weight&) = delete;

  const std::string& name() const { return name_; }
  const Dims& dims() const { return dims_; }
  int64_t size() const { return size_; }

  // size() floats, in the order of dims(), that overlap nothing of the weight's. Throws Error{value} for
  // null.
  void get(float* to) const;
  void set(const float* from);
  // As set(), if there are no values yet. Returns whether it did.
  bool set_first(const float* from);
  bool has_values() const;
  // Forgets the values and gives their memory back.
  void clear();

  WeightRules rules() const;
  void set_trainable(bool trainable);
  // Throw Error{value} where a number is not finite or out of its range, or an axis is not there.
  void set_regularizer(Regularizer regularizer);
  void set_constraint(Constraint constraint);
  void set_rate_factor(double factor);

 private:
  friend class LockedWeights;
  float* first_values() const;  // where there are none; locked, as all that follows
  void fetch() const;           // from the mirror, where that is newer
  float* mirrored(const std::shared_ptr<Device>& device) const;             // the present values, there
  void store(const float* from, std::unique_ptr<Floats> memory = nullptr);  // in it, if there is none yet

  const std::string name_;
  const Dims dims_;
  const int64_t size_;
  const Initializer initializer_;
  const uint64_t seed_;
  WeightRules rules_;
  struct Mirror;
  mutable std::unique_ptr<Floats> values_;  // null: none yet
  mutable std::unique_ptr<Mirror> mirror_;  // on a device; null: on none
  mutable uint64_t version_ = 0;            // grows with every change of the values
  mutable Mutex mutex_;
};

using WeightPtr = std::shared_ptr<Weight>;
using Weights = std::vector<WeightPtr>;

// The values of several weights as they are at one moment, and to set them all at once.
std::vector<std::vector<float>> get_all(const Weights& weights);
void set_all(const Weights& weights, const std::vector<const float*>& from);

}  // namespace cnnfast
