// The module cnnfast._core: one registration function a topic. The contract stands in
// python/cnnfast/_core.pyi.
#include "bindings/bind.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "The compiled core of cnnfast.";
  cnnfast::bind_errors(m);
  cnnfast::bind_weight(m);
  cnnfast::bind_graph(m);
  cnnfast::bind_network(m);
  cnnfast::bind_machine(m);
}
