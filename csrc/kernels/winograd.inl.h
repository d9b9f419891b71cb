// Winograd convolution in nchw16c, F(m x m, 3 x 3) for m = 2, 4 and 6 and its likes for stride 2: a block of
// tiles goes through all three parts (inputs to frequencies, one matrix product a weight, back to outputs
// with bias and activation) while it lies in the caches.
#pragma once
#include "kernels/winograd_lines.inl.h"
#include "kernels/winograd_product.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {
using namespace ::SIMD_NAMESPACE;

// Blocks of output channels between two output transforms: their frequencies (36 x 64 x 48 floats, 440 KB)
// stay in the second-level cache (Zen 3, 2026-11; 2 are as fast).
constexpr int kWinogradBlocks = 4;

// Transforms of a block of channels between a cache line's fetching and its use: a line comes from memory
// while some of them run (Zen 5, 2026-11, images of 8 MB of 16 channels: a forward pass from 2.4 to 1.6 ms; 4
// and 16 are as good).
constexpr int kWinogradAhead = 8;

// ---- blocks of tiles ----

// Where the frequencies of a block of tiles lie in the scratch: [weight][channel block][frequencies that
// share it][tile][16].
struct WinogradPlaces {
  int64_t in_frequency, out_frequency, tiles;  // floats; of one block
  float *in, *out;
};

static inline int64_t winograd_frequency(int32_t blocks, int32_t tiles) {
  return odd_lines(static_cast<int64_t>(blocks) * tiles);
}

// The blocks of output channels in the scratch at a time.
static inline int32_t winograd_out_blocks(int32_t oc) {
  const int32_t blocks = winograd_blocks(oc);
  return blocks < kWinogradBlocks ? blocks : kWinogradBlocks;
}

static int64_t winograd_scratch(WinogradForm form, int32_t tiles, int32_t ic, int32_t oc) {
  const int32_t in_blocks = winograd_blocks(ic), n = winograd_axis(form).frequencies;
  return n * n * (winograd_frequency(in_blocks, tiles) + winograd_frequency(winograd_out_blocks(oc), tiles));
}

// Where frequencies (y, 0), (y, 1), ... of a block of channels lie. Those from kOwn on share a weight along
// their axis.
template <WinogradForm kForm>
struct WinogradRow {
  static constexpr WinogradAxis kAxis = winograd_axis(kForm);
  static constexpr int kOwn = kAxis.weights - 1, kShared = kAxis.frequencies - kOwn;
  int64_t own, next, shared, tiles;  // floats; the first of either kind, and from one to the next

  WinogradRow(int y, int block, int64_t frequency, int64_t tiles) : tiles(tiles) {
    const int copy = y < kOwn ? 0 : y - kOwn, copies = y < kOwn ? 1 : kShared;
    const int64_t first = (y - copy) * kAxis.frequencies * frequency;
    const int64_t in_weight = (block * copies + copy) * tiles;
    own = first + in_weight, next = copies * frequency;
    shared = first + kOwn * next + in_weight * kShared;
  }
  int64_t operator[](int x) const { return x < kOwn ? own + x * next : shared + (x - kOwn) * tiles; }
};

struct WinogradTile {
  int sample, y, x;  // its first output
};

template <WinogradForm kForm>
static inline WinogradTile winograd_tile(const WinogradTiles& a, int number) {
  constexpr int kOut = winograd_axis(kForm).out;
  const int across = (a.ow + kOut - 1) / kOut, down = (a.oh + kOut - 1) / kOut;
  const int in_sample = number % (across * down);
  return {number / (across * down), in_sample / across * kOut, in_sample % across * kOut};
}

// Tiles in their order, and the one whose memory is asked for meanwhile.
template <WinogradForm kForm>
struct WinogradWalk {
  const WinogradTiles& a;
  WinogradTile tile, ahead;

  WinogradWalk(const WinogradTiles& a, int blocks)
      : a(a), tile(winograd_tile<kForm>(a, a.first_tile)), ahead(tile) {
    for (int i = 0; i < kWinogradAhead; i += blocks) move(ahead);
  }
  void step() { move(tile), move(ahead); }
  void move(WinogradTile& at) const {
    constexpr int kOut = winograd_axis(kForm).out;
    if ((at.x += kOut) < a.ow) return;
    at.x = 0;
    if ((at.y += kOut) < a.oh) return;
    at.y = 0, ++at.sample;
  }
};

