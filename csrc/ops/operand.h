// A value as products and indices read it: weights where they are kept, all else in the arena.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

class Operand {
 public:
  Operand(Builder& b, int value) : floats_(floats_of(b.node(value), b.n)) {
    if (b.imported(value))
      buffer_ = b.output(value);
    else
      param_ = b.place(b.node(value).params[0]);
  }
  // What lies as the node's output: its gradient.
  Operand(const Builder& b, const Node& node, Buffer buffer)
      : buffer_(buffer), floats_(floats_of(node, b.n)) {}

  const float* at(const Context& c) const { return param_ ? c.values(param_) : c.at(buffer_); }
  // As one that the step reads.
  void declare(Step& step) const {
    if (buffer_) step.uses.push_back(buffer_);
    step.info.bytes += sizeof(float) * static_cast<double>(floats_);
  }

 private:
  Buffer buffer_;
  ParamPlace param_;
  int64_t floats_;
};

}  // namespace cnnfast
