#include "cnnfast/precision.h"

#include <atomic>

#include "cnnfast/error.h"

namespace cnnfast {

namespace {

std::atomic<Precision>& chosen() {
  static std::atomic<Precision> precision{Precision::standard};
  return precision;
}

}  // namespace

void set_precision(const std::string& name) {
  for (const Precision each : {Precision::exact, Precision::standard, Precision::fast})
    if (name == to_string(each)) {
      chosen() = each;
      return;
    }
  fail("precision must be \"exact\", \"default\" or \"fast\", got \"", name, "\".");
}

Precision precision() {
  return chosen();
}

std::string to_string(Precision precision) {
  return precision == Precision::exact ? "exact" : precision == Precision::standard ? "default" : "fast";
}

}  // namespace cnnfast
