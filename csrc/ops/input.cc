// The network's two ends: rows of the caller's samples become one float32 batch, and back.
#include <cstring>

#include "ops/op.h"

namespace cnnfast {

namespace {

// Samples need no alignment.
template <class T>
void import_row(const void* data, int64_t row, int64_t elems, float* to) {
  constexpr int64_t kSize = sizeof(T);
  const char* from = static_cast<const char*>(data) + row * elems * kSize;
  for (int64_t i = 0; i < elems; ++i) {
    T value;
    std::memcpy(&value, from + i * kSize, sizeof(T));
    to[i] = static_cast<float>(value);
  }
}

void forward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t elems = node.elems();
  const Buffer to = b.output(value);
  b.step(node, "forward", b.n, {to}, [=](const Context& c, int64_t sample) {
    const Samples& x = c.run.x;
    const int64_t row = x.index ? x.index[sample] : sample;
    float* out = c.at(to) + sample * elems;
    switch (x.dtype) {
      case DType::float32:
        return import_row<float>(x.data, row, elems, out);
      case DType::float64:
        return import_row<double>(x.data, row, elems, out);
      case DType::uint8:
        return import_row<uint8_t>(x.data, row, elems, out);
    }
  });
}

void backward(Builder& b, int value) {
  const Node& node = b.node(value);
  const int64_t elems = node.elems();
  const Buffer grad = b.grad(value);
  b.step(node, "backward", b.n, {grad}, [=](const Context& c, int64_t sample) {
    std::copy_n(c.at(grad) + sample * elems, elems, c.run.grad_x + sample * elems);
  });
}

}  // namespace

const Op kInputOp{"input", forward, backward};

}  // namespace cnnfast
