// How ops become launches: one file a family of ops, as csrc/ops has them for the CPU. Values lie in the
// user's order, dense. An op's closure looks at nothing but places on the device.
#pragma once
#include "cnnfast/error.h"
#include "cuda/kernels/kernels.h"
#include "cuda/runtime.h"
#include "graph/target.h"
#include "ops/op.h"

namespace cnnfast::cuda {

extern const Target kCudaTarget;
extern const Op kInput, kConstant, kActivation, kAdd, kDense, kConv, kPool, kBatchNorm, kDropout, kFlatten,
    kLoss, kMetric, kReduce, kMove, kFormula, kMatmul, kGather, kOrder, kResize, kSample;

// The stream of what a step launches.
inline cudaStream_t stream_of(const Context& c) {
  return static_cast<cudaStream_t>(c.run.queue);
}

// What differs from run to run: a place on the device.
inline const Varying* varying_of(const Context& c) {
  return static_cast<const Varying*>(c.run.varying);
}

// How a class of precision makes products.
inline Arithmetic arithmetic_of(const Builder& b) {
  switch (b.options.precision) {
    case Precision::exact:
      return Arithmetic::float32;
    case Precision::standard:
      return Arithmetic::tf32;
    case Precision::fast:
      break;
  }
  return Arithmetic::bf16;
}

// Refuses what kernels have no room for.
inline void check_axes(const std::string& name, size_t axes, int most) {
  if (axes > static_cast<size_t>(most))
    fail(name, ": ", axes, " axes are too many for CUDA, which takes ", most,
         "; run this model on the CPU: model.to(\"cpu\").");
}

// A step of one launch.
inline Step& launch(Builder& b, const Node& node, const char* direction, std::vector<Buffer> uses,
                    std::function<void(const Context&)> launches) {
  return b.step(node, direction, 1, std::move(uses),
                [launches = std::move(launches)](const Context& c, int64_t) { launches(c); });
}

// The gradient of a bias: the sum over each channel.
void lower_channel_sums(Builder&, const Node&, const Channels&, Buffer from, ParamPlace to);

// A formula in the device's memory, over values that step along axes, outermost first, by these strides;
// `row` is what random numbers are counted in. Throws where it is too large.
class FormulaThere {
 public:
  FormulaThere(const std::string& name, const Formula& formula, const std::vector<int64_t>& extents,
               const std::vector<std::vector<int64_t>>& strides, const Channels& row);
  const FormulaCode* get() const { return static_cast<const FormulaCode*>(there_->data()); }

 private:
  std::shared_ptr<const Memory> there_;
};

// As place_sources, lower_results and lower_update of the CPU.
void place_sources(Builder&, int value);
void lower_results(Builder&, const std::vector<int>& outputs, const Objective&, const UpdatePlan&);
void lower_update(Builder&, const Node& output, const UpdatePlan&);

}  // namespace cnnfast::cuda
