#include "ops/conv/pack.h"

namespace cnnfast {

Buffer pack_blocks(Builder& b, const Node& node, const ConvProblem& p, const ParamSource& kernel,
                   bool transposed, int64_t floats, std::function<void(const PackBlock&)> pack,
                   int64_t scratch) {
  const int inputs = transposed ? p.oc() : p.ic(), outputs = transposed ? p.ic() : p.oc();
  const int64_t groups = p.a.groups, group_floats = p.oc(), lane_step = KernelSteps(p, transposed).output;
  const auto run = [=](const PackRows& r) {
    PackBlock one{nullptr, r.to, 0, 0, 0, inputs, 0, r.scratch, false};
    int64_t begin = 0, end = outputs;
    if (transposed)
      begin = r.begin, end = r.end;
    else
      one.begin = static_cast<int32_t>(r.begin), one.end = static_cast<int32_t>(r.end);
    for (one.group = 0; one.group < groups; ++one.group)
      for (int64_t output = begin; output < end; output += kLanes) {
        one.from = r.from + one.group * group_floats + output * lane_step;
        one.block = output / kLanes;
        one.lanes = static_cast<int32_t>(std::min<int64_t>(kLanes, outputs - output));
        one.last = one.group + 1 == groups && output + kLanes >= end;
        pack(one);
      }
  };
  return b.pack(node, floats, {kernel, p.taps(), p.ic(), kLanes, run, scratch});
}

}  // namespace cnnfast