// The first source pixel of a tile, along an axis with this padding.
template <WinogradForm kForm>
static inline int winograd_first(int out, int pad) {
  constexpr WinogradAxis kAxis = winograd_axis(kForm);
  const int before = winograd_is_back(kForm) ? 1 - ((pad + 1) >> 1) : pad;
  return out / kAxis.out * kAxis.step - before;
}

template <WinogradForm kForm, int kIn, int kFrequencies>
static inline void winograd_in_line(const V (&d)[kIn], V (&r)[kFrequencies], int pad) {
  if constexpr (winograd_is_back(kForm)) {
    winograd_stride2_back_in(d, r, pad & 1);
  } else if constexpr (winograd_is_stride2(kForm)) {
    winograd_stride2_in(d, r);
  } else {
    winograd_in(d, r);
  }
}

template <WinogradForm kForm, int kFrequencies, int kOut>
static inline void winograd_out_line(const V (&m)[kFrequencies], V (&y)[kOut], int pad) {
  if constexpr (winograd_is_back(kForm)) {
    winograd_stride2_back_out(m, y, pad & 1);
  } else if constexpr (winograd_is_stride2(kForm)) {
    winograd_stride2_out(m, y);
  } else {
    winograd_out(m, y);
  }
}

alignas(64) static constexpr float kWinogradZeros[kLanes] = {};

// A tile of one block of channels.
template <WinogradForm kForm>
struct WinogradSource {
  static constexpr int kIn = winograd_axis(kForm).in;
  const float* src;  // its first pixel
  int64_t row;       // floats
  bool in_row[kIn], in_col[kIn];
};

template <WinogradForm kForm, bool kInside>
static inline void winograd_transform_in(const WinogradTiles& a, const WinogradSource<kForm>& from, int block,
                                         float* to, const WinogradPlaces& p) {
  constexpr WinogradAxis kAxis = winograd_axis(kForm);
  V cols[kAxis.in][kAxis.frequencies];
  for (int x = 0; x < kAxis.in; ++x) {
    V d[kAxis.in];
    for (int y = 0; y < kAxis.in; ++y) {
      const float* pixel = from.src + y * from.row + x * kLanes;
      d[y] = load(kInside || (from.in_row[y] && from.in_col[x]) ? pixel : kWinogradZeros);
    }
    winograd_in_line<kForm>(d, cols[x], a.pad_top);
  }
  for (int y = 0; y < kAxis.frequencies; ++y) {
    const WinogradRow<kForm> row(y, block, p.in_frequency, p.tiles);
    V d[kAxis.in], r[kAxis.frequencies];
    for (int x = 0; x < kAxis.in; ++x) d[x] = cols[x][y];
    winograd_in_line<kForm>(d, r, a.pad_left);
    for (int x = 0; x < kAxis.frequencies; ++x) store(to + row[x], r[x]);
  }
}

// Asks for what a tile of one block of channels adds to the pixels of those before it.
template <WinogradForm kForm>
static inline void winograd_fetch(const float* src, int64_t row) {
  constexpr WinogradAxis kAxis = winograd_axis(kForm);
  for (int y = kAxis.in - kAxis.step; y < kAxis.in; ++y)
    for (int x = kAxis.in - kAxis.step; x < kAxis.in; ++x) prefetch(src + y * row + x * kLanes);
}

template <WinogradForm kForm>
static inline void winograd_inputs(const WinogradTiles& a, const WinogradPlaces& p) {
  constexpr int kIn = winograd_axis(kForm).in;
  const int blocks = winograd_blocks(a.ic);
  const auto place = [&](const WinogradTile& tile) {
    const int y = winograd_first<kForm>(tile.y, a.pad_top), x = winograd_first<kForm>(tile.x, a.pad_left);
    return a.src + tile.sample * a.src_sample + (static_cast<int64_t>(y) * a.iw + x) * kLanes;
  };
  WinogradSource<kForm> from;
  from.row = static_cast<int64_t>(a.iw) * kLanes;
  WinogradWalk<kForm> walk(a, blocks);
  for (int t = 0; t < a.tiles; ++t, walk.step()) {
    const WinogradTile& tile = walk.tile;
    const int y0 = winograd_first<kForm>(tile.y, a.pad_top), x0 = winograd_first<kForm>(tile.x, a.pad_left);
    const bool inside = y0 >= 0 && x0 >= 0 && y0 + kIn <= a.ih && x0 + kIn <= a.iw;
    for (int i = 0; i < kIn; ++i) {
      from.in_row[i] = y0 + i >= 0 && y0 + i < a.ih;
      from.in_col[i] = x0 + i >= 0 && x0 + i < a.iw;
    }
    const float *src = place(tile), *ahead = place(walk.ahead);
    for (int block = 0; block < blocks; ++block, src += a.src_block, ahead += a.src_block) {
      winograd_fetch<kForm>(ahead, from.row);
      for (int lane = 0; lane < kLanes; lane += V::lanes) {
        from.src = src + lane;
        float* to = p.in + t * kLanes + lane;
        if (inside) {
          winograd_transform_in<kForm, true>(a, from, block, to, p);
        } else {
          winograd_transform_in<kForm, false>(a, from, block, to, p);
        }
      }
    }
  }
}

