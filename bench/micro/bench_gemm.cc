// Dense layers: one matrix product for each of the three directions, at batch 1 and 128.
#include "micro/micro.h"

namespace cnnfast::bench {
namespace {

// dst (m x n) = a (m x k) b (k x n), with a or b stored transposed.
struct Product {
  int m, n, k;
  bool a_transposed, b_transposed;
};

void run(benchmark::State& state, Product p) {
  Floats a(int64_t{p.m} * p.k), b(int64_t{p.k} * p.n), dst(int64_t{p.m} * p.n);
  Gemm gemm{};
  gemm.a = a.data(), gemm.b = b.data(), gemm.dst = dst.data();
  gemm.a_row = p.a_transposed ? 1 : p.k, gemm.a_col = p.a_transposed ? p.m : 1;
  gemm.b_row = p.b_transposed ? 1 : p.n, gemm.b_col = p.b_transposed ? p.k : 1;
  gemm.dst_row = p.n;
  gemm.m = p.m, gemm.n = p.n, gemm.k = p.k;
  gemm.activation = Activation::none;
  Floats scratch(kernels().gemm.scratch(gemm));
  gemm.scratch = scratch.data();
  time_kernel(state, 2.0 * p.m * p.n * p.k, [&] { kernels().gemm.run(gemm); });
}

}  // namespace

void register_gemm(const Shapes& shapes) {
  for (const DenseShape& shape : shapes.denses) {
    for (const int batch : {1, 128}) {
      const std::string name = "gemm/" + shape.name + "/batch" + std::to_string(batch);
      const Product forward{batch, shape.out, shape.in, false, false};
      const Product backward_data{batch, shape.in, shape.out, false, true};
      const Product backward_weights{shape.in, shape.out, batch, true, false};
      benchmark::RegisterBenchmark((name + "/forward").c_str(), run, forward);
      benchmark::RegisterBenchmark((name + "/backward_data").c_str(), run, backward_data);
      benchmark::RegisterBenchmark((name + "/backward_weights").c_str(), run, backward_weights);
    }
  }
}

}  // namespace cnnfast::bench
