// Several weights, locked together: in the order of their addresses, so that any two sets can be locked from
// any two threads.
#pragma once
#include <algorithm>
#include <functional>

#include "cnnfast/weight.h"
#include "graph/device.h"
#include "runtime/floats.h"
#include "runtime/no_fork.h"

namespace cnnfast {

// The values as a device has them.
struct Weight::Mirror {
  DeviceFloats floats;
  uint64_t version;     // of the weight, that they are
  bool newest = false;  // the host's are older
};

class LockedWeights {
 public:
  // `weights` stays as it is, and in its order, for as long as they are locked; each is there once.
  explicit LockedWeights(const std::vector<Weight*>& weights) : weights_(weights) {
    for (Weight* weight : weights_) weight->mutex_.lock();
  }
  ~LockedWeights() {
    for (Weight* weight : weights_) weight->mutex_.unlock();
  }
  LockedWeights(const LockedWeights&) = delete;
  LockedWeights& operator=(const LockedWeights&) = delete;

  static std::vector<Weight*> in_order(const Weights& weights) {
    std::vector<Weight*> all;
    for (const WeightPtr& weight : weights) all.push_back(weight.get());
    std::sort(all.begin(), all.end(), std::less<>());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  // Of one of the weights.
  static float* values(const Weight& weight) {
    weight.fetch();
    return weight.values_ ? weight.values_->data() : weight.first_values();
  }
  static float* values_on(const DevicePtr& device, const Weight& weight) {
    return device ? weight.mirrored(device) : values(weight);
  }
  static void bring_home(const Weight& weight) {
    weight.fetch();
    weight.mirror_.reset();
  }
  static const WeightRules& rules(const Weight& weight) { return weight.rules_; }
  static bool has_values(const Weight& weight) { return weight.values_ != nullptr; }
  static void store(Weight& weight, const float* from, std::unique_ptr<Floats> memory) {
    weight.store(from, std::move(memory));
  }
  static void changed(Weight& weight) { ++weight.version_; }
  static void changed_on_device(Weight& weight) {
    weight.mirror_->version = ++weight.version_;
    weight.mirror_->newest = true;
  }

  bool are_awaited() const { return are_awaited(weights_); }
  static bool are_awaited(const std::vector<Weight*>& weights) {
    return std::any_of(weights.begin(), weights.end(),
                       [](const Weight* weight) { return weight->mutex_.is_awaited(); });
  }

  // A number that grows with every change of any of them.
  uint64_t version() const {
    uint64_t sum = 0;
    for (const Weight* weight : weights_) sum += weight->version_;
    return sum;
  }

 private:
  NoFork no_fork_;
  const std::vector<Weight*>& weights_;
};

}  // namespace cnnfast
