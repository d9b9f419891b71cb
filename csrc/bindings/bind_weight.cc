// Weights, alone and several at once. Nobody waits for one with the GIL held: a run that has it may be long.
#include <optional>

#include "bindings/bind.h"
#include "cnnfast/weight.h"

namespace py = pybind11;

namespace cnnfast {

namespace {

const float* checked_values(const Weight& weight, const FloatArray& value) {
  if (dims_of(value) != weight.dims())
    fail(weight.name(), " has shape ", to_string(weight.dims()), ", got ", to_string(dims_of(value)), ".");
  check_layout(value, "value");
  return value.data();
}

FloatArray get(const Weight& weight) {
  FloatArray value(std::vector<py::ssize_t>(weight.dims().begin(), weight.dims().end()));
  float* const to = value.mutable_data();
  const ReleasedGil released;
  weight.get(to);
  return value;
}

void set(Weight& weight, const FloatArray& value) {
  const float* const from = checked_values(weight, value);
  const ReleasedGil released;
  weight.set(from);
}

bool set_first(Weight& weight, const FloatArray& value) {
  const float* const from = checked_values(weight, value);
  const ReleasedGil released;
  return weight.set_first(from);
}

// As a set of bits; axes below 0 count from the last.
uint32_t axes_of(const Weight& weight, const std::vector<int>& axes) {
  const int rank = static_cast<int>(weight.dims().size());
  uint32_t bits = 0;
  for (const int axis : axes) {
    if (axis < -rank || axis >= rank)
      fail("a norm's axes must be axes of its weights: ", weight.name(), " has shape ",
           to_string(weight.dims()), " and no axis ", axis, ". Name axes from ", -rank, " to ", rank - 1,
           ".");
    const uint32_t bit = 1u << ((axis + rank) % rank);
    if (bits & bit) fail("a norm's axes must differ, got axis ", axis, " of ", weight.name(), " twice.");
    bits |= bit;
  }
  return bits;
}

void set_constraint(Weight& weight, const std::optional<std::string>& kind, float minimum, float maximum,
                    float rate, const std::vector<int>& axes) {
  Constraint constraint{Constraint::Kind::none, minimum, maximum, rate, axes_of(weight, axes)};
  if (kind == "non_negative")
    constraint.kind = Constraint::Kind::non_negative;
  else if (kind == "norm")
    constraint.kind = Constraint::Kind::norm;
  else if (kind)
    fail("constraint must be non_negative or norm, got \"", *kind, "\".");
  const ReleasedGil released;
  weight.set_constraint(constraint);
}

py::list get_weights(const Weights& weights) {
  std::vector<std::vector<float>> values;
  {
    const ReleasedGil released;
    values = get_all(weights);
  }
  py::list arrays;
  for (size_t i = 0; i < weights.size(); ++i)
    arrays.append(to_array(std::move(values[i]), weights[i]->dims()));
  return arrays;
}

void set_weights(const Weights& weights, const std::vector<FloatArray>& values) {
  std::vector<const float*> from;
  for (size_t i = 0; i < std::min(values.size(), weights.size()); ++i)
    from.push_back(checked_values(*weights[i], values[i]));
  if (values.size() != weights.size())
    fail("there are ", weights.size(), " arrays of weights; got ", values.size(), ".");
  const ReleasedGil released;
  set_all(weights, from);
}

}  // namespace

void bind_weight(py::module_& m) {
  using py::arg;
  py::class_<Weight, WeightPtr>(m, "Weight")
      .def(py::init([](std::string name, Dims shape) {
             return std::make_shared<Weight>(std::move(name), std::move(shape));
           }),
           arg("name"), arg("shape"))
      .def_property_readonly("name", &Weight::name)
      .def_property_readonly("shape", [](const Weight& weight) { return py::tuple(py::cast(weight.dims())); })
      .def_property_readonly("size", &Weight::size)
      .def("numpy", &get)
      .def("assign", &set, arg("value").noconvert())
      .def("assign_first", &set_first, arg("value").noconvert())
      .def_property_readonly("has_values", waiting(&Weight::has_values))
      .def("clear", &Weight::clear, NoGil())
      .def_property("trainable", waiting([](const Weight& weight) { return weight.rules().trainable; }),
                    waiting(&Weight::set_trainable))
      .def_property("learning_rate_factor",
                    waiting([](const Weight& weight) { return weight.rules().rate_factor; }),
                    waiting(&Weight::set_rate_factor))
      .def(
          "set_regularizer",
          [](Weight& weight, float l1, float l2) {
            weight.set_regularizer({l1, l2});
          },
          arg("l1"), arg("l2"), NoGil())
      .def("set_constraint", &set_constraint, arg("kind"), arg("minimum") = 0.0f, arg("maximum") = 0.0f,
           arg("rate") = 1.0f, arg("axes") = std::vector<int>{0});
  m.def("get_weights", &get_weights, arg("weights"));
  m.def("set_weights", &set_weights, arg("weights"), arg("values"));
}

}  // namespace cnnfast
