// The border between the engine and its SIMD code: plain structs in, plain function pointers out.
//
// One KernelTable exists per instruction set; runtime/cpu.cc picks one when the library loads. Every
// function here is pure: it knows nothing of Python, threads or allocation, reads and writes only what its
// arguments name, never throws, and only asserts. Pointers are to float32 unless said otherwise; buffers do
// not overlap unless "may alias" is written. "16-lane" tensors are [plane][h][w][16], 64-byte aligned: a
// plane is a block of sixteen channels of one sample (nchw16c) or one channel of sixteen samples (chwn16).
//
// Included by files compiled with ISA flags: nothing but fixed-width integers may come in here.
#pragma once
#include <cstdint>

#include "cnnfast/activation.h"
#include "cnnfast/formula_op.h"
#include "cnnfast/reduction.h"
#include "cnnfast/window_pool.h"

namespace cnnfast {

constexpr int kLanes = 16;

// One term of a convolution's sum: what it adds to an output's source offset, and its row in the weights.
struct Tap {
  int32_t src_offset;  // floats
  int32_t index;
};

// A rectangle of outputs that all see the same taps, none of which falls into the padding.
// Output (y, x) reads src[src0 + y * src_row + x * src_col + tap.src_offset] and writes
// dst[dst0 + y * dst_row + x * dst_col]; all steps in floats.
struct Rect {
  int64_t src0, src_row, src_col;
  int64_t dst0, dst_row, dst_col;
  int32_t rows, cols;
  const Tap* taps;
  int32_t n_taps;
  int32_t run;  // kernels with channels in lanes: see ConvBlocked
};

// Neighbouring pixels of a row in the lanes, forward, columns of stride 1. One sample; src points at the
// first output's first term in planes that hold their border, and whole vectors are read: up to kPixelsSlack
// floats behind what outputs see. dst is nchw16c, `rows` of `cols` pixels: what the pooling leaves.
constexpr int kPixelsSlack = 2 * kLanes;
struct ConvPixels {
  const float* src;
  const float* weights;  // [terms][oc]
  const float* bias;     // [oc] or null
  float* dst;
  const int32_t* offsets;  // of the terms
  int64_t src_row, dst_block;
  int32_t terms, oc, rows, cols;
  Activation activation;
  WindowPool pool;
};

// Batch in lanes. src and dst point at one block of sixteen samples. A tap is one (input channel, kernel
// position) pair, channel-major, so that neighbouring taps read neighbouring pixels.
struct ConvLanes {
  const float* src;
  const float* weights;  // packed [ceil(oc / lanes_oc_tile)][rows][lanes_oc_tile], zero padded
  const float* bias;     // [oc] or null
  float* dst;
  uint8_t* pool_index;  // with pooling: position 0..3 of each maximum, at dst's offsets; null: no record
  int64_t dst_channel;
  int32_t oc, rows;
  Activation activation;
  Rect rect;
  // Without pooling [begin, end) counts outputs of the rectangle in row order. With pooling it counts 2x2
  // windows, of which the rectangle then has rows x cols, and dst_row and dst_col step between pooled
  // outputs.
  int32_t begin, end;
  int32_t pool;  // 1: maximum over 2x2 windows, stride 2, before the activation
};

// Batch in lanes, gradient of the weights. Accumulates the sum over the rectangle and the sixteen lanes of
// src * grad_dst into grad_weights[tap.index * grad_oc_stride + o], and the sum of grad_dst into
// grad_bias[o]. Taps as in ConvLanes. With pool_index, as ConvLanes wrote it, grad_dst is the gradient of the
// pooled output, and the rectangle has rows x cols windows.
struct ConvLanesWgrad {
  const float* src;
  const float* grad_dst;
  const uint8_t* pool_index;  // or null
  float* grad_weights;
  float* grad_bias;
  float* scratch;  // lanes_wgrad_scratch() floats, 64-byte aligned
  int64_t dst_channel, grad_oc_stride;
  int32_t oc;
  Rect rect;
};

// Channels in lanes. One sample; dst is nchw16c. Where rect.run is 0 the source is nchw16c too, a tap is one
// kernel position, and weights are packed [oc blocks of 16][ic blocks of 16][all_taps][channels of the
// block][16]. Else a tap is rect.run floats side by side in the source, which meet as many rows of weights
// from row tap.index on, and weights are [oc blocks of 16][all_taps * ic][16]: plain sources are read in
// place. The last blocks are zero padded. An output's sum depends on nothing but ic, all_taps and its
// own taps; between the parts of a long one it lies in dst.
struct ConvBlocked {
  const float* src;
  const float* weights;
  const float* bias;          // [oc rounded up to 16] or null
  const float* residual;      // added before the activation, at dst's offsets; or null
  const float* next_weights;  // of the blocks computed next, to be fetched meanwhile; or null
  float* dst;
  int64_t src_block, dst_block;
  int32_t ic, oc, all_taps;
  Activation activation;
  const Rect* rects;
  int32_t n_rects;
};

// Rows of weights of one block that pass by at a time: 36 KB, which come from the second-level cache in time.
// Fewer cost more for sums that rest in dst than the first-level cache saves.
constexpr int kBlockedPanel = 576;

// Output gradients that stay in the first-level cache, half of it, while all weights pass by.
constexpr int kWgradChunk = 4096;

// Gradients of weights: those of one tap, input channel and block of sixteen output channels side by side.
template <class Float>
struct GradPlace {
  Float* at;
  int64_t tap, row, block;  // floats from one to the next; rows are input channels
};

// Channels in lanes, gradient of the weights of some input channels and some blocks of sixteen output
// channels, over the output rows [row_begin, row_end) of some samples. Sources and taps as in ConvBlocked;
// rectangles are parts of all rows, `cols` wide, and no two may share a tap unless `sums` and `to` are one
// place. With rect.run, tap.index counts rows: all input channels of all taps. Of a block
// come kWgradChunk output gradients at a time.
struct ConvBlockedWgrad {
  const float* src;
  const float* grad_dst;
  GradPlace<const float> sums;  // what is added to; at: null, if nothing is
  GradPlace<float> to;
  float* grad_bias;  // [block][16], bias_block apart, added to if there are sums; or null
  int64_t src_block, src_sample, dst_block, dst_sample, bias_block;
  int32_t ic, blocks, samples, row_begin, row_end, cols;
  const Rect* rects;
  int32_t n_rects;
};

// A bfloat16 is the upper half of a float32, and a pair of them one uint32_t, the first in the low half. Both
// products of two pairs are added in float32.
//
// ConvBlocked over bfloat16; taps are kernel positions, src steps and offsets are in pairs.
struct ConvBf16 {
  const uint32_t* src;           // [block of sixteen channels][h][w][8 pairs of neighbouring channels]
  const uint32_t* weights;       // [oc blocks of 16][all_taps][pairs of neighbouring inputs][16], zero padded
  const float* bias;             // [oc rounded up to 16] or null
  const float* residual;         // added before the activation, at dst's offsets; or null
  const uint32_t* next_weights;  // as ConvBlocked's
  float* dst;                    // nchw16c
  int64_t src_block, dst_block;
  int32_t pairs, oc, all_taps;  // pairs of input channels
  Activation activation;
  const Rect* rects;
  int32_t n_rects;
};

// ConvBlockedWgrad over bfloat16, for one rectangle; a pair is the same element of two samples. Accumulates.
struct ConvBf16Wgrad {
  const uint32_t* src;       // nchw16c
  const uint32_t* grad_dst;  // nchw16c
  float* grad_weights;       // [block][tap.index][ic][16]
  float* grad_bias;          // [block][16]
  int64_t src_block, dst_block, grad_block;
  int32_t ic, blocks;
  Rect rect;
};

// dst[m][n] = activation(sum_k a(m, k) * b(k, n) + bias[n]); a(m, k) = a[m * a_row + k * a_col], likewise b;
// dst rows are dst_row apart, columns contiguous. One of each operand's steps is 1. Every sum runs through k
// in order, so its bits depend on nothing else.
struct Gemm {
  const float* a;
  const float* b;
  const float* bias;  // or null
  float* dst;
  float* scratch;  // GemmKernels::scratch(*this) floats, 64-byte aligned
  int64_t a_row, a_col, b_row, b_col, dst_row;
  int32_t m, n, k;
  int32_t b_packed;  // b is what GemmKernels::pack wrote
  Activation activation;
};

// Over float32, or over bfloat16, to which both operands are rounded, with sums in float32.
struct GemmKernels {
  int32_t per_float;  // elements, neighbours along k, that share a float of what `pack` writes: 1 or 2
  void (*run)(const Gemm&);
  int64_t (*scratch)(const Gemm&);  // told from m, n, k, the steps and b_packed
  // Columns of b, of which b_col is 1, as `run` reads them: with depth = k / per_float, rounded up, n rounded
  // up to 32 times depth floats, 64-byte aligned. Column n, a multiple of 32, begins at packed + n * depth.
  void (*pack)(const Gemm&, float* packed);
};

struct Depthwise3x3;
struct Bf16Kernels {
  int32_t native;  // a pair of products takes one instruction; otherwise pairs are taken apart
  // Round to nearest even, infinity past the largest; NaN stays NaN. Any n, any alignment.
  void (*round)(const float* src, uint16_t* dst, int64_t n);
  void (*pair)(const float* low, const float* high, uint32_t* dst, int64_t n);  // high may be null: zeros
  void (*conv)(const ConvBf16&);
  void (*conv_wgrad)(const ConvBf16Wgrad&);
  GemmKernels gemm;
  void (*depthwise_3x3)(
      const Depthwise3x3&);  // rounds what it makes; null where this takes a step of its own
};

// Groups of 1, 2, 4 or 8 channels in the lanes of one block of sixteen, one plane; output lane l depends on
// the source lanes l ^ 0 ... l ^ (group - 1). weights[(tap.index * group + k) * 16 + j] is what source lane j
// gives to output lane j ^ k. A tap is one kernel position.
struct ConvGrouped {
  const float* src;
  const float* weights;
  const float* bias;  // [16] or null
  float* dst;
  int32_t group;
  int32_t tap_run;  // taps come in runs of so many, of neighbouring pixels and weights; 0: not known
  Activation activation;
  Rect rect;
};

// The same, gradient of the weights. Accumulates into grad_weights, laid out as the weights, and
// grad_bias[16].
struct ConvGroupedWgrad {
  const float* src;
  const float* grad_dst;
  float* grad_weights;
  float* grad_bias;
  int32_t group;
  Rect rect;
};

// Groups of one channel, kernel 3x3, dilation 1: output rows [row_begin, row_end) of one plane of sixteen
// channels. Output (y, x) reads source rows stride * y - pad_top to stride * y - pad_top + 2, likewise
// columns; what lies outside the source is zero. Of the columns, the first output may miss one on its left
// and the last one on its right; one output never misses both.
struct Depthwise3x3 {
  const float* src;
  const float* weights;  // [9][16]
  const float* bias;     // [16] or null
  void* dst;             // float32; bfloat16 of Bf16Kernels, whose activation is bounds
  float* zeros;          // scratch, iw * 16 floats
  int32_t ih, iw, oh, ow, stride, pad_top, pad_left, row_begin, row_end;
  Activation activation;
};

// Floats of so many cache lines, or of one more: an odd number of them from one frequency to the next spreads
// frequencies over the sets of a cache.
static constexpr int64_t odd_lines(int64_t lines) {
  return (lines | 1) * kLanes;
}

// Winograd's algorithms for 3x3 kernels, by the side of their tiles: of stride 1; of stride 2; and of stride
// 2's backward-data, which is the transpose of the form it is named after.
enum class WinogradForm : int32_t { f2, f4, f6, stride2_f4, stride2_f5, stride2_f4_back, stride2_f5_back };

// One axis of a form. A tile reads `in` pixels of the source, `step` after those of the tile before it, takes
// `frequencies` products and writes `out` pixels. The last of the `weights` serves all products that the
// others leave.
struct WinogradAxis {
  int32_t in, step, frequencies, weights, out;
};

static constexpr WinogradAxis winograd_axis(WinogradForm form) {
  switch (form) {
    case WinogradForm::f2:
      return {4, 2, 4, 4, 2};
    case WinogradForm::f4:
      return {6, 4, 6, 6, 4};
    case WinogradForm::f6:
      return {8, 6, 8, 8, 6};
    case WinogradForm::stride2_f4:
      return {9, 8, 9, 6, 4};
    case WinogradForm::stride2_f5:
      return {11, 10, 11, 7, 5};
    case WinogradForm::stride2_f4_back:
      return {5, 4, 9, 6, 8};
    case WinogradForm::stride2_f5_back:
      break;
  }
  return {6, 5, 11, 7, 10};
}

static constexpr bool winograd_is_stride2(WinogradForm form) {
  return winograd_axis(form).frequencies > winograd_axis(form).weights;
}

static constexpr bool winograd_is_back(WinogradForm form) {
  return form == WinogradForm::stride2_f4_back || form == WinogradForm::stride2_f5_back;
}

// Winograd, channels in lanes, of a 3x3 convolution of dilation 1 with outputs (oh, ow): output (y, x) reads
// source rows stride * y - pad_top to stride * y - pad_top + 2, likewise columns; what lies outside the
// source is zero. stride2_*_back: the outputs are the source of a convolution of stride 2 with this padding,
// of whose output src is the gradient. Tiles are numbered sample by sample, row by row; the last ones of a
// row and of a column may hang over the border. A call works on [first_tile, first_tile + tiles).
struct WinogradTiles {
  const float* src;
  int64_t src_sample, src_block;                  // floats between neighbours
  int32_t ic, ih, iw, oh, ow, pad_top, pad_left;  // padding may be negative
  int32_t first_tile, tiles;
};

// The outputs. Their last block of channels is written whole. With pooling (oh, ow) are those before it, and
// dst takes the maxima of 2x2 windows, stride 2; what is left of an odd number is dropped.
struct Winograd : WinogradTiles {
  const float* weights;   // of winograd_weights: [weights of an axis^2][oc blocks of 16][ic][16]
  const float* bias;      // [oc rounded up to 16] or null
  const float* residual;  // added before the activation, at dst's offsets; or null, as with pooling
  float* dst;
  uint8_t* pool_index;  // as ConvLanes's
  float* scratch;       // winograd_scratch(form, tiles, ic, oc) floats, 64-byte aligned
  int64_t dst_sample, dst_block, weights_frequency;
  int32_t oc;
  WinogradForm form;
  int32_t pool;  // 1: maximum over 2x2 windows, if the sides of tiles are even
  Activation activation;
  bool far;  // dst and residual are not in the near caches: asked for ahead
};

// Transforms the kernels of one block of sixteen outputs ("lanes") and all its inputs ("rows"):
// dst[f * frequency + row * 16 + lane]. Kernel position (h, w) lies at kernel[(3 h + w) * tap_stride + row *
// row_stride + lane * lane_stride], and one of the two strides is 1; `flipped` turns it by 180 degrees, for
// backward-data. `streams` stores past the caches, to a dst and frequencies of whole cache lines.
struct WinogradWeights {
  const float* kernel;
  float* dst;
  int64_t tap_stride, row_stride, lane_stride, frequency;
  int32_t rows, lanes;  // lanes from here to 16 become zero
  WinogradForm form;
  int32_t flipped;
  bool streams;
};

// The gradient of the weights, summed over the tiles (of 4 x 4 outputs), of kWinogradWgradOutputs output
// channels at most: overwrites grad_kernel[(3 h + w) * grad_tap + i * grad_row + o] and grad_bias[o] (or
// null). Reads whole blocks of channels of both images.
constexpr int kWinogradWgradOutputs = 128;
struct WinogradWgrad : WinogradTiles {
  const float* grad_dst;
  float* grad_kernel;
  float* grad_bias;
  float* scratch;  // winograd_wgrad_scratch(tiles, ic, oc) floats, 64-byte aligned
  int64_t dst_sample, dst_block, grad_tap, grad_row;
  int32_t oc;
};

// Both images' frequencies, for its two parts alone: src[f * src_frequency + block * tiles * 16 + tile * 16 +
// lane], likewise grad. The transform fills in both (0 channels: nothing) and overwrites grad_bias; the
// product, for few tiles, overwrites grad_kernel, and its scratch is winograd_wgrad_scratch(0, ic, oc).
struct WinogradFrequencies {
  float* src;
  float* grad;
  int64_t src_frequency, grad_frequency;
};

// One axis that windows slide along. Every window has at least one cell that exists. Adaptive ones cut the
// axis into as many parts as there are outputs, which may overlap by a cell and have at most `window` cells.
struct PoolAxis {
  int32_t size = 1, outputs = 1, window = 1, stride = 1, dilation = 1, pad_before = 0, pad_after = 0;
  bool adaptive = false;
};

// Windows may hang over any border: padded cells do not exist for the maximum; the average divides by the
// cells that exist, or by those of the padding, too, when count_padding is set.
struct PoolGeometry {
  PoolAxis d, h, w;
  bool count_padding = false;
};

// Pooling over planes of a 16-lane tensor. index and wide_index, of which at most one is not null, receive
// of a maximum the position of the winner in its window (the first of equals), in the shape of dst; windows
// of more than 256 cells need the wide one.
struct Pool {
  PoolGeometry geometry;
  const float* src;
  float* dst;
  uint8_t* index;
  uint32_t* wide_index;
  int32_t planes;
  Activation activation;  // applied to dst
};

// Gradient of pooling; grad_src is overwritten. The index as Pool wrote it.
struct PoolGrad {
  PoolGeometry geometry;
  const float* grad_dst;
  const uint8_t* index;
  const uint32_t* wide_index;
  float* grad_src;
  int32_t planes;
};

// Pixels of up to sixteen lanes: pixel i lies at i * step. Of fewer lanes nothing behind them is touched.
// Vectors that go with a run have sixteen numbers.
struct LaneRun {
  int64_t pixels, step;
  int32_t lanes;
};

// A normalization of a run: out = activation(src * scale + shift + addend). What is added, and out, lie as
// src does, which out may alias.
struct Normalization {
  Activation activation;
  const float *src, *scale, *shift;
  const float* addend;  // or null
  float* out;           // on the way back null where nothing tells the activation from it: see normalize_sums
};

// A gradient's way back through a normalization, lane by lane: grad * g + src * x + constant.
struct NormalizeGrad {
  const float *grad, *src, *constant;
};

// An axis of cells, each the weighted sum of neighbours along that of the source: cell i of the destination
// is the sum over t below count of weights[weights_at + t] times cell first + t, in this order. A cell is
// `inner` floats side by side.
struct BlendedCell {
  int32_t first, count, weights_at;
};
struct Blend {
  const float* src;
  float* dst;
  const BlendedCell* cells;
  const float* weights;
  int64_t inner;
  int32_t n;  // cells
};

// Between a strided plain tensor and a 16-lane one:
// packed[(a * n_b + b) * 16 + lane] <-> plain[lane * lane_stride + a * a_stride + b * b_stride].
// gather writes zero to lanes >= lanes; scatter writes only lanes < lanes.
struct Shuffle {
  int64_t lane_stride, a_stride, b_stride;
  int32_t lanes, n_a, n_b;
};

// Rows of class scores. Targets are labels (int32) or rows of weights; the other pointer is null.
// loss[r] is the loss of row r; grad (or null) receives scale * d loss[r] / d src and may alias src.
struct RowLoss {
  const float* src;
  const int32_t* labels;
  const float* targets;
  float* loss;
  float* grad;
  float scale;
  int32_t rows, cols;
};

struct Sgd {
  float* params;
  const float* grads;
  float* velocity;  // null when momentum is 0
  int64_t n;
  float lr, momentum;
  int32_t nesterov;
};

struct Adam {
  float* params;
  const float* grads;
  float *m, *v;
  int64_t n;
  float lr;             // with the bias corrections of this step already in it
  double beta1, beta2;  // 1 - beta2 would lose digits in float32
  float epsilon;
};

// dst = src * mask, mask = 0 or 1 / (1 - rate), and mask is recorded as a byte (0 or 1). Element p of plane c
// of sample s draws word p % 4 of Philox4x32-10(counter = {c * ceil(hw / 4) + p / 4, s, step, layer}, key =
// seed), so the mask depends on neither layout nor ISA. Dropped when word < threshold.
struct Dropout {
  const float* src;
  float* dst;  // may alias src
  uint8_t* mask;
  int64_t hw;       // elements of one plane (one channel)
  int32_t plane;    // channel of lane 0 of this call
  int32_t sample;   // sample of lane 0 of this call
  int32_t lane_is;  // 0: no lanes, elements are contiguous; 1: lane = channel; 2: lane = sample
  uint32_t step, layer, threshold;
  uint64_t seed;
  float scale;
};

// n elements of what an instruction makes of its operands; those that it has not may be anything readable.
// dst may alias operands.
using FormulaKernel = void (*)(const float* a, const float* b, const float* c, float* dst, int64_t n);

// Uniform numbers in [0, 1), made of seed, stream, step, sample and an element's place in its sample alone,
// which is numbered as for Dropout.
struct RandomLanes {
  int64_t elems;    // of a row; with lanes: pixels of a plane
  int64_t planes;   // with lanes: of a row, or of sixteen rows
  int32_t lane_is;  // as Dropout's
  int32_t sample;   // number of the first row
  uint32_t step, layer;
  uint64_t seed;
};

struct FormulaKernels {
  // Of positions [begin, begin + n) of all rows; with lanes these are multiples of sixteen.
  void (*random)(const RandomLanes&, int64_t begin, int64_t n, float* dst);
  FormulaKernel compute[kFormulaOps];  // the others; input and constant copy
  // An instruction that leads, and what follows it with operand c.
  FormulaKernel joined[kFormulaThens][kFormulaOps];
  // A copy past the caches, to the start of a line. Others may read it after a call with n = 0.
  void (*stream)(const float* src, int64_t n, float* dst);
};

struct KernelTable {
  const char* isa;
  int32_t lanes_oc_tile;   // output channels of one batch-in-lanes tile
  int32_t winograd_tiles;  // tiles of one call are best a multiple of it
  int64_t peak_flops;      // of one iteration of peak

