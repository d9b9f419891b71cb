// What the steps of a program are made for: the CPU, or a device. The CPU's compute in tasks that threads
// share; a device's are of one task, which launches what computes. Graph, passes, gradients and memory are
// the same.
#pragma once
#include <functional>
#include <vector>

#include "cnnfast/graph.h"
#include "cnnfast/objective.h"
#include "graph/program.h"

namespace cnnfast {

class Builder;
struct Op;
struct UpdatePlan;

// Where a step finds floats.
using Where = std::function<float*(const Context&)>;

inline Where values_of(ParamPlace param) {
  return [=](const Context& c) { return c.values(param); };
}
inline Where grad_of(ParamPlace param) {
  return [=](const Context& c) { return c.grad(param); };
}
inline Where buffer_of(Buffer buffer) {
  return [=](const Context& c) { return c.at(buffer); };
}

// `uses` are the buffers that a step finds its floats in, as Step has them.
struct Target {
  const char* name;
  bool has_layouts;                 // passes choose those of values; otherwise all are in the user's order
  const Op* (*op_of)(const Node&);  // null where the target has none
  void (*outputs)(Builder&, const std::vector<int>& outputs);  // copies them to Run::outputs
  // Copies the caller's gradient of an output, Run::grad_outputs[number], to a buffer.
  void (*given_gradient)(Builder&, const Node&, size_t number, Buffer grad);
  // As lower_results and lower_update, which are the CPU's.
  void (*results)(Builder&, const std::vector<int>& outputs, const Objective&, const UpdatePlan&);
  void (*update)(Builder&, const Node& output, const UpdatePlan&);
  Step& (*fill)(Builder&, const Node&, const char* direction, const std::vector<Buffer>& uses,
                const Where& to, int64_t floats, float value);
  Step& (*copy)(Builder&, const Node&, const char* direction, const std::vector<Buffer>& uses,
                const Where& from, const Where& to, int64_t floats);
  Step& (*add)(Builder&, const Node&, const char* direction, const std::vector<Buffer>& uses, const Where& a,
               const Where& b, const Where& to, int64_t floats);
  // What it is before the node's activation, told from the output and the gradient after it.
  void (*activation_gradient)(Builder&, const Node&, Buffer out, Buffer after, Buffer before);
  // Before steps are made: sources that may be made inside of the value, which then need not be copied there.
  void (*place_sources)(Builder&, int value);
};

extern const Target kCpuTarget;

}  // namespace cnnfast
