// What plans go by besides shapes: how long algorithms took here, and how fast a core is. Of the whole
// process; empty until someone sets it, so that plans, and with them bits, follow from shapes alone.
//
// Nothing here depends on the number of threads: neither may results.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "runtime/machine.h"

namespace cnnfast {

using Seconds = std::map<std::string, double>;  // by algorithm; one that is missing is not to be chosen

struct Tuning {
  std::map<std::string, Seconds> convolutions;  // by tuning_key
  std::map<std::string, Machine> machines;      // by instruction set
};

// Immutable: a plan keeps the one that it was made with.
std::shared_ptr<const Tuning> tuning();
void set_tuning(Tuning wanted);
void add_tuning(const Tuning& more);  // replaces what it names

// Whether a network tunes what it plans, where nothing is known of its convolutions; off at first.
bool tunes_when_planning();
void set_tunes_when_planning(bool wanted);

// The machine of `tuning`, else one that is typical: only the ratio of the two numbers matters to a plan.
Machine machine_for_planning(const Tuning& tuning, const std::string& isa);

}  // namespace cnnfast
