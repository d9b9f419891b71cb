// What the binding files share. The only folder that includes pybind11.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/gil.h"
#include "cnnfast/dims.h"
#include "cnnfast/error.h"
#include "cnnfast/graph.h"

namespace cnnfast {

class Network;

using FloatArray = pybind11::array_t<float>;
using NoGil = pybind11::call_guard<ReleasedGil>;

// A property's function that may wait for a lock.
template <class Function>
pybind11::cpp_function waiting(Function function) {
  return pybind11::cpp_function(function, NoGil());
}

inline Dims dims_of(const pybind11::array& a) {
  return Dims(a.shape(), a.shape() + a.ndim());
}

inline void check_contiguous(const pybind11::array& a, const char* what) {
  if (!(a.flags() & pybind11::array::c_style))
    fail(what, " must be C-contiguous here; pass numpy.ascontiguousarray(", what, ").");
}

// Also that its numbers lie where the CPU wants them.
inline void check_layout(const pybind11::array& a, const char* what) {
  check_contiguous(a, what);
  if (!(a.flags() & pybind11::detail::npy_api::NPY_ARRAY_ALIGNED_))
    fail(what, " must lie at multiples of its numbers' size here; pass numpy.require(", what,
         ", requirements=\"CA\").");
}

// Numbers that NumPy then owns.
inline FloatArray to_array(std::vector<float> values, const Dims& dims) {
  auto* const owned = new std::vector<float>(std::move(values));
  const pybind11::capsule owner(owned, [](void* p) { delete static_cast<std::vector<float>*>(p); });
  return FloatArray(std::vector<pybind11::ssize_t>(dims.begin(), dims.end()), owned->data(), owner);
}

// Defined with the graph.
DataFormat to_format(const std::string& name);

void bind_errors(pybind11::module_& m);
void bind_weight(pybind11::module_& m);
void bind_graph(pybind11::module_& m);
void bind_moves(pybind11::class_<Graph>& graph);  // as part of bind_graph, and so the others of a graph
void bind_host(pybind11::class_<Graph>& graph);
void bind_resize(pybind11::class_<Graph>& graph);
void bind_network(pybind11::module_& m);
void bind_training(pybind11::module_& m, pybind11::class_<Network>& network);  // as part of bind_network
void bind_machine(pybind11::module_& m);
void bind_device(pybind11::module_& m);

}  // namespace cnnfast
