// Functions of Python's in a graph. They are called within a run, which has given Python's lock up, by any of
// its threads, and get copies: what they keep is theirs.
#include <exception>
#include <utility>

#include "bindings/bind.h"

namespace py = pybind11;

namespace cnnfast {

namespace {

// One row for the whole batch, or one a sample.
struct Shape {
  Dims dims;
  int rows;

  Dims of(int n) const {
    Dims all = dims;
    if (rows > 0) all.insert(all.begin(), n);
    return all;
  }
};

class PythonFunction : public HostFunction {
 public:
  PythonFunction(py::object forward, py::object backward, std::vector<Shape> srcs, Shape dst)
      : forward_(std::move(forward)),
        backward_(std::move(backward)),
        srcs_(std::move(srcs)),
        dst_(std::move(dst)) {}
  ~PythonFunction() override {
    const py::gil_scoped_acquire acquired;
    forward_ = backward_ = py::object();
  }

  bool forward(int n, const float* const* srcs, float* dst) override {
    return guarded([&] { store(forward_(*arguments(n, srcs)), dst_.of(n), dst); });
  }

  bool backward(int n, const float* const* srcs, const float* dst, const float* grad_dst,
                float* const* grad_srcs) override {
    return guarded([&] {
      py::list given = arguments(n, srcs);
      given.append(copy(dst, dst_.of(n)));
      given.append(copy(grad_dst, dst_.of(n)));
      const py::list made = backward_(*given);
      for (size_t i = 0; i < srcs_.size(); ++i)
        if (grad_srcs[i]) store(made[i], srcs_[i].of(n), grad_srcs[i]);
    });
  }

  [[noreturn]] void fail() override { std::rethrow_exception(std::exchange(error_, nullptr)); }

 private:
  template <class Body>
  bool guarded(const Body& body) {
    const CalledBack called;
    try {
      body();
      return true;
    } catch (...) {
      error_ = std::current_exception();
      return false;
    }
  }

  static FloatArray copy(const float* from, const Dims& dims) {
    return FloatArray(std::vector<py::ssize_t>(dims.begin(), dims.end()), from);
  }

  py::list arguments(int n, const float* const* srcs) const {
    py::list arrays;
    for (size_t i = 0; i < srcs_.size(); ++i) arrays.append(copy(srcs[i], srcs_[i].of(n)));
    return arrays;
  }

  static void store(const py::object& made, const Dims& dims, float* to) {
    const auto array = FloatArray::ensure(made);
    if (!array || dims_of(array) != dims)
      cnnfast::fail("a function of yours must return ", to_string(dims), " here, got ",
                    array ? to_string(dims_of(array)) : "no array", ".");
    check_layout(array, "what it returns");
    std::copy_n(array.data(), array.size(), to);
  }

  py::object forward_, backward_;
  const std::vector<Shape> srcs_;
  const Shape dst_;
  std::exception_ptr error_;
};

int host(Graph& graph, const std::vector<int>& srcs, const Dims& dims, py::object forward,
         py::object backward, const std::string& name) {
  std::vector<Shape> shapes;
  int rows = 0;
  for (const int src : srcs) {
    const Node& node = graph.node(src);
    shapes.push_back({node.dims, node.rows});
    rows = std::max(rows, node.rows);
  }
  auto function = std::make_shared<PythonFunction>(std::move(forward), std::move(backward), std::move(shapes),
                                                   Shape{dims, rows});
  return graph.host(std::move(function), srcs, dims, name);
}

}  // namespace

void bind_host(py::class_<Graph>& graph) {
  using py::arg;
  graph.def("host", &host, arg("srcs"), arg("shape"), arg("forward"), arg("backward"), arg("name"));
}

}  // namespace cnnfast
