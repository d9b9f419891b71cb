// What CNNFAST_VERBOSE shows of a plan.
#pragma once
#include "graph/program.h"

namespace cnnfast {

// A line a step. Why a layer did not get other algorithms is told once in a process. Safe from any thread.
void print_plan(const Program& program);

}  // namespace cnnfast
