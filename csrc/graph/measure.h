// Measured tuning: times whole programs in which one algorithm does every convolution that accepts it. Each
// is then timed between its real neighbours, and with the pooling that it may take in.
#pragma once
#include "graph/plan.h"
#include "graph/tuning.h"

namespace cnnfast {

// Whether the request's tuning knows every convolution that it would plan.
bool is_tuned(const PlanRequest& request);

// Runs on random samples and one thread, for up to half a second an algorithm where one run is not longer.
// Training changes the parameters and slots of `run`.
Tuning measure_convolutions(PlanRequest request, Run run);

}  // namespace cnnfast
