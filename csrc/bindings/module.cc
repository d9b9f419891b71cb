// The module cnnfast._core: one registration function a topic. The contract stands in
// python/cnnfast/_core.pyi.
#include "bindings/bind.h"

namespace py = pybind11;

PYBIND11_MODULE(core_of_main_interpreter, m) {
  m.doc() = "The compiled core of cnnfast.";
  cnnfast::bind_errors(m);
  cnnfast::bind_weight(m);
  cnnfast::bind_graph(m);
  cnnfast::bind_network(m);
  cnnfast::bind_machine(m);
  cnnfast::bind_device(m);
  py::module_::import("os").attr("register_at_fork")(
      py::arg("before") = py::cpp_function(&cnnfast::before_fork),
      py::arg("after_in_parent") = py::cpp_function(&cnnfast::after_fork));
  py::module_::import("atexit").attr("register")(py::cpp_function(&cnnfast::end_threads));
}

// What Python calls. In a subinterpreter pybind11 would wait for ever for the lock that its thread has.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return PyInit_core_of_main_interpreter();
  PyErr_SetString(PyExc_ImportError,
                  "cnnfast cannot be imported in a subinterpreter: one interpreter of a process can use it, "
                  "the main one. Use processes instead.");
  return nullptr;
}
