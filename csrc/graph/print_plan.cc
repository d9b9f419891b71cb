#include "graph/print_plan.h"

#include <algorithm>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "runtime/no_fork.h"

namespace cnnfast {

namespace {

// Who refused a layer and why, those with the same reason in one line.
void print_refusals(const std::string& refused) {
  std::vector<std::pair<std::string, std::string>> reasons;
  std::istringstream lines(refused);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    const std::string who = line.substr(0, colon), why = line.substr(colon);
    const auto known =
        std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.second == why; });
    if (known == reasons.end())
      reasons.emplace_back(who, why);
    else
      known->first += ", " + who;
  }
  for (const auto& [who, why] : reasons) std::cerr << "cnnfast:     not by " << who << why << "\n";
}

}  // namespace

void print_plan(const Program& program) {
  static Mutex mutex;
  static std::set<std::string> told;
  const Lock lock(mutex);
  std::cerr << "cnnfast: plan of " << program.steps().size() << " steps\n";
  for (const Step& step : program.steps()) {
    const StepInfo& i = step.info;
    std::cerr << "cnnfast:   " << i.name << " " << i.direction
              << (i.algorithm.empty() ? "" : " by " + i.algorithm) << ", " << i.tasks
              << (i.tasks == 1 ? " task\n" : " tasks\n");
    if (told.insert(i.name + i.refused).second) print_refusals(i.refused);
  }
}

}  // namespace cnnfast