  void (*conv_lanes)(const ConvLanes&);
  void (*conv_lanes_wgrad)(const ConvLanesWgrad&);
  // For a rectangle with this many taps; outputs: of one of its rows, or of one of its rows of windows.
  int64_t (*lanes_wgrad_scratch)(int32_t n_taps, int32_t outputs);
  void (*conv_pixels)(const ConvPixels&);
  void (*conv_blocked)(const ConvBlocked&);
  void (*conv_blocked_wgrad)(const ConvBlockedWgrad&);
  void (*conv_grouped)(const ConvGrouped&);
  void (*conv_grouped_wgrad)(const ConvGroupedWgrad&);
  void (*depthwise_3x3)(const Depthwise3x3&);
  void (*winograd)(const Winograd&);
  void (*winograd_weights)(const WinogradWeights&);
  int64_t (*winograd_scratch)(WinogradForm form, int32_t tiles, int32_t ic, int32_t oc);
  void (*winograd_wgrad)(const WinogradWgrad&);
  void (*winograd_wgrad_transform)(const WinogradWgrad&, const WinogradFrequencies&);
  void (*winograd_wgrad_product)(const WinogradWgrad&, const WinogradFrequencies&);
  int64_t (*winograd_wgrad_scratch)(int32_t tiles, int32_t ic, int32_t oc);
  GemmKernels gemm;
  Bf16Kernels bf16;