// The matrix products of some blocks of output channels, one a weight.
template <WinogradForm kForm>
static inline void winograd_products(const Winograd& a, const WinogradPlaces& p, int first, int blocks) {
  using Row = WinogradRow<kForm>;
  const int64_t block_floats = static_cast<int64_t>(a.ic) * kLanes;
  WinogradProduct product;
  product.ic = a.ic, product.oc_blocks = blocks;
  product.next_weights = a.weights + first * block_floats;
  for (int y = 0; y <= Row::kOwn; ++y)
    for (int x = 0; x <= Row::kOwn; ++x) {
      const bool last = y == Row::kOwn && x == Row::kOwn;
      const int shared = (y < Row::kOwn ? 1 : Row::kShared) * (x < Row::kOwn ? 1 : Row::kShared);
      product.src = p.in + Row(y, 0, p.in_frequency, p.tiles)[x];
      product.dst = p.out + Row(y, 0, p.out_frequency, p.tiles)[x];
      product.src_block = product.dst_block = shared * p.tiles;
      product.tiles = shared * a.tiles;
      product.weights = product.next_weights;
      product.next_weights =
          last ? a.weights + (first + blocks) * block_floats : product.weights + a.weights_frequency;
      winograd_product(product);
    }
}

template <WinogradForm kForm, int kOut>
static inline void winograd_transform_out(const Winograd& a, const float* from, int block,
                                          const WinogradPlaces& p, V (&out)[kOut][kOut]) {
  constexpr int kFrequencies = winograd_axis(kForm).frequencies;
  V cols[kOut][kFrequencies];
  for (int y = 0; y < kFrequencies; ++y) {
    const WinogradRow<kForm> row(y, block, p.out_frequency, p.tiles);
    V m[kFrequencies], line[kOut];
    for (int x = 0; x < kFrequencies; ++x) m[x] = load(from + row[x]);
    winograd_out_line<kForm>(m, line, a.pad_left);
    for (int x = 0; x < kOut; ++x) cols[x][y] = line[x];
  }
  for (int x = 0; x < kOut; ++x) {
    V col[kOut];
    winograd_out_line<kForm>(cols[x], col, a.pad_top);
    for (int y = 0; y < kOut; ++y) out[y][x] = col[y];
  }
}

// What exists of a tile: rows x cols outputs.
template <int kOut>
static inline void winograd_store(const Winograd& a, const V (&out)[kOut][kOut], V bias, int rows, int cols,
                                  int64_t at) {
  const Bounds bounds = bounds_of(a.activation);
  const V low = set1(bounds.low), high = set1(bounds.high);
  for (int y = 0; y < rows; ++y, at += static_cast<int64_t>(a.ow) * kLanes) {
    for (int x = 0; x < cols; ++x) {
      const int64_t to = at + x * kLanes;
      const V rest = a.residual ? bias + load(a.residual + to) : bias;
      store(a.dst + to, within(low, high, out[y][x] + rest));
    }
    if (!is_bounds(a.activation)) activate_vectors(a.activation, a.dst + at, kLanes, cols);
  }
}

// The same with rows x cols pooling windows: tiles begin at even outputs, so that no window lies in two. The
// bias comes first, so that ties are those of the sums as they would be stored.
template <int kOut>
static inline void winograd_store_pooled(const Winograd& a, const V (&out)[kOut][kOut], V bias, int rows,
                                         int cols, int64_t at) {
  const Bounds bounds = bounds_of(a.activation);
  const V low = set1(bounds.low), high = set1(bounds.high);
  for (int y = 0; y < rows; ++y, at += static_cast<int64_t>(a.ow / 2) * kLanes) {
    for (int x = 0; x < cols; ++x) {
      V best = out[2 * y][2 * x] + bias;
      I winner = iset1(0);
      for (int p = 1; p < 4; ++p) meet_winner(out[2 * y + p / 2][2 * x + p % 2] + bias, p, best, winner);
      const int64_t to = at + x * kLanes;
      store(a.dst + to, within(low, high, best));
      if (a.pool_index) istore_bytes(a.pool_index + to, winner);
    }
    if (!is_bounds(a.activation)) activate_vectors(a.activation, a.dst + at, kLanes, cols);
  }
}

