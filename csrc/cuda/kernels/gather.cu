// Cells that indices tell: forward a number of the output a thread; backward a number of the source, which
// finds those that read it in the sorted list of their cells and adds them up in their order.
#include "cuda/kernels/device_math.cuh"
#include "cuda/kernels/sorted.cuh"

namespace cnnfast::cuda {

namespace {

// The cell that an index tells, truncated to a whole number and counted from the end below 0; -1: none.
__device__ int64_t cell_of(double index, int64_t cells) {
  if (!(index > static_cast<double>(-cells - 1) && index < static_cast<double>(cells))) return -1;
  const auto at = static_cast<int64_t>(index);
  return at < 0 ? at + cells : at;
}

struct At {
  int64_t src, index;
};
__device__ At place_of(const Gathering& g, int64_t i) {
  At at{0, 0};
  for (int axis = g.axes - 1; axis >= 0; --axis) {
    const int64_t step = i % g.size[axis];
    i /= g.size[axis];
    at.src += step * g.src[axis], at.index += step * g.index[axis];
  }
  return at;
}

// Axes of the output by whether the source steps along them: those along which it does not are a list of
// givers, of which there is one for all indices along the others.
struct Lists {
  Gathering g;
  int64_t lists, givers, out[kMostBoxAxes];  // steps in the output

  explicit Lists(const Gathering& gathering) : g(gathering), lists(1), givers(1) {
    int64_t step = 1;
    for (int axis = g.axes - 1; axis >= 0; step *= g.size[axis--]) {
      out[axis] = step;
      if (g.src[axis] == 0)
        givers *= g.size[axis];
      else if (g.index[axis] != 0)
        lists *= g.size[axis];
    }
  }
};

__device__ int64_t index_of(const Lists& l, int64_t list, int64_t giver) {
  int64_t at = 0;
  for (int axis = l.g.axes - 1; axis >= 0; --axis) {
    if (l.g.index[axis] == 0) {
      if (l.g.src[axis] == 0) giver /= l.g.size[axis];
      continue;
    }
    int64_t& number = l.g.src[axis] == 0 ? giver : list;
    at += number % l.g.size[axis] * l.g.index[axis];
    number /= l.g.size[axis];
  }
  return at;
}

// Where in the output a giver is, from the first one of its list and slice on.
__device__ int64_t output_of(const Lists& l, int64_t giver) {
  int64_t at = 0;
  for (int axis = l.g.axes - 1; axis >= 0; --axis) {
    if (l.g.src[axis] != 0) continue;
    at += giver % l.g.size[axis] * l.out[axis];
    giver /= l.g.size[axis];
  }
  return at;
}

// A number of the source but for its cell: its place there, in the output, and its list.
struct Slice {
  int64_t src, out, list;
};
__device__ Slice slice_of(const Lists& l, int64_t number) {
  Slice slice{0, 0, 0};
  int64_t lists = 1;
  for (int axis = l.g.axes - 1; axis >= 0; --axis) {
    if (l.g.src[axis] == 0) continue;
    const int64_t step = number % l.g.size[axis];
    number /= l.g.size[axis];
    slice.src += step * l.g.src[axis], slice.out += step * l.out[axis];
    if (l.g.index[axis] == 0) continue;
    slice.list += step * lists, lists *= l.g.size[axis];
  }
  return slice;
}

}  // namespace

void gather(cudaStream_t stream, const Gathering& g, const float* src, const float* index, float* to) {
  int64_t n = 1;
  for (int axis = 0; axis < g.axes; ++axis) n *= g.size[axis];
  each(stream, n, [=] __device__(int64_t i) {
    const At at = place_of(g, i);
    const int64_t cell = cell_of(index[at.index], g.cells);
    to[i] = cell < 0 ? nanf("") : src[at.src + cell * g.step];
  });
}

int64_t gather_scratch(const Gathering& g) {
  const Lists l(g);
  return l.lists * l.givers + sorting_scratch(l.lists, l.givers);
}

void gather_grad(cudaStream_t stream, const Gathering& g, const float* grad, const float* index,
                 float* scratch, float* to) {
  const Lists l(g);
  auto* const cells = reinterpret_cast<int32_t*>(scratch);
  each(stream, l.lists * l.givers, [=] __device__(int64_t i) {
    cells[i] = static_cast<int32_t>(cell_of(index[index_of(l, i / l.givers, i % l.givers)], g.cells));
  });
  const Givers givers = sorted_givers(stream, cells, l.lists, l.givers, cells + l.lists * l.givers);
  int64_t slices = 1;
  for (int axis = 0; axis < g.axes; ++axis) slices *= g.src[axis] == 0 ? 1 : g.size[axis];
  // Cells before slices: neighbours take what lies side by side, mostly.
  each(stream, slices * g.cells, [=] __device__(int64_t i) {
    const auto cell = static_cast<int32_t>(i / slices);
    const Slice slice = slice_of(l, i % slices);
    to[slice.src + cell * g.step] = sum_of_givers(
        givers, slice.list, cell, [&](int32_t giver) { return grad[slice.out + output_of(l, giver)]; });
  });
}

}  // namespace cnnfast::cuda
