// The graph's moves of values.
#include <tuple>

#include "bindings/bind.h"

namespace py = pybind11;

namespace cnnfast {

namespace {

PadFill to_fill(const std::string& mode) {
  if (mode == "constant") return PadFill::constant;
  if (mode == "reflect") return PadFill::reflect;
  if (mode == "replicate") return PadFill::replicate;
  if (mode == "circular") return PadFill::circular;
  fail("mode must be constant, reflect, replicate or circular, got \"", mode, "\".");
}

DepthOrder to_order(const std::string& order) {
  if (order == "DCR") return DepthOrder::dcr;
  if (order == "CRD") return DepthOrder::crd;
  fail("order must be DCR or CRD, got \"", order, "\".");
}

int slice(Graph& graph, int src, const std::vector<std::tuple<int64_t, int64_t, int64_t>>& ranges,
          const std::string& name) {
  std::vector<Range> made;
  for (const auto& [begin, step, count] : ranges) made.push_back({begin, step, count});
  return graph.slice(src, made, name);
}

}  // namespace

void bind_moves(py::class_<Graph>& graph) {
  using py::arg;
  graph.def("concatenate", &Graph::concatenate, arg("srcs"), arg("axis"), arg("name"))
      .def(
          "pad",
          [](Graph& self, int src, const std::vector<std::pair<int64_t, int64_t>>& sides,
             const std::string& mode, float value,
             const std::string& name) { return self.pad(src, sides, to_fill(mode), value, name); },
          arg("src"), arg("sides"), arg("mode"), arg("value"), arg("name"))
      .def("slice", &slice, arg("src"), arg("ranges"), arg("name"))
      .def("permute", &Graph::permute, arg("src"), arg("order"), arg("name"))
      .def("repeat", &Graph::repeat, arg("src"), arg("times"), arg("name"))
      .def("tile", &Graph::tile, arg("src"), arg("times"), arg("name"))
      .def(
          "depth_to_space",
          [](Graph& self, int src, int block, const std::string& data_format, const std::string& name,
             const std::string& order) {
            return self.depth_to_space(src, block, to_format(data_format), name, to_order(order));
          },
          arg("src"), arg("block"), arg("data_format"), arg("name"), arg("order") = "DCR")
      .def(
          "space_to_depth",
          [](Graph& self, int src, int block, const std::string& data_format, const std::string& name,
             const std::string& order) {
            return self.space_to_depth(src, block, to_format(data_format), name, to_order(order));
          },
          arg("src"), arg("block"), arg("data_format"), arg("name"), arg("order") = "DCR");
}

}  // namespace cnnfast
