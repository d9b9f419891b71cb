// What several families of kernels compute for one element.
#pragma once
#include <math.h>

#include "cuda/kernels/kernels.h"
#include "cuda/launch.h"

namespace cnnfast::cuda {

__device__ inline float sigmoid_of(float x) {
  return x >= 0 ? 1 / (1 + expf(-x)) : expf(x) / (1 + expf(x));
}

__device__ inline float clamped(float x, float low, float high) {
  return x < low ? low : (x > high ? high : x);
}

__device__ inline float activated(Activation kind, float x) {
  switch (kind) {
    case Activation::none:
      return x;
    case Activation::relu:
      return x < 0 ? 0 : x;
    case Activation::relu6:
      return clamped(x, 0, 6);
    case Activation::tanh:
      return tanhf(x);
    case Activation::sigmoid:
      return sigmoid_of(x);
    case Activation::hard_sigmoid:
      return clamped(x * (1.0f / 6) + 0.5f, 0, 1);
    case Activation::silu:
      return x * sigmoid_of(x);
    case Activation::hard_silu:
      return x * clamped(x * (1.0f / 6) + 0.5f, 0, 1);
    case Activation::gelu:
      return x * 0.5f * (erff(x * 0.70710678f) + 1);
  }
  return x;
}

// grad times the derivative, told from the output.
__device__ inline float activated_grad(Activation kind, float out, float grad) {
  switch (kind) {
    case Activation::relu:
      return out > 0 ? grad : 0;
    case Activation::relu6:
      return out > 0 && out < 6 ? grad : 0;
    case Activation::tanh:
      return grad * (1 - out * out);
    case Activation::sigmoid:
      return grad * (out * (1 - out));
    case Activation::hard_sigmoid:
      return out > 0 && out < 1 ? grad * (1.0f / 6) : 0;
    default:
      return grad;
  }
}

struct Words {
  uint32_t word[4];
};

// Philox4x32-10, as csrc/runtime/rng.h has it.
__device__ inline Words philox(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint64_t key) {
  uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53u} * a, product1 = uint64_t{0xCD9E8D57u} * c;
    a = static_cast<uint32_t>(product1 >> 32) ^ b ^ key0;
    c = static_cast<uint32_t>(product0 >> 32) ^ d ^ key1;
    b = static_cast<uint32_t>(product1);
    d = static_cast<uint32_t>(product0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{a, b, c, d}};
}

__device__ inline int64_t channel_of(const Channels& c, int64_t element) {
  return element / c.step % c.channels;
}

// A random word for each element of rows, as kernels.h says of dropout.
__device__ inline uint32_t random_word(const Channels& row, int64_t i, uint32_t step, uint32_t layer,
                                       uint64_t seed) {
  const int64_t element = i % row.elems, fours = (row.elems / row.channels + 3) / 4;
  const int64_t pixel = element / (row.step * row.channels) * row.step + element % row.step;
  const int64_t four = channel_of(row, element) * fours + pixel / 4;
  const Words drawn =
      philox(static_cast<uint32_t>(four), static_cast<uint32_t>(i / row.elems), step, layer, seed);
  return drawn.word[pixel % 4];
}

}  // namespace cnnfast::cuda
