// The shapes of bench/shapes, as the kernels see them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace cnnfast::bench {

struct ConvShape {
  std::string name;  // "mnist_cnn/conv1", "layers/3x3_64@224"
  int ic, ih, iw;    // the source with its padding around it
  int oc, kernel, stride;
  bool small;   // of one of the small networks, which also run with the batch in the lanes
  bool pooled;  // a 2x2 maximum follows

  int oh() const { return (ih - kernel) / stride + 1; }
  int ow() const { return (iw - kernel) / stride + 1; }
  int taps() const { return kernel * kernel; }
  // The convolution of stride 1 that makes the source's gradient, its padding left out, from the output's.
  ConvShape backward_data() const { return {name, oc, ih, iw, ic, kernel, 1, small, false}; }
  double flops() const { return 2.0 * ic * oc * taps() * oh() * ow(); }  // one sample
};

struct DenseShape {
  std::string name;
  int in, out;
};

struct Shapes {
  std::vector<ConvShape> convs;
  std::vector<DenseShape> denses;
};

// The small networks' layers, then those of layers.json that are neither grouped nor transposed.
Shapes read_shapes();

}  // namespace cnnfast::bench
