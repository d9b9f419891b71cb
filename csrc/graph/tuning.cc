#include "graph/tuning.h"

#include <atomic>

#include "runtime/no_fork.h"

namespace cnnfast {

namespace {

Mutex mutex;
std::atomic<bool> when_planning{false};

std::shared_ptr<const Tuning>& current() {
  static std::shared_ptr<const Tuning> tuning = std::make_shared<const Tuning>();
  return tuning;
}

}  // namespace

std::shared_ptr<const Tuning> tuning() {
  const Lock lock(mutex);
  return current();
}

void set_tuning(Tuning wanted) {
  auto made = std::make_shared<const Tuning>(std::move(wanted));
  const Lock lock(mutex);
  current() = std::move(made);
}

void add_tuning(const Tuning& more) {
  const Lock lock(mutex);
  Tuning all = *current();
  for (const auto& [key, seconds] : more.convolutions) all.convolutions[key] = seconds;
  for (const auto& [isa, machine] : more.machines) all.machines[isa] = machine;
  current() = std::make_shared<const Tuning>(std::move(all));
}

bool tunes_when_planning() {
  return when_planning;
}

void set_tunes_when_planning(bool wanted) {
  when_planning = wanted;
}

Machine machine_for_planning(const Tuning& tuning, const std::string& isa) {
  const auto known = tuning.machines.find(isa);
  return known == tuning.machines.end() ? Machine{100e9, 10e9} : known->second;
}

}  // namespace cnnfast
