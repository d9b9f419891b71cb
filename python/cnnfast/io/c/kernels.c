/* What exported networks are made of: `exporting.py` puts those that a network needs into its file. */

/* kernel: image */
/* Sizes, and how far rows, columns and channels are apart. */
typedef struct { int height, width, channels, row, column, channel; } image;

/* kernel: window */
/* Size, strides, dilation, and how far it begins above and left of the image. */
typedef struct { int height, width, down, right, spread_down, spread_right, above, left; } window;

/* kernel: smaller */
static float smaller(float a, float b) { return a < b ? a : b; }

/* kernel: larger */
static float larger(float a, float b) { return a > b ? a : b; }

/* kernel: sign */
static float sign(float a) { return (float)((a > 0) - (a < 0)); }

/* kernel: conv */
/* Weights: (height, width, channels / groups, filters). */
static void conv(const float *restrict x, image from, window w, int groups, const float *restrict weights,
                 const float *restrict bias, float *restrict y, image to) {
  const int inputs = from.channels / groups, outputs = to.channels / groups;
  for (int r = 0; r < to.height; ++r)
    for (int c = 0; c < to.width; ++c) {
      float *sums = y + r * to.row + c * to.column;
      for (int o = 0; o < to.channels; ++o) sums[o * to.channel] = bias ? bias[o] : 0;
      for (int i = 0; i < w.height; ++i)
        for (int j = 0; j < w.width; ++j) {
          const int a = r * w.down + i * w.spread_down - w.above, b = c * w.right + j * w.spread_right - w.left;
          if (a < 0 || a >= from.height || b < 0 || b >= from.width) continue;
          const float *pixel = x + a * from.row + b * from.column;
          const float *tap = weights + (i * w.width + j) * inputs * to.channels;
          for (int k = 0; k < from.channels; ++k) {
            const float value = pixel[k * from.channel];
            const int first = k / inputs * outputs;
            const float *line = tap + k % inputs * to.channels + first;
            for (int o = 0; o < outputs; ++o) sums[(first + o) * to.channel] += value * line[o];
          }
        }
    }
}

/* kernel: depthwise_conv */
/* Weights: (height, width, channels, multiplier). */
static void depthwise_conv(const float *restrict x, image from, window w, const float *restrict weights,
                           const float *restrict bias, float *restrict y, image to) {
  const int multiplier = to.channels / from.channels;
  for (int r = 0; r < to.height; ++r)
    for (int c = 0; c < to.width; ++c) {
      float *sums = y + r * to.row + c * to.column;
      for (int o = 0; o < to.channels; ++o) sums[o * to.channel] = bias ? bias[o] : 0;
      for (int i = 0; i < w.height; ++i)
        for (int j = 0; j < w.width; ++j) {
          const int a = r * w.down + i * w.spread_down - w.above, b = c * w.right + j * w.spread_right - w.left;
          if (a < 0 || a >= from.height || b < 0 || b >= from.width) continue;
          const float *pixel = x + a * from.row + b * from.column;
          const float *line = weights + (i * w.width + j) * to.channels;
          for (int o = 0; o < to.channels; ++o)
            sums[o * to.channel] += pixel[o / multiplier * from.channel] * line[o];
        }
    }
}

/* kernel: conv_transpose */
/* Weights: (height, width, filters of a group, channels). */
static void conv_transpose(const float *restrict x, image from, window w, int groups, const float *restrict weights,
                           const float *restrict bias, float *restrict y, image to) {
  const int filters = to.channels / groups, channels = from.channels / groups;
  for (int r = 0; r < to.height; ++r)
    for (int c = 0; c < to.width; ++c)
      for (int o = 0; o < to.channels; ++o)
        y[r * to.row + c * to.column + o * to.channel] = bias ? bias[o] : 0;
  for (int r = 0; r < from.height; ++r)
    for (int c = 0; c < from.width; ++c)
      for (int i = 0; i < w.height; ++i)
        for (int j = 0; j < w.width; ++j) {
          const int a = r * w.down + i * w.spread_down - w.above, b = c * w.right + j * w.spread_right - w.left;
          if (a < 0 || a >= to.height || b < 0 || b >= to.width) continue;
          const float *pixel = x + r * from.row + c * from.column;
          const float *tap = weights + (i * w.width + j) * filters * from.channels;
          float *sums = y + a * to.row + b * to.column;
          for (int o = 0; o < to.channels; ++o) {
            const int first = o / filters * channels;
            const float *factors = tap + o % filters * from.channels;
            float sum = 0;
            for (int k = first; k < first + channels; ++k) sum += pixel[k * from.channel] * factors[k];
            sums[o * to.channel] += sum;
          }
        }
}

