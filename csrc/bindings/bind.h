// What the binding files share. The only folder that includes pybind11.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "cnnfast/error.h"

namespace cnnfast {

void bind_errors(pybind11::module_& m);
void bind_graph(pybind11::module_& m);
void bind_network(pybind11::module_& m);
void bind_machine(pybind11::module_& m);

}  // namespace cnnfast
