// The network's two ends: rows of the caller's samples become one float32 batch, and back.
#include "ops/input.h"

#include <cmath>
#include <cstring>

#include "ops/op.h"

namespace cnnfast {

namespace {

// Samples need no alignment.
template <class From, class To>
void convert(const void* data, int64_t begin, int64_t n, To* to) {
  constexpr int64_t kSize = sizeof(From);
  const char* from = static_cast<const char*>(data) + begin * kSize;
  for (int64_t i = 0; i < n; ++i) {
    From value;
    std::memcpy(&value, from + i * kSize, sizeof(From));
    to[i] = static_cast<To>(value);
  }
}

template <class To>
void convert(const Samples& x, int64_t begin, int64_t n, To* to) {
  switch (x.dtype) {
    case DType::float32:
      return convert<float>(x.data, begin, n, to);
    case DType::float64:
      return convert<double>(x.data, begin, n, to);
    case DType::uint8:
      return convert<uint8_t>(x.data, begin, n, to);
    case DType::int32:
      return convert<int32_t>(x.data, begin, n, to);
  }
}

// [begin, begin + n) of rows that `index` may have put in another order.
template <class To>
void import_range(const Samples& x, int64_t elems, int64_t begin, int64_t n, To* to) {
  if (!x.index) return convert(x, begin, n, to);
  while (n > 0) {
    const int64_t row = begin / elems, at = begin % elems, some = std::min(n, elems - at);
    convert(x, x.index[row] * elems + at, some, to);
    begin += some, n -= some, to += some;
  }
}

void forward(Builder& b, int value) {
  if (!b.imported(value)) return;
  const Node& node = b.node(value);
  const int number = node.as<InputAttrs>()->number;
  // The caller counts rows of samples, however many rows the value has for each.
  const bool whole = node.rows == 0;
  const int64_t elems = node.elems() * (whole ? 1 : node.rows);
  const Buffer to = b.output(value);
  b.step(node, "forward", whole ? 1 : b.n, {to}, [=](const Context& c, int64_t sample) {
    const int64_t row = whole ? 0 : c.run.first_sample + sample;
    import_range(c.run.inputs[number], elems, row * elems, elems, c.at(to) + sample * elems);
  });
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int number = node.as<InputAttrs>()->number, rows = b.rows(node);
  const int64_t elems = node.elems();
  const Buffer grad = b.grad(value);
  b.step(node, "backward", rows, {grad}, [=](const Context& c, int64_t row) {
    std::copy_n(c.at(grad) + row * elems, elems, c.run.grad_inputs[number] + row * elems);
  });
}

}  // namespace

void gather_samples(const Samples& x, int64_t elems, int64_t begin, int64_t n, float* to) {
  import_range(x, elems, begin, n, to);
}

Reader::Reader(Builder& b, int value) {
  const Node& node = b.node(value);
  const auto* input = node.as<InputAttrs>();
  if (!input || b.imported(value)) {
    buffer_ = b.output(value);
    return;
  }
  number_ = input->number;
  elems_ = node.elems() * std::max(node.rows, 1);
  sample_ = node.rows == 0 ? 0 : elems_;
}

const float* Reader::floats(const Context& c, int64_t begin, int64_t n, float* scratch) const {
  if (buffer_) return c.at(buffer_) + begin;
  const Samples& x = c.run.inputs[number_];
  begin += c.run.first_sample * sample_;
  if (!x.index && x.dtype == DType::float32 && reinterpret_cast<uintptr_t>(x.data) % alignof(float) == 0)
    return static_cast<const float*>(x.data) + begin;
  import_range(x, elems_, begin, n, scratch);
  return scratch;
}

const int32_t* Reader::labels(const Context& c, int64_t begin, int64_t n, float* scratch) const {
  auto* to = reinterpret_cast<int32_t*>(scratch);
  if (buffer_) {
    const float* from = c.at(buffer_) + begin;
    for (int64_t i = 0; i < n; ++i) to[i] = std::abs(from[i]) < 1 << 24 ? static_cast<int32_t>(from[i]) : -1;
    return to;
  }
  const Samples& x = c.run.inputs[number_];
  begin += c.run.first_sample * sample_;
  if (!x.index && x.dtype == DType::int32 && reinterpret_cast<uintptr_t>(x.data) % alignof(int32_t) == 0)
    return static_cast<const int32_t*>(x.data) + begin;
  import_range(x, elems_, begin, n, to);
  return to;
}

const Op kInputOp{"input", forward, backward};

}  // namespace cnnfast
