// Reductions of [outer][length][inner], and their gradients: a result by a team of threads.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/team.cuh"

namespace cnnfast::cuda {

namespace {

// Whether one is an extreme that the other, which came before, is not. NaN is above all.
__device__ bool beats(bool maximum, float a, float b) {
  if (isnan(b)) return false;
  return isnan(a) || (maximum ? a > b : a < b);
}

__device__ bool is_maximum(Reduction kind) {
  return kind == Reduction::max || kind == Reduction::argmax;
}

// The place of the extreme that comes first.
template <class Team>
__device__ int64_t extreme_of(Team team, const Reduced& r, const float* from) {
  const bool maximum = is_maximum(r.kind);
  int64_t best = team.rank() < r.length ? team.rank() : 0;
  for (int64_t i = best + Team::kSize; i < r.length; i += Team::kSize)
    if (beats(maximum, from[i * r.inner], from[best * r.inner])) best = i;
  return team.all(best, [=](int64_t a, int64_t b) {
    const float x = from[a * r.inner], y = from[b * r.inner];
    return beats(maximum, x, y) || (a < b && !beats(maximum, y, x)) ? a : b;
  });
}

__device__ void share_product(const Reduced& r, const float* from, float grad, float* to) {
  float before = grad, after = 1;
  for (int64_t i = 0; i < r.length; ++i) to[i * r.inner] = before, before *= from[i * r.inner];
  for (int64_t i = r.length - 1; i >= 0; --i) to[i * r.inner] *= after, after *= from[i * r.inner];
}

template <class Team>
__device__ void share_extreme(Team team, const Reduced& r, const float* from, float extreme, float grad,
                              float* to) {
  int64_t equal = 0;
  for (int64_t i = team.rank(); i < r.length; i += Team::kSize) equal += from[i * r.inner] == extreme;
  equal = team.sum(equal);
  const float share = equal > 0 ? grad / static_cast<float>(equal) : nanf("");
  for (int64_t i = team.rank(); i < r.length; i += Team::kSize)
    to[i * r.inner] = equal == 0 || from[i * r.inner] == extreme ? share : 0;
}

__device__ int64_t begin_of(const Reduced& r, int64_t i) {
  return i / r.inner * r.length * r.inner + i % r.inner;
}

struct Reduce {
  Reduced r;
  const float* from;
  float* to;
  template <class Team>
  __device__ void operator()(Team team, int64_t i) const {
    const float made = reduced(team, from + begin_of(r, i));
    if (team.rank() == 0) to[i] = made;
  }
  template <class Team>
  __device__ float reduced(Team team, const float* column) const {
    double sum = 0;
    float product = 1;
    switch (r.kind) {
      case Reduction::sum:
      case Reduction::mean:
        for (int64_t k = team.rank(); k < r.length; k += Team::kSize)
          sum += static_cast<double>(column[k * r.inner]);
        return static_cast<float>(team.sum(sum)) * r.factor;
      case Reduction::product:
        for (int64_t k = team.rank(); k < r.length; k += Team::kSize) product *= column[k * r.inner];
        return team.all(product, [](float a, float b) { return a * b; });
      case Reduction::max:
      case Reduction::min:
        return column[extreme_of(team, r, column) * r.inner];
      case Reduction::argmax:
      case Reduction::argmin:
        break;
    }
    return static_cast<float>(extreme_of(team, r, column));
  }
};

struct ExtremeGrad {
  Reduced r;
  const float *from, *out, *grad;
  float* to;
  template <class Team>
  __device__ void operator()(Team team, int64_t i) const {
    const int64_t at = begin_of(r, i);
    share_extreme(team, r, from + at, out[i], grad[i], to + at);
  }
};

// Where numbers of a result are apart, neighbours have the neighbouring results: a result a thread, unless
// these are few.
template <class Body>
void by_results(cudaStream_t stream, const Reduced& r, const Body& body) {
  const int64_t count = r.outer * r.inner;
  if (r.inner == 1) return by_rows(stream, count, r.length, body);
  if (asks_for_blocks(count, r.length)) return by_teams<kThreads>(stream, count, body);
  by_teams<1>(stream, count, body);
}

}  // namespace

void reduce(cudaStream_t stream, const Reduced& r, const float* from, float* to) {
  by_results(stream, r, Reduce{r, from, to});
}

void reduce_grad(cudaStream_t stream, const Reduced& r, const float* from, const float* out,
                 const float* grad, float* to) {
  if (r.kind == Reduction::sum || r.kind == Reduction::mean)
    return each(stream, r.outer * r.length * r.inner, [=] __device__(int64_t i) {
      to[i] = grad[i / r.inner / r.length * r.inner + i % r.inner] * r.factor;
    });
  if (r.kind != Reduction::product) return by_results(stream, r, ExtremeGrad{r, from, out, grad, to});
  each(stream, r.outer * r.inner, [=] __device__(int64_t i) {
    const int64_t at = begin_of(r, i);
    share_product(r, from + at, grad[i], to + at);
  });
}

}  // namespace cnnfast::cuda
