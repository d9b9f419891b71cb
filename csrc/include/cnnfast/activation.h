// The activations that a kernel's epilogue can apply. Included by files compiled with ISA flags: integers
// only.
#pragma once
#include <cstdint>

namespace cnnfast {

enum class Activation : int32_t { none, relu, relu6, tanh, sigmoid, hard_sigmoid, silu, hard_silu, gelu };
constexpr Activation kLastActivation = Activation::gelu;

// Whether it only cuts off.
static constexpr bool is_bounds(Activation kind) {
  return kind <= Activation::relu6;
}

// Whether the output tells the derivative: training needs no more.
static constexpr bool tells_derivative(Activation kind) {
  return kind <= Activation::hard_sigmoid;
}

}  // namespace cnnfast
