// Devices, by their names.
#include "bindings/bind.h"
#include "graph/device.h"

namespace cnnfast {

void bind_device(pybind11::module_& m) {
  m.def("devices", &device_names, NoGil());
  m.def(
      "device_name", [](const std::string& name) { return name_of(device_of(name)); }, pybind11::arg("name"),
      NoGil());
  m.def(
      "describe_device",
      [](const std::string& name) {
        const DevicePtr device = device_of(name);
        return device ? device->description() : std::string("the processor");
      },
      pybind11::arg("name"), NoGil());
  m.def(
      "set_device", [](const std::string& name) { set_default_device(device_of(name)); },
      pybind11::arg("name"), NoGil());
  m.def(
      "get_device", [] { return name_of(default_device()); }, NoGil());
}

}  // namespace cnnfast
