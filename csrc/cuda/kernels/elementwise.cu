// What treats each element alone, and copies.
#include <algorithm>
#include <utility>
#include <vector>

#include "cuda/kernels/boxes.cuh"
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/sum.cuh"

namespace cnnfast::cuda {

void fill(cudaStream_t stream, float* to, int64_t n, float value) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = value; });
}

void copy(cudaStream_t stream, float* to, const float* from, int64_t n) {
  if (n == 0) return;
  check(cudaMemcpyAsync(to, from, sizeof(float) * static_cast<size_t>(n), cudaMemcpyDeviceToDevice, stream),
        "copy on the device");
}

void add(cudaStream_t stream, float* to, const float* a, const float* b, int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = a[i] + b[i]; });
}

void activate(cudaStream_t stream, Activation kind, float* to, const float* from, int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = activated(kind, from[i]); });
}

void activate_grad(cudaStream_t stream, Activation kind, float* to, const float* out, const float* grad,
                   int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = activated_grad(kind, out[i], grad[i]); });
}

void dropout(cudaStream_t stream, const Varying* varying, uint32_t layer, uint32_t threshold, float scale,
             const Channels& row, const float* from, float* to, uint8_t* mask, int64_t rows) {
  each(stream, rows * row.elems, [=] __device__(int64_t i) {
    const bool keeps = random_word(row, i, varying->step, layer, varying->seed) >= threshold;
    mask[i] = keeps;
    to[i] = from[i] * (static_cast<float>(keeps) * scale);
  });
}

void dropout_grad(cudaStream_t stream, const float* grad, const uint8_t* mask, float scale, float* to,
                  int64_t n) {
  each(stream, n, [=] __device__(int64_t i) { to[i] = grad[i] * (static_cast<float>(mask[i]) * scale); });
}

void copy_box(cudaStream_t stream, const Box& box, const float* from, float* to) {
  each(stream, cells_of(box), [=] __device__(int64_t i) {
    const BoxPlace at = place_of(box, i);
    to[at.to] = from[at.from];
  });
}

namespace {

void append(Box& to, const Box& from, int axis) {
  to.size[to.axes] = from.size[axis];
  to.from[to.axes] = from.from[axis], to.to[to.axes++] = from.to[axis];
}

// Whether no two cells of the box meet in `to`: each axis steps over all that those of smaller steps reach.
bool is_apart(const Box& box) {
  std::vector<std::pair<int64_t, int64_t>> axes;  // steps and sizes
  for (int i = 0; i < box.axes; ++i)
    if (box.size[i] > 1) axes.push_back({box.to[i] < 0 ? -box.to[i] : box.to[i], box.size[i]});
  std::sort(axes.begin(), axes.end());
  int64_t reach = 0;
  for (const auto& [step, size] : axes) {
    if (step <= reach) return false;
    reach += step * (size - 1);
  }
  return true;
}

}  // namespace

void add_box(cudaStream_t stream, const Box& box, const float* from, float* to) {
  Box apart{}, meeting{};
  for (int axis = 0; axis < box.axes; ++axis) append(box.to[axis] != 0 ? apart : meeting, box, axis);
  if (!is_apart(apart)) {  // but for the rows
    apart = Box{}, meeting = Box{};
    for (int axis = 0; axis < box.axes; ++axis) append(axis == 0 ? apart : meeting, box, axis);
  }
  const int64_t terms = cells_of(meeting);
  each(stream, cells_of(apart), [=] __device__(int64_t i) {
    const BoxPlace at = place_of(apart, i);
    for (int64_t k = 0; k < terms; ++k) {
      const BoxPlace term = place_of(meeting, k);
      to[at.to + term.to] += from[at.from + term.from];
    }
  });
}

void sum_box(cudaStream_t stream, const Box& kept, const Box& summed, const float* from, float* to) {
  const int64_t cells = cells_of(kept), terms = cells_of(summed);
  if (asks_for_blocks(cells, terms))
    return sums(
        stream, cells, terms,
        [=] __device__(int64_t i, int64_t k) {
          return from[place_of(kept, i).from + place_of(summed, k).from];
        },
        [=] __device__(int64_t i, double sum) { to[place_of(kept, i).to] = static_cast<float>(sum); });
  each(stream, cells, [=] __device__(int64_t i) {
    const BoxPlace at = place_of(kept, i);
    double sum = 0;
    for (int64_t k = 0; k < terms; ++k) sum += static_cast<double>(from[at.from + place_of(summed, k).from]);
    to[at.to] = static_cast<float>(sum);
  });
}

}  // namespace cnnfast::cuda
