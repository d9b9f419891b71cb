// Pooling, forward and its gradient: bytes a second, since memory is its limit.
#include "micro/micro.h"

namespace cnnfast::bench {
namespace {

// One plane is a block of sixteen channels.
struct PoolShape {
  const char* name;
  int planes, size, window, stride, padding;
  int out() const { return (size + 2 * padding - window) / stride + 1; }
};

constexpr PoolShape kShapes[] = {
    {"2x2_32@26", 2, 26, 2, 2, 0},
    {"2x2_64@224", 4, 224, 2, 2, 0},
    {"2x2_512@28", 32, 28, 2, 2, 0},
    {"3x3_s2_64@112", 4, 112, 3, 2, 1},
};

struct Planes {
  explicit Planes(const PoolShape& s)
      : src(int64_t{s.planes} * s.size * s.size * kLanes),
        dst(int64_t{s.planes} * s.out() * s.out() * kLanes),
        index(static_cast<size_t>(int64_t{s.planes} * s.out() * s.out() * kLanes)) {}
  Floats src, dst;
  std::vector<uint8_t> index;
};

template <class Arguments>
Arguments shaped(const PoolShape& s) {
  Arguments a{};
  a.planes = s.planes;
  a.geometry.h = a.geometry.w = {s.size, s.out(), s.window, s.stride, 1, s.padding, s.padding};
  return a;
}

template <class Kernel>
void time_bytes(benchmark::State& state, const PoolShape& s, Kernel&& kernel) {
  for (auto _ : state) {
    kernel();
    benchmark::ClobberMemory();
  }
  const int64_t pixels = int64_t{s.size} * s.size + int64_t{s.out()} * s.out();
  state.SetBytesProcessed(state.iterations() * s.planes * pixels * kLanes *
                          static_cast<int64_t>(sizeof(float)));
}

void pool(benchmark::State& state, PoolShape s, bool maximum) {
  Planes at(s);
  Pool a = shaped<Pool>(s);
  a.src = at.src.data(), a.dst = at.dst.data(), a.index = maximum ? at.index.data() : nullptr;
  const auto kernel = maximum ? kernels().max_pool : kernels().average_pool;
  time_bytes(state, s, [&] { kernel(a); });
}

void pool_grad(benchmark::State& state, PoolShape s, bool maximum) {
  Planes at(s);
  PoolGrad a = shaped<PoolGrad>(s);
  a.grad_dst = at.dst.data(), a.grad_src = at.src.data(), a.index = at.index.data();
  const auto kernel = maximum ? kernels().max_pool_grad : kernels().average_pool_grad;
  time_bytes(state, s, [&] { kernel(a); });
}

}  // namespace

void register_pool() {
  for (const PoolShape& s : kShapes)
    for (const bool maximum : {true, false}) {
      const std::string name = std::string(maximum ? "max_pool/" : "average_pool/") + s.name;
      benchmark::RegisterBenchmark((name + "/forward").c_str(), pool, s, maximum);
      benchmark::RegisterBenchmark((name + "/backward").c_str(), pool_grad, s, maximum);
    }
}

}  // namespace cnnfast::bench
