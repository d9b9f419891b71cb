// Sums over channels, and batch normalization by them: some pixels of a channel a thread, then the parts of a
// channel, in order. Sums are in float64.
#include "cuda/kernels/device_math.cuh"

namespace cnnfast::cuda {

namespace {

constexpr int64_t kPixelsOfPart = 256, kMostParts = 256;

int64_t pixels_of(const Channels& c) {
  return c.elems / c.channels;
}

// How the pixels of a channel are cut.
struct Parts {
  int64_t count, pixels, all;
  explicit Parts(const Channels& c) : all(pixels_of(c)) {
    const int64_t wanted = (all + kPixelsOfPart - 1) / kPixelsOfPart;
    count = wanted < kMostParts ? wanted : kMostParts;
    pixels = (all + count - 1) / count;
  }
};

__device__ int64_t element_of(const Channels& c, int64_t channel, int64_t pixel) {
  return (pixel / c.step * c.channels + channel) * c.step + pixel % c.step;
}

// Two sums of each part of each channel: those of first(element) and second(element, channel).
template <class First, class Second>
void sum_parts(cudaStream_t stream, const Channels& c, double* sums, First first, Second second) {
  const Parts parts(c);
  each(stream, parts.count * c.channels, [=] __device__(int64_t i) {
    const int64_t channel = i % c.channels, begin = i / c.channels * parts.pixels;
    const int64_t end = begin + parts.pixels < parts.all ? begin + parts.pixels : parts.all;
    double a = 0, b = 0;
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      const int64_t at = element_of(c, channel, pixel);
      a += first(at), b += second(at, channel);
    }
    sums[2 * i] = a, sums[2 * i + 1] = b;
  });
}

struct Sums {
  double first, second;
};
__device__ Sums whole(const double* sums, int64_t parts, int64_t channels, int64_t channel) {
  Sums all{0, 0};
  for (int64_t part = 0; part < parts; ++part) {
    all.first += sums[2 * (part * channels + channel)];
    all.second += sums[2 * (part * channels + channel) + 1];
  }
  return all;
}

// The vectors of a normalization.
enum Vector { kMean, kRate, kScale, kShift, kOfSrc, kConstant };
__device__ float& vector_of(const Norm& n, Vector which, int64_t channel) {
  return n.vectors[which * n.channels.channels + channel];
}

__device__ void set_scale(const Norm& n, int64_t channel, double mean, double variance) {
  const double rate = 1 / sqrt(variance + static_cast<double>(n.epsilon));
  const double scale = rate * (n.gamma ? static_cast<double>(n.gamma[channel]) : 1.0);
  vector_of(n, kMean, channel) = static_cast<float>(mean);
  vector_of(n, kRate, channel) = static_cast<float>(rate);
  vector_of(n, kScale, channel) = static_cast<float>(scale);
  vector_of(n, kShift, channel) =
      static_cast<float>((n.beta ? static_cast<double>(n.beta[channel]) : 0.0) - mean * scale);
}

__device__ void follow(float* moving, double momentum, double value) {
  *moving = static_cast<float>(momentum * static_cast<double>(*moving) + (1 - momentum) * value);
}

}  // namespace

int64_t channel_scratch(const Channels& channels) {
  return 4 * Parts(channels).count * channels.channels;
}

void sum_channels(cudaStream_t stream, const Channels& c, const float* from, float* scratch, float* to) {
  auto* const sums = reinterpret_cast<double*>(scratch);
  const Parts parts(c);
  sum_parts(
      stream, c, sums, [=] __device__(int64_t at) { return static_cast<double>(from[at]); },
      [] __device__(int64_t, int64_t) { return 0.0; });
  each(stream, c.channels, [=] __device__(int64_t channel) {
    to[channel] = static_cast<float>(whole(sums, parts.count, c.channels, channel).first);
  });
}

void norm_by_batch(cudaStream_t stream, const Norm& n, const float* from, float* scratch, bool moves) {
  auto* const sums = reinterpret_cast<double*>(scratch);
  const Channels c = n.channels;
  const Parts parts(c);
  sum_parts(
      stream, c, sums, [=] __device__(int64_t at) { return static_cast<double>(from[at]); },
      [=] __device__(int64_t at, int64_t) {
        return static_cast<double>(from[at]) * static_cast<double>(from[at]);
      });
  each(stream, c.channels, [=] __device__(int64_t channel) {
    const Sums all = whole(sums, parts.count, c.channels, channel);
    const double mean = all.first / static_cast<double>(parts.all);
    const double squares = all.second / static_cast<double>(parts.all) - mean * mean;
    const double variance = squares < 0 ? 0 : squares;
    set_scale(n, channel, mean, variance);
    if (!moves) return;
    follow(n.mean + channel, n.momentum, mean);
    follow(n.variance + channel, n.momentum, variance);
  });
}

void norm_by_moving(cudaStream_t stream, const Norm& n, const float* bias) {
  each(stream, n.channels.channels, [=] __device__(int64_t channel) {
    const double mean = n.mean[channel], before = bias ? bias[channel] : 0.0f;
    set_scale(n, channel, mean - before, n.variance[channel]);
  });
}

Epilogue epilogue_of(const Norm& n, const float* addend, Activation activation) {
  const int64_t channels = n.channels.channels;
  return {n.vectors + kScale * channels, n.vectors + kShift * channels, addend, activation};
}

void normalize(cudaStream_t stream, const Norm& n, Activation activation, const float* from,
               const float* addend, float* to) {
  each(stream, n.channels.elems, [=] __device__(int64_t i) {
    const int64_t channel = channel_of(n.channels, i);
    const float made = from[i] * vector_of(n, kScale, channel) + vector_of(n, kShift, channel);
    to[i] = activated(activation, addend ? made + addend[i] : made);
  });
}

void norm_sums(cudaStream_t stream, const Norm& n, bool by_batch, const float* from, const float* grad,
               float* scratch, float* grad_gamma, float* grad_beta) {
  auto* const sums = reinterpret_cast<double*>(scratch);
  const Channels c = n.channels;
  const Parts parts(c);
  sum_parts(
      stream, c, sums, [=] __device__(int64_t at) { return static_cast<double>(grad[at]); },
      [=] __device__(int64_t at, int64_t channel) {
        return static_cast<double>(grad[at]) * static_cast<double>(from[at] - vector_of(n, kMean, channel));
      });
  each(stream, c.channels, [=] __device__(int64_t channel) {
    const Sums all = whole(sums, parts.count, c.channels, channel);
    const double rate = vector_of(n, kRate, channel), scale = vector_of(n, kScale, channel);
    const double product = all.second * rate, count = static_cast<double>(parts.all);
    if (grad_gamma) grad_gamma[channel] = static_cast<float>(product);
    if (grad_beta) grad_beta[channel] = static_cast<float>(all.first);
    const double of_src = by_batch ? -scale * rate * product / count : 0;
    vector_of(n, kOfSrc, channel) = static_cast<float>(of_src);
    vector_of(n, kConstant, channel) = static_cast<float>(
        by_batch ? -scale * all.first / count - of_src * static_cast<double>(vector_of(n, kMean, channel))
                 : 0);
  });
}

void norm_grad(cudaStream_t stream, const Norm& n, const float* from, const float* grad, float* to) {
  each(stream, n.channels.elems, [=] __device__(int64_t i) {
    const int64_t channel = channel_of(n.channels, i);
    to[i] = grad[i] * vector_of(n, kScale, channel) + from[i] * vector_of(n, kOfSrc, channel) +
            vector_of(n, kConstant, channel);
  });
}

}  // namespace cnnfast::cuda
