#include "cnnfast/weight.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/sizes.h"
#include "graph/checks.h"
#include "graph/locked_weights.h"
#include "runtime/floats.h"
#include "runtime/no_fork.h"
#include "runtime/rng.h"

namespace cnnfast {

namespace {

int64_t elems_of(const std::string& name, const Dims& dims) {
  for (const int64_t d : dims)
    if (d < 1) fail(name, ": weights need at least 1 along every axis, got shape ", to_string(dims), ".");
  return checked_size(product(dims), kMostFloats, name, ": the number of weights of shape ", to_string(dims));
}

// Inputs and outputs of a unit, times the receptive field; of a vector its length, twice.
struct Fans {
  double in, out;
  Fans(const Dims& dims, int64_t size) : in(static_cast<double>(size)), out(in) {
    if (dims.size() < 2) return;
    in /= static_cast<double>(dims.back());
    out /= static_cast<double>(dims[dims.size() - 2]);
  }
};

void initialize(Initializer kind, const Dims& dims, int64_t n, uint64_t seed, float* to) {
  if (kind == Initializer::zeros) return;  // as they are
  if (kind == Initializer::ones) return static_cast<void>(std::fill_n(to, n, 1.0f));
  const Fans fans(dims, n);
  const double limit = std::sqrt(6 / (kind == Initializer::he_uniform ? fans.in : fans.in + fans.out));
  for (int64_t i = 0; i < n; i += 4) {
    const auto bits = philox4x32({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), 0, 0}, seed);
    for (int64_t j = 0; j < 4 && i + j < n; ++j)
      to[i + j] = static_cast<float>(limit * (2 * (bits[static_cast<size_t>(j)] + 0.5) / 4294967296.0 - 1));
  }
}

}  // namespace

Weight::Weight(std::string name, Dims dims, Initializer initializer, uint64_t seed)
    : name_(std::move(name)),
      dims_(std::move(dims)),
      size_(elems_of(name_, dims_)),
      initializer_(initializer),
      seed_(seed) {}

Weight::~Weight() = default;

float* Weight::first_values() const {
  auto made = std::make_unique<Floats>(size_, "weights");
  initialize(initializer_, dims_, size_, seed_, made->data());
  values_ = std::move(made);
  ++version_;
  return values_->data();
}

void Weight::fetch() const {
  if (!mirror_ || !mirror_->newest) return;
  mirror_->floats.read(values_->data());
  mirror_->newest = false;
}

float* Weight::mirrored(const DevicePtr& device) const {
  if (!mirror_ || mirror_->floats.device() != device) {
    const float* const values = LockedWeights::values(*this);
    auto made = std::make_unique<Mirror>(Mirror{DeviceFloats(device, size_, "weights"), version_});
    made->floats.write(values);
    mirror_ = std::move(made);
  } else if (mirror_->version != version_) {
    mirror_->floats.write(LockedWeights::values(*this));
    mirror_->version = version_;
  }
  return mirror_->floats.data();
}

void Weight::store(const float* from, std::unique_ptr<Floats> memory) {
  if (mirror_) mirror_->newest = false;
  if (!values_) values_ = memory ? std::move(memory) : std::make_unique<Floats>(size_, "weights");
  std::memcpy(values_->data(), from, sizeof(float) * static_cast<size_t>(size_));
  ++version_;
}

void Weight::get(float* to) const {
  if (!to) fail("weights of ", name_, " cannot be written to null.");
  const Lock lock(mutex_);
  std::memcpy(to, LockedWeights::values(*this), sizeof(float) * static_cast<size_t>(size_));
}

void Weight::set(const float* from) {
  if (!from) fail("weights of ", name_, " cannot be read from null.");
  const Lock lock(mutex_);
  store(from);
}

bool Weight::set_first(const float* from) {
  if (!from) fail("weights of ", name_, " cannot be read from null.");
  const Lock lock(mutex_);
  if (values_) return false;
  store(from);
  return true;
}

bool Weight::has_values() const {
  const Lock lock(mutex_);
  return values_ != nullptr;
}

void Weight::clear() {
  const Lock lock(mutex_);
  values_.reset();
  mirror_.reset();
  ++version_;
}

WeightRules Weight::rules() const {
  const Lock lock(mutex_);
  return rules_;
}

void Weight::set_trainable(bool trainable) {
  const Lock lock(mutex_);
  rules_.trainable = trainable;
}

void Weight::set_regularizer(Regularizer regularizer) {
  check_regularizer(regularizer);
  const Lock lock(mutex_);
  rules_.regularizer = regularizer;
}

void Weight::set_constraint(Constraint constraint) {
  check_constraint(constraint, *this);
  const Lock lock(mutex_);
  rules_.constraint = constraint;
}

void Weight::set_rate_factor(double factor) {
  check_rate_factor(factor);
  const Lock lock(mutex_);
  rules_.rate_factor = factor;
}

std::vector<std::vector<float>> get_all(const Weights& weights) {
  std::vector<std::vector<float>> all;
  for (const WeightPtr& weight : weights) all.emplace_back(static_cast<size_t>(weight->size()));
  const std::vector<Weight*> order = LockedWeights::in_order(weights);
  const LockedWeights locked(order);
  for (size_t i = 0; i < all.size(); ++i)
    std::copy_n(LockedWeights::values(*weights[i]), all[i].size(), all[i].data());
  return all;
}

void set_all(const Weights& weights, const std::vector<const float*>& from) {
  if (from.size() != weights.size())
    fail("there are ", weights.size(), " arrays of weights; got ", from.size(), ".");
  for (size_t i = 0; i < from.size(); ++i)
    if (!from[i]) fail("weights of ", weights[i]->name(), " cannot be read from null.");
  const std::vector<Weight*> order = LockedWeights::in_order(weights);
  const LockedWeights locked(order);
  std::vector<std::unique_ptr<Floats>> memory(from.size());  // all of it first: nothing is half set
  for (size_t i = 0; i < from.size(); ++i)
    if (!LockedWeights::has_values(*weights[i]))
      memory[i] = std::make_unique<Floats>(weights[i]->size(), "weights");
  for (size_t i = 0; i < from.size(); ++i) LockedWeights::store(*weights[i], from[i], std::move(memory[i]));
}

}  // namespace cnnfast