  void (*max_pool)(const Pool&);
  void (*average_pool)(const Pool&);
  void (*max_pool_grad)(const PoolGrad&);
  void (*average_pool_grad)(const PoolGrad&);

  // Elementwise; any n, any alignment; dst may alias any source.
  void (*activate)(Activation, const float* src, float* dst, int64_t n);
  // dst = grad * derivative, told from the activation's own output.
  void (*activate_grad)(Activation, const float* out, const float* grad, float* dst, int64_t n);
  void (*add)(const float* a, const float* b, float* dst, int64_t n);
  void (*dropout)(const Dropout&);
  void (*dropout_grad)(const float* grad, const uint8_t* mask, float scale, float* dst, int64_t n);
  // dst[c] = sum over rows of src[r * cols_stride + c], rows in order.
  void (*sum_rows)(const float* src, int64_t rows, int64_t row_stride, float* dst, int64_t cols);

  // dst[c] = what src[r * row_stride + c] of all rows are together: their sum (that is for means, too),
  // product or extreme (for indices, too). Rows in order, except that of one column whose row_stride is 1
  // lanes and vectors come apart. dst may be the first row.
  void (*reduce)(Reduction, const float* src, int64_t rows, int64_t row_stride, float* dst, int64_t cols);

  void (*blend)(const Blend&);

