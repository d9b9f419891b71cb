// Gathers one instruction set's kernels over bfloat16. Included after simd/avx512_bf16.h or simd/bf16.inl.h.
#pragma once
#include "kernels/conv_bf16.inl.h"
#include "kernels/depthwise.inl.h"
#include "kernels/gemm_bf16.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

static constexpr Bf16Kernels kBf16Kernels = {
    .native = kBf16Native,
    .round = bf16_round_all,
    .pair = bf16_pair_all,
    .conv = conv_bf16,
    .conv_wgrad = conv_bf16_wgrad,
    .gemm = {.per_float = 2, .run = gemm_bf16, .scratch = gemm_bf16_scratch, .pack = gemm_bf16_pack},
    .depthwise_3x3 = kBf16Native ? depthwise_3x3<uint16_t> : nullptr,
};

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