/* kernel: max_pool */
static void max_pool(const float *restrict x, image from, window w, float *restrict y, image to) {
  for (int r = 0; r < to.height; ++r)
    for (int c = 0; c < to.width; ++c)
      for (int k = 0; k < to.channels; ++k) {
        float found = -INFINITY;
        for (int i = 0; i < w.height; ++i)
          for (int j = 0; j < w.width; ++j) {
            const int a = r * w.down + i * w.spread_down - w.above, b = c * w.right + j * w.spread_right - w.left;
            if (a < 0 || a >= from.height || b < 0 || b >= from.width) continue;
            const float value = x[a * from.row + b * from.column + k * from.channel];
            if (value > found) found = value;
          }
        y[r * to.row + c * to.column + k * to.channel] = found;
      }
}

/* kernel: average_pool */
/* `bottom` and `side`: where cells end that count, below and right of the image. */
static void average_pool(const float *restrict x, image from, window w, int counts_border, int bottom, int side,
                         float *restrict y, image to) {
  for (int r = 0; r < to.height; ++r)
    for (int c = 0; c < to.width; ++c)
      for (int k = 0; k < to.channels; ++k) {
        float sum = 0;
        int count = 0;
        for (int i = 0; i < w.height; ++i)
          for (int j = 0; j < w.width; ++j) {
            const int a = r * w.down + i - w.above, b = c * w.right + j - w.left;
            const int inside = a >= 0 && a < from.height && b >= 0 && b < from.width;
            if (inside) sum += x[a * from.row + b * from.column + k * from.channel];
            count += inside || (counts_border && a < bottom && b < side);
          }
        y[r * to.row + c * to.column + k * to.channel] = sum / (float)count;
      }
}

/* kernel: adaptive_pool */
static void adaptive_pool(const float *restrict x, image from, int maximum, float *restrict y, image to) {
  for (int r = 0; r < to.height; ++r)
    for (int c = 0; c < to.width; ++c)
      for (int k = 0; k < to.channels; ++k) {
        const int top = r * from.height / to.height, left = c * from.width / to.width;
        const int bottom = ((r + 1) * from.height + to.height - 1) / to.height;
        const int right = ((c + 1) * from.width + to.width - 1) / to.width;
        float found = maximum ? -INFINITY : 0;
        for (int a = top; a < bottom; ++a)
          for (int b = left; b < right; ++b) {
            const float value = x[a * from.row + b * from.column + k * from.channel];
            found = maximum ? (value > found ? value : found) : found + value;
          }
        const int count = (bottom - top) * (right - left);
        y[r * to.row + c * to.column + k * to.channel] = maximum ? found : found / (float)count;
      }
}

/* kernel: dense */
/* Weights: (inputs, units). */
static void dense(const float *restrict x, int rows, int inputs, const float *restrict weights,
                  const float *restrict bias, float *restrict y, int units) {
  for (int r = 0; r < rows; ++r, x += inputs, y += units) {
    for (int o = 0; o < units; ++o) y[o] = bias ? bias[o] : 0;
    for (int i = 0; i < inputs; ++i)
      for (int o = 0; o < units; ++o) y[o] += x[i] * weights[(size_t)i * (size_t)units + (size_t)o];
  }
}

/* kernel: softmax */
static void softmax(const float *restrict x, int rows, int count, float *restrict y) {
  for (int r = 0; r < rows; ++r, x += count, y += count) {
    float most = x[0], sum = 0;
    for (int i = 1; i < count; ++i) most = x[i] > most ? x[i] : most;
    for (int i = 0; i < count; ++i) sum += y[i] = expf(x[i] - most);
    for (int i = 0; i < count; ++i) y[i] /= sum;
  }
}

/* kernel: reflect */
static inline int reflect(int i, int count) { return i < 0 ? -i : i < count ? i : 2 * (count - 1) - i; }

/* kernel: replicate */
static inline int replicate(int i, int count) { return i < 0 ? 0 : i < count ? i : count - 1; }

/* kernel: circular */
static inline int circular(int i, int count) { return i < 0 ? i + count : i < count ? i : i - count; }

/* kernel: chosen */
/* Where an index points to; of those below 0 counted from the end, and never outside. */
static inline int chosen(float index, int count) {
  const int i = (int)index + (index < 0 ? count : 0);
  return i < 0 ? 0 : i < count ? i : count - 1;
}

/* kernel: resize */
/* Along the middle of three axes; each new cell is a sum of `taps` old ones from its begin on. */
static void resize(const float *restrict x, int before, int count, int inner, const float *restrict begins,
                   const float *restrict factors, int taps, float *restrict y, int size) {
  for (int b = 0; b < before; ++b)
    for (int s = 0; s < size; ++s) {
      const float *cells = x + (b * count + (int)begins[s]) * inner;
      float *made = y + (b * size + s) * inner;
      for (int i = 0; i < inner; ++i) {
        float sum = 0;
        for (int t = 0; t < taps; ++t) sum += factors[s * taps + t] * cells[t * inner + i];
        made[i] = sum;
      }
    }
}
