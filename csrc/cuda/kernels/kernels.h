// The border between the device programs and their kernels: plain functions that put one or a few kernels
// into a stream. Pointers are to float32 in device memory, dense unless strides are given; buffers do not
// overlap unless "may be" is written. What depends on a run alone comes from Varying. Sums run in an order
// that shapes tell.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <vector>

#include "cnnfast/activation.h"
#include "cnnfast/formula_op.h"
#include "cnnfast/reduction.h"
#include "kernels/kernel_table.h"

namespace cnnfast::cuda {

// What differs from run to run of a program, in device memory.
constexpr int kMostNumbers = 256;
struct Varying {
  uint64_t seed;
  double rate;  // the learning rate of this step
  uint32_t step;
  float numbers[kMostNumbers];  // that a formula that updates reads
};

// A value as pixels of channels: element i is of channel i / step % channels, whose pixels are in order.
// Where that does not matter, all are of one channel.
struct Channels {
  int64_t channels, step, elems;
};

// ---- Element by element (elementwise.cu)
// --------------------------------------------------------------------

void fill(cudaStream_t stream, float* to, int64_t n, float value);
void copy(cudaStream_t stream, float* to, const float* from, int64_t n);
void add(cudaStream_t stream, float* to, const float* a, const float* b, int64_t n);  // to may be a or b
void activate(cudaStream_t stream, Activation kind, float* to, const float* from, int64_t n);  // may be from
// Of the gradient before the activation, by the output; kinds that tells_derivative has. to may be grad.
void activate_grad(cudaStream_t stream, Activation kind, float* to, const float* out, const float* grad,
                   int64_t n);
// Of a row: random numbers are those of the CPU, which counts the pixels of a channel in fours. Kept is what
// word (pixel % 4) of Philox's counter (channel * fours + pixel / 4, row, step, layer) allows: at least
// `threshold`.
void dropout(cudaStream_t stream, const Varying* varying, uint32_t layer, uint32_t threshold, float scale,
             const Channels& row, const float* from, float* to, uint8_t* mask, int64_t rows);
void dropout_grad(cudaStream_t stream, const float* grad, const uint8_t* mask, float scale, float* to,
                  int64_t n);

// A box of cells; from cell to cell the step on either side. What is added may meet itself in `to`.
constexpr int kMostBoxAxes = 10;
struct Box {
  int axes;
  int64_t size[kMostBoxAxes], from[kMostBoxAxes], to[kMostBoxAxes];  // outermost first
};
void copy_box(cudaStream_t stream, const Box& box, const float* from, float* to);
// Cells of different rows, the box's first axis, must not meet in `to`; those of a row are added in order.
void add_box(cudaStream_t stream, const Box& box, const float* from, float* to);
// For each cell of the first box the sum over those of the other, whose `to` does not count.
void sum_box(cudaStream_t stream, const Box& kept, const Box& summed, const float* from, float* to);

// ---- Products (matrix.cu)
// -----------------------------------------------------------------------------------

// How products are made: in float32, or on tensor cores.
enum class Arithmetic { float32, tf32, bf16 };

// dst[m][n] = activation(sum over k of a(m, k) * b(k, n) + bias[n]); steps in floats.
struct Product {
  const float *a, *b, *bias;  // bias: or null
  float* dst;
  int64_t a_row, a_col, b_row, b_col, dst_row;
  int64_t m, n, k;
  Activation activation;
  Arithmetic arithmetic = Arithmetic::float32;
};
// One for each cell of the kept axes, of sums over k and the cells of the summed ones, whose dst does not
// count; from cell to cell the steps of a, b and dst.
constexpr int kMostProductAxes = 8;
struct ProductAxes {
  int axes;
  int64_t size[kMostProductAxes], a[kMostProductAxes], b[kMostProductAxes], dst[kMostProductAxes];
};
// Floats; by sizes alone.
int64_t multiply_scratch(const Product& product, const ProductAxes& kept, const ProductAxes& summed);
void multiply(cudaStream_t stream, const Product& product, const ProductAxes& kept, const ProductAxes& summed,
              float* scratch);

// ---- Convolutions and pooling (conv.cu, pool.cu)
// ------------------------------------------------------------

// Where a value's images are: from cell to cell along each axis.
struct Images {
  int64_t sample, channel, slice, row, pixel;
};

// src has `ic` channels of size `in`, dst `oc` of size `out`; the kernel is [d][h][w][ic / groups][oc].
// Padding is that before the first cell.
struct Convolution {
  int32_t n, ic, oc, groups;
  int32_t in[3], out[3], kernel[3], stride[3], padding[3], dilation[3];  // depth, height, width
  Images src, dst;
  Arithmetic arithmetic = Arithmetic::float32;
};
// What becomes of a sum: times the channel's scale, plus its shift, plus what lies in the same place of
// `addend`, each of which may be null; activated.
struct Epilogue {
  const float *scale = nullptr, *shift = nullptr, *addend = nullptr;
  Activation activation = Activation::none;
};
int64_t conv_forward_scratch(const Convolution& conv);  // floats
void conv_forward(cudaStream_t stream, const Convolution& conv, const float* src, const float* kernel,
                  const Epilogue& epilogue, float* scratch, float* dst);
// From dst to src: the gradient, or a transposed convolution.
int64_t conv_backward_scratch(const Convolution& conv);
void conv_backward(cudaStream_t stream, const Convolution& conv, const float* dst, const float* kernel,
                   const Epilogue& epilogue, float* scratch, float* src);
int64_t conv_weights_scratch(const Convolution& conv);
void conv_weights(cudaStream_t stream, const Convolution& conv, const float* src, const float* grad_dst,
                  float* scratch, float* grad_kernel);

// Planes of n samples and c channels. `index` receives the place of each maximum in its plane of the source,
// or is null. Padding and NaN as csrc/kernels/pool.inl.h has them.
struct Pooling {
  PoolGeometry geometry;
  int32_t n, c;
  Images src, dst;
  bool maximum;
};
void pool_forward(cudaStream_t stream, const Pooling& pool, const float* src, Activation activation,
                  float* dst, int32_t* index);
void pool_backward(cudaStream_t stream, const Pooling& pool, const float* grad_dst, const int32_t* index,
                   float* grad_src);

// ---- Channels (normalize.cu)
// --------------------------------------------------------------------------------

// Floats that the functions below take as scratch.
int64_t channel_scratch(const Channels& channels);
void sum_channels(cudaStream_t stream, const Channels& channels, const float* from, float* scratch,
                  float* to);

// Six vectors of a number for each channel, one behind the other: what a normalization makes of its
// parameters and statistics on the way forward (mean, rate, scale, shift) and back (of_src, constant).
constexpr int kNormVectors = 6;
struct Norm {
  Channels channels;
  const float *gamma, *beta;  // or null: 1 and 0
  float *mean, *variance;     // moving
  float momentum, epsilon;
  float* vectors;
};
// By the batch's statistics, which move the moving ones if `moves`; or by the moving ones, of what a bias
// (or null) has yet to be added to.
void norm_by_batch(cudaStream_t stream, const Norm& norm, const float* from, float* scratch, bool moves);
void norm_by_moving(cudaStream_t stream, const Norm& norm, const float* bias);
// As a convolution does it to its sums.
Epilogue epilogue_of(const Norm& norm, const float* addend, Activation activation);
// What is added may be null.
void normalize(cudaStream_t stream, const Norm& norm, Activation activation, const float* from,
               const float* addend, float* to);
// The gradients of gamma and beta (or null), and the vectors for the gradient of the source. `grad` is that
// before the activation.
void norm_sums(cudaStream_t stream, const Norm& norm, bool by_batch, const float* from, const float* grad,
               float* scratch, float* grad_gamma, float* grad_beta);
void norm_grad(cudaStream_t stream, const Norm& norm, const float* from, const float* grad, float* to);

// ---- Rows, losses, metrics (rows.cu)
// ------------------------------------------------------------------------

void softmax(cudaStream_t stream, const float* from, float* to, int64_t rows, int64_t cols);
void softmax_grad(cudaStream_t stream, const float* out, const float* grad, float* to, int64_t rows,
                  int64_t cols);

enum class RowKind : int32_t { softmax_cross_entropy, sigmoid_cross_entropy, squared_error };
// One number a row: of predictions against targets, or class numbers (floats; others than those of a class
// make NaN). `weights` multiply it, one for so many rows.
struct RowLosses {
  RowKind kind;
  bool labels;
  const float *from, *targets, *weights;  // weights: or null
  int64_t rows, cols, rows_a_weight;
};
// loss or grad may be null; grad is scale times the gradient, times rates[row], if there are rates.
void row_losses(cudaStream_t stream, const RowLosses& losses, float* loss, float* grad, float scale,
                const float* rates);
// Of targets that are no labels: rates[row] times the gradient.
void row_target_grads(cudaStream_t stream, const RowLosses& losses, const float* rates, float* grad);

enum class RowMetric : int32_t {
  accuracy,
  binary_accuracy,
  top_k,
  equal,
  mean_squared_error,
  mean_absolute_error
};
void row_metrics(cudaStream_t stream, RowMetric kind, int k, float threshold, bool labels, const float* from,
                 const float* targets, float* to, int64_t rows, int64_t cols);

// to[0] (or to += with `adds`) = factor * the sum of n numbers.
void add_up(cudaStream_t stream, const float* from, int64_t n, double factor, double* to, bool adds);
void add_columns(cudaStream_t stream, const float* from, int64_t rows, int64_t cols, double* to);

// ---- Reductions and formulas (reduce.cu, formula.cu)
// --------------------------------------------------------

// [outer][length][inner]; times factor.
struct Reduced {
  Reduction kind;
  int64_t outer, length, inner;
  float factor;
};
void reduce(cudaStream_t stream, const Reduced& reduced, const float* from, float* to);
void reduce_grad(cudaStream_t stream, const Reduced& reduced, const float* from, const float* out,
                 const float* grad, float* to);

constexpr int kMostCode = 128, kMostFormulaInputs = 24, kMostFormulaOutputs = 8, kMostFormulaAxes = 9;
// In device memory. Axes outermost first; inputs step by `strides` along them, outputs are dense.
struct FormulaCode {
  struct Instruction {
    FormulaOp op;
    int16_t args[3];
    float number;
    uint32_t stream;  // of random
    bool seeded;      // its stream is its seed
  };
  int32_t size, inputs, outputs, axes;
  Instruction code[kMostCode];
  int32_t output[kMostFormulaOutputs];
  int64_t extents[kMostFormulaAxes], strides[kMostFormulaInputs][kMostFormulaAxes];
  Channels row;  // for random numbers
};
struct FormulaPlaces {
  const float* inputs[kMostFormulaInputs];
  float* outputs[kMostFormulaOutputs];  // may be an input that lies as they do
};
void run_formula(cudaStream_t stream, const FormulaCode* code, int64_t n, const FormulaPlaces& places,
                 const Varying* varying);

// ---- Cells that values tell (gather.cu, order.cu, resample.cu)
// ----------------------------------------------

// The axes of the output, and how far source and indices step along each; `cells` of the source are a step
// apart along the axis that indices tell. Indices as csrc/ops/cells.h has them; what is none makes NaN. Axes
// of more than one cell along which neither steps are not there.
struct Gathering {
  int axes;
  int64_t size[kMostBoxAxes], src[kMostBoxAxes], index[kMostBoxAxes];  // outermost first
  int64_t cells, step;
};
void gather(cudaStream_t stream, const Gathering& gathering, const float* src, const float* index, float* to);
int64_t gather_scratch(const Gathering& gathering);  // floats
void gather_grad(cudaStream_t stream, const Gathering& gathering, const float* grad, const float* index,
                 float* scratch, float* to);

// The first `count` positions of each row's numbers, sorted: NaN is above all, of equals the first comes
// first.
int64_t order_scratch(int64_t rows, int64_t cols);  // floats
void order(cudaStream_t stream, const float* from, int64_t rows, int64_t cols, int64_t count, bool descending,
           float* scratch, float* to);

// [outer][from][inner] to [outer][to][inner], by cells and weights in device memory.
struct Blended {
  const BlendedCell* cells;
  const float* weights;
  int64_t outer, from, to, inner;
};
void blend(cudaStream_t stream, const Blended& blended, const float* from, float* to);

// Images read at places, axes[0..) numbers each, as csrc/ops/sample.cc does. Rows of places: at_row 0: all
// rows have the same.
enum class Border : int32_t { constant, nearest, reflect, mirror, wrap };
constexpr int kMostSampledAxes = 3;
struct Sampled {
  bool nearest;  // else linear
  Border border;
  float fill;
  int axes;
  int64_t sizes[kMostSampledAxes];
  int64_t rows, places, cells, channels;        // places and cells of a row
  int64_t cell, channel, place, place_channel;  // steps in the source and in the output
  int64_t src_row, at_row;                      // floats from row to row
};
void sample(cudaStream_t stream, const Sampled& sampled, const float* src, const float* places, float* to);
int64_t sample_scratch(const Sampled& sampled);  // floats
void sample_grad(cudaStream_t stream, const Sampled& sampled, const float* grad, const float* places,
                 float* scratch, float* to);
void sample_grad_places(cudaStream_t stream, const Sampled& sampled, const float* src, const float* grad,
                        const float* places, float* to);

// ---- Updates (update.cu)
// ------------------------------------------------------------------------------------

// A parameter that moves, and what goes with it. All that move are moved by one launch for every kMostMoved.
constexpr int kMostMoved = 32, kMostSlots = kMostFormulaOutputs - 1;
struct Moved {
  float *values, *grad, *slots[kMostSlots];
  const float* scale;    // its gradient is clipped by being multiplied by scale[0]; or null
  const float* numbers;  // that its formula reads, or null
  int64_t n;
  double factor;  // times Varying's rate it is the learning rate
  float l1, l2;   // penalties
};
using MovedParams = std::vector<Moved>;
// What penalties add to gradients.
void regularize(cudaStream_t stream, const MovedParams& params);
// to[0] += what penalties are. Scratch here and below: doubles, the sum of moved_parts(n).
int64_t moved_parts(int64_t n);
void add_penalties(cudaStream_t stream, const MovedParams& params, double* scratch, double* to);
// A number for each parameter's gradient, or, `global`, for all together: min(1, limit / its norm).
void clip_scales(cudaStream_t stream, const MovedParams& params, bool global, double limit, double* scratch,
                 float* scales);
// Gradients are clipped where they are read: by `scale`, or, where that is null and `limit` above 0, into
// [-limit, limit].
void clip(cudaStream_t stream, const MovedParams& params, float limit);
// The first slot: velocity, where momentum is not 0.
void sgd(cudaStream_t stream, const Varying* varying, const MovedParams& params, float momentum,
         bool nesterov, float limit);
void adam(cudaStream_t stream, const Varying* varying, const MovedParams& params, double beta1, double beta2,
          float epsilon, float limit);
// Inputs are the weight, its gradient, so many slots, and then numbers; outputs the weight and the slots. The
// gradient is not clipped.
void move_by_formula(cudaStream_t stream, const FormulaCode* code, int slots, const MovedParams& params,
                     const Varying* varying);
void clamp_negative(cudaStream_t stream, float* values, int64_t n);
// Each norm over the cells of `summed`, one for each cell of `kept`, moves the share `rate` of its way into
// [minimum, maximum]; steps are `from`. Scratch: a float a norm.
struct NormLimits {
  float minimum, maximum, rate;
};
void constrain_norms(cudaStream_t stream, float* values, const Box& kept, const Box& summed,
                     const NormLimits& limits, float* scratch);

}  // namespace cnnfast::cuda