// Asks for the places of a tile of one block of channels, and for what is added there, pixel by pixel.
template <int kOut>
static inline void winograd_fetch_outputs(const Winograd& a, int64_t at, int64_t row) {
  for (int y = 0; y < kOut; ++y)
    for (int x = 0; x < kOut; ++x) {
      prefetch(a.dst + at + y * row + x * kLanes);
      if (a.residual) prefetch(a.residual + at + y * row + x * kLanes);
    }
}

template <WinogradForm kForm>
static inline void winograd_outputs(const Winograd& a, const WinogradPlaces& p, int first, int blocks) {
  constexpr int kOut = winograd_axis(kForm).out;
  const int window = a.pool ? 2 : 1;
  const int64_t row = static_cast<int64_t>(a.ow / window) * kLanes;
  const auto place = [&](const WinogradTile& tile) {
    const int64_t corner = static_cast<int64_t>(tile.y / window) * (a.ow / window) + tile.x / window;
    return tile.sample * a.dst_sample + first * a.dst_block + corner * kLanes;
  };
  WinogradWalk<kForm> walk(a, blocks);
  for (int t = 0; t < a.tiles; ++t, walk.step()) {
    const WinogradTile& tile = walk.tile;
    const int rows = (a.oh - tile.y < kOut ? a.oh - tile.y : kOut) / window;
    const int cols = (a.ow - tile.x < kOut ? a.ow - tile.x : kOut) / window;
    int64_t at = place(tile), ahead = place(walk.ahead);
    for (int block = 0; block < blocks; ++block, at += a.dst_block, ahead += a.dst_block) {
      if (a.far) winograd_fetch_outputs<kOut>(a, ahead, row);
      for (int lane = 0; lane < kLanes; lane += V::lanes) {
        const V bias = a.bias ? load(a.bias + (first + block) * kLanes + lane) : zero();
        V out[kOut][kOut];
        winograd_transform_out<kForm>(a, p.out + t * kLanes + lane, block, p, out);
        if (a.pool) {
          winograd_store_pooled(a, out, bias, rows, cols, at + lane);
        } else {
          winograd_store(a, out, bias, rows, cols, at + lane);
        }
      }
    }
  }
}

template <WinogradForm kForm>
static inline void winograd_run(const Winograd& a) {
  constexpr int kFrequencies = winograd_axis(kForm).frequencies;
  const int in_blocks = winograd_blocks(a.ic), out_blocks = winograd_blocks(a.oc);
  WinogradPlaces p;
  p.in_frequency = winograd_frequency(in_blocks, a.tiles);
  p.out_frequency = winograd_frequency(winograd_out_blocks(a.oc), a.tiles);
  p.tiles = static_cast<int64_t>(a.tiles) * kLanes;
  p.in = a.scratch;
  p.out = a.scratch + kFrequencies * kFrequencies * p.in_frequency;
  winograd_inputs<kForm>(a, p);
  for (int first = 0; first < out_blocks; first += kWinogradBlocks) {
    const int left = out_blocks - first, blocks = left < kWinogradBlocks ? left : kWinogradBlocks;
    winograd_products<kForm>(a, p, first, blocks);
    winograd_outputs<kForm>(a, p, first, blocks);
  }
}

static void winograd(const Winograd& a) {
  switch (a.form) {
    case WinogradForm::f2:
      return winograd_run<WinogradForm::f2>(a);
    case WinogradForm::f4:
      return winograd_run<WinogradForm::f4>(a);
    case WinogradForm::f6:
      return winograd_run<WinogradForm::f6>(a);
    case WinogradForm::stride2_f4:
      return winograd_run<WinogradForm::stride2_f4>(a);
    case WinogradForm::stride2_f5:
      return winograd_run<WinogradForm::stride2_f5>(a);
    case WinogradForm::stride2_f4_back:
      return winograd_run<WinogradForm::stride2_f4_back>(a);
    case WinogradForm::stride2_f5_back:
      return winograd_run<WinogradForm::stride2_f5_back>(a);
  }
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
