// Errors, threads, instruction sets, build information.
#include <malloc.h>

#include "bindings/bind.h"
#include "cnnfast/precision.h"
#include "graph/device.h"
#include "graph/tuning.h"
#include "runtime/cpu.h"
#include "runtime/parallel.h"
#include "runtime/rng.h"

namespace py = pybind11;

namespace cnnfast {

namespace {

using MachineTuple = std::pair<double, double>;

py::tuple get_tuning() {
  const std::shared_ptr<const Tuning> now = tuning();
  std::map<std::string, MachineTuple> machines;
  for (const auto& [isa, machine] : now->machines) machines[isa] = {machine.flops, machine.bandwidth};
  return py::make_tuple(now->convolutions, machines);
}

void set_tuning_from(std::map<std::string, Seconds> convolutions,
                     const std::map<std::string, MachineTuple>& machines) {
  Tuning wanted{std::move(convolutions), {}};
  for (const auto& [isa, numbers] : machines) wanted.machines[isa] = {numbers.first, numbers.second};
  set_tuning(std::move(wanted));
}

}  // namespace

void bind_errors(py::module_&) {
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      PyObject* kinds[] = {PyExc_ValueError, PyExc_TypeError, PyExc_MemoryError, PyExc_RuntimeError};
      py::set_error(kinds[static_cast<int>(error.kind())], error.what());
    }
  });
}

void bind_machine(py::module_& m) {
  m.def("set_num_threads", &set_num_threads, py::arg("n"));
  m.def("get_num_threads", &num_threads);
  m.def("set_precision", &set_precision, py::arg("name"));
  m.def("get_precision", [] { return to_string(precision()); });
  m.def("get_isa", [] { return std::string(kernels().isa); });
  m.def("set_isa", &choose_kernels, py::arg("name"));
  m.def("available_isas", [] {
    std::vector<std::string> names;
    for (const KernelTable* table : available_kernels()) names.emplace_back(table->isa);
    return names;
  });
  m.def("measure_flops", [] {
    const ReleasedGil released;
    return measure_flops(kernels());
  });
  m.def("measured_machine", [] {
    const ReleasedGil released;
    const Machine machine = measured_machine(kernels());
    return MachineTuple(machine.flops, machine.bandwidth);
  });
  m.def("trim_heap", [] {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
  });
  m.def("get_tuning", &get_tuning);
  m.def("set_tuning", &set_tuning_from, py::arg("convolutions"), py::arg("machines"));
  m.def("set_tunes_when_planning", &set_tunes_when_planning, py::arg("wanted"));
  m.def("build_info", [] {
    py::dict info;
    info["version"] = CNNFAST_VERSION;
    info["compiler"] = __VERSION__;
    info["cpu"] = cpu_name();
    info["isa"] = kernels().isa;
    info["threading"] = "OpenMP";
    info["cuda"] = cuda_build();
    return info;
  });
  m.def(
      "philox",
      [](std::array<uint32_t, 4> counter, uint64_t key) {
        const auto words = philox4x32(counter, key);
        return py::make_tuple(words[0], words[1], words[2], words[3]);
      },
      py::arg("counter"), py::arg("key"));
}

}  // namespace cnnfast