  // Of each lane over the pixels: the mean, and the sum of squares of what differs from it.
  void (*moments)(const LaneRun&, const float* src, float* mean, float* m2);
  void (*normalize)(const LaneRun&, const Normalization&);
  // The sums over the pixels of g, the gradient before the activation, and of g * (src - mean); `inside`, if
  // it is not null, receives g. The activation is told from out, or, a relu or relu6 without an out, from
  // src: then nothing was added.
  void (*normalize_sums)(const LaneRun&, const Normalization&, const float* grad, const float* mean,
                         float* inside, float* sum, float* product);
  // dst may alias grad or src.
  void (*normalize_grad)(const LaneRun&, const Normalization&, const float* grad, const NormalizeGrad&,
                         float* dst);

  void (*gather16)(const Shuffle&, const float* plain, float* packed);
  void (*scatter16)(const Shuffle&, const float* packed, float* plain);

  void (*softmax)(const float* src, float* dst, int64_t rows, int64_t cols);
  // dst = grad through softmax, told from its output.
  void (*softmax_grad)(const float* out, const float* grad, float* dst, int64_t rows, int64_t cols);
  void (*softmax_cross_entropy)(const RowLoss&);  // src are logits; loss = -sum_c t_c log softmax(src)_c
  void (*sigmoid_cross_entropy)(const RowLoss&);  // src are logits; loss = mean over cols; targets only
  void (*squared_error)(const RowLoss&);          // loss = mean over cols of (src - t)^2; targets only

  void (*sgd)(const Sgd&);
  void (*adam)(const Adam&);

  FormulaKernels formula;

  // Multiply-adds on registers alone, to be timed; x lies just below one. The result means nothing.
  float (*peak)(int64_t iterations, float x);
};

// Null where the compiler could not build that table.
const KernelTable* scalar_table();
const KernelTable* avx2_table();
const KernelTable* avx512_table();
const Bf16Kernels* avx512_bf16_kernels();  // all else is avx512_table()

}  // namespace cnnfast
