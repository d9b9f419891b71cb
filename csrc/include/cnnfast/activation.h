// The activations that a kernel's epilogue can apply. Included by files compiled with ISA flags: integers
// only.
#pragma once
#include <cstdint>

namespace cnnfast {

enum class Activation : int32_t { none, relu, tanh, sigmoid };

}  // namespace cnnfast
