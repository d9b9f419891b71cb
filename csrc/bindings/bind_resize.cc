// The graph's axes of other sizes, and images read anywhere.
#include "bindings/bind.h"

namespace py = pybind11;

namespace cnnfast {

namespace {

Interpolation to_interpolation(const std::string& name) {
  if (name == "nearest") return Interpolation::nearest;
  if (name == "bilinear") return Interpolation::linear;
  if (name == "bicubic") return Interpolation::cubic;
  if (name == "lanczos3") return Interpolation::lanczos3;
  if (name == "lanczos5") return Interpolation::lanczos5;
  fail("interpolation must be nearest, bilinear, bicubic, lanczos3 or lanczos5, got \"", name, "\".");
}

Coordinates to_coordinates(const std::string& name) {
  if (name == "half_pixel") return Coordinates::half_pixel;
  if (name == "align_corners") return Coordinates::align_corners;
  if (name == "asymmetric") return Coordinates::asymmetric;
  fail("coordinates must be half_pixel, align_corners or asymmetric, got \"", name, "\".");
}

Beyond to_beyond(const std::string& name) {
  if (name == "constant") return Beyond::constant;
  if (name == "nearest") return Beyond::nearest;
  if (name == "reflect") return Beyond::reflect;
  if (name == "mirror") return Beyond::mirror;
  if (name == "wrap") return Beyond::wrap;
  fail("fill_mode must be constant, nearest, reflect, mirror or wrap, got \"", name, "\".");
}

}  // namespace

void bind_resize(py::class_<Graph>& graph) {
  using py::arg;
  graph
      .def(
          "resize",
          [](Graph& self, int src, int axis, int64_t size, const std::string& interpolation,
             const std::string& coordinates, bool antialias, const std::string& name, float cubic,
             bool repeats, double step) {
            return self.resize(src, axis, size,
                               {to_interpolation(interpolation), to_coordinates(coordinates), antialias,
                                cubic, repeats, step},
                               name);
          },
          arg("src"), arg("axis"), arg("size"), arg("interpolation"), arg("coordinates"), arg("antialias"),
          arg("name"), arg("cubic") = -0.5f, arg("repeats") = false, arg("step") = 0.0)
      .def(
          "sample",
          [](Graph& self, int src, int at, const std::string& interpolation, const std::string& fill_mode,
             float fill_value, const std::string& data_format, const std::string& name) {
            return self.sample(src, at, {to_interpolation(interpolation), to_beyond(fill_mode), fill_value},
                               to_format(data_format), name);
          },
          arg("src"), arg("at"), arg("interpolation"), arg("fill_mode"), arg("fill_value"),
          arg("data_format"), arg("name"));
}

}  // namespace cnnfast
