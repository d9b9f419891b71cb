// Gathers one instruction set's kernels into its KernelTable. The including file has defined SIMD_NAMESPACE
// and included simd/<isa>.h.
#pragma once
#include "simd/bf16.inl.h"
//
#include "kernels/bf16_table.inl.h"
#include "kernels/blend.inl.h"
#include "kernels/conv_blocked.inl.h"
#include "kernels/conv_blocked_wgrad.inl.h"
#include "kernels/conv_grouped.inl.h"
#include "kernels/conv_lanes.inl.h"
#include "kernels/conv_pixels.inl.h"
#include "kernels/depthwise.inl.h"
#include "kernels/dropout.inl.h"
#include "kernels/elementwise.inl.h"
#include "kernels/formula.inl.h"
#include "kernels/gemm.inl.h"
#include "kernels/loss.inl.h"
#include "kernels/normalize.inl.h"
#include "kernels/optim.inl.h"
#include "kernels/peak.inl.h"
#include "kernels/pool.inl.h"
#include "kernels/reduce.inl.h"
#include "kernels/shuffle.inl.h"
#include "kernels/winograd.inl.h"
#include "kernels/winograd_weights.inl.h"
#include "kernels/winograd_wgrad.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

static constexpr KernelTable kTable = {
    .isa = kIsa,
    .lanes_oc_tile = kLanesOcTile,
    .winograd_tiles = kWinogradTileTiles,
    .peak_flops = kPeakFlops,
    .conv_lanes = conv_lanes,
    .conv_lanes_wgrad = conv_lanes_wgrad,
    .lanes_wgrad_scratch = lanes_wgrad_scratch,
    .conv_pixels = conv_pixels,
    .conv_blocked = conv_blocked,
    .conv_blocked_wgrad = conv_blocked_wgrad,
    .conv_grouped = conv_grouped,
    .conv_grouped_wgrad = conv_grouped_wgrad,
    .depthwise_3x3 = depthwise_3x3<float>,
    .winograd = winograd,
    .winograd_weights = winograd_weights,
    .winograd_scratch = winograd_scratch,
    .winograd_wgrad = winograd_wgrad,
    .winograd_wgrad_transform = winograd_wgrad_transform,
    .winograd_wgrad_product = winograd_wgrad_product,
    .winograd_wgrad_scratch = winograd_wgrad_scratch,
    .gemm = {.per_float = 1, .run = gemm, .scratch = gemm_scratch, .pack = gemm_pack},
    .bf16 = kBf16Kernels,
    .max_pool = max_pool,
    .average_pool = average_pool,
    .max_pool_grad = max_pool_grad,
    .average_pool_grad = average_pool_grad,
    .activate = activate,
    .activate_grad = activate_grad,
    .add = add,
    .dropout = dropout,
    .dropout_grad = dropout_grad,
    .sum_rows = sum_rows,
    .reduce = reduce,
    .blend = blend,
    .moments = moments,
    .normalize = normalize,
    .normalize_sums = normalize_sums,
    .normalize_grad = normalize_grad,
    .gather16 = gather16,
    .scatter16 = scatter16,
    .softmax = softmax,
    .softmax_grad = softmax_grad,
    .softmax_cross_entropy = softmax_cross_entropy,
    .sigmoid_cross_entropy = sigmoid_cross_entropy,
    .squared_error = squared_error,
    .sgd = sgd,
    .adam = adam,
    .formula = kFormulaKernels,
    .peak = peak,
};

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
