// Where the direct convolution's images lie, the runs and the pixels it reads of them.
#include "ops/conv/blocked.h"

namespace cnnfast {

namespace {

constexpr int kPixelTask = 448;  // outputs of one task, at most
// Floats of the source that a task's blocks of output channels read one after another, for one panel: half of
// a second-level cache.
constexpr int kSourceTask = 65536;

// The longest runs if all are equally long, else one run a tap. Returns their length.
int join(std::vector<Tap>& taps, int side) {
  std::vector<Tap> joined;
  std::vector<int> lengths;
  for (const Tap& tap : taps) {
    const int length = joined.empty() ? 0 : lengths.back();
    if (length && tap.src_offset == joined.back().src_offset + length &&
        tap.index == joined.back().index + length) {
      lengths.back() += side;
    } else {
      joined.push_back(tap), lengths.push_back(side);
    }
  }
  for (const int length : lengths)
    if (length != lengths[0]) return side;
  taps = std::move(joined);
  return lengths.empty() ? side : lengths[0];
}

// Outputs of one task, at most.
int most_pixels(int ic, int taps) {
  const int panel = std::min(ic, std::max(kLanes, kBlockedPanel / taps));
  return std::min(kPixelTask, kSourceTask / panel);
}

bool is_padded(const ConvProblem& p) {
  const Padding& pad = p.a.padding;
  return pad.top || pad.bottom || pad.left || pad.right || pad.front || pad.back;
}

// Calls copy(where it lies in the source, where it lies among those that are read) for each pixel of a plane.
template <class Copy>
void for_read_pixels(const ConvProblem& p, const Copy& copy) {
  const Spatial& stride = p.a.stride;
  int64_t read = 0;
  for (int64_t z = 0; z < p.out.d; ++z)
    for (int64_t y = 0; y < p.out.h; ++y)
      for (int64_t x = 0; x < p.out.w; ++x, ++read)
        copy(((z * stride.d * p.in.h + y * stride.h) * p.in.w + x * stride.w) * kLanes, read * kLanes);
}

}  // namespace

Pieces cut_rows(const Rects& rects, int ic, int taps) {
  const int most = most_pixels(ic, taps);
  Pieces pieces;
  int pixels = most;
  for (const Rect& rect : rects.rects) {
    const int parts = (rect.rows * rect.cols + most - 1) / most;
    const int64_t count = std::min(parts, rect.rows);
    for (int64_t part = 0; part < count; ++part) {
      const int64_t y = part * rect.rows / count;
      Rect piece = rect;
      piece.src0 += y * rect.src_row;
      piece.dst0 += y * rect.dst_row;
      piece.rows = static_cast<int32_t>((part + 1) * rect.rows / count - y);
      if (pixels + piece.rows * piece.cols > most) pieces.emplace_back(), pixels = 0;
      pieces.back().push_back(piece);
      pixels += piece.rows * piece.cols;
    }
  }
  return pieces;
}

WindowRows::WindowRows(const Image& pooled, int ic, int taps) : rows(pooled.h) {
  const int fit = std::max(1, most_pixels(ic, taps) / (4 * pooled.w));
  pieces = (rows + fit - 1) / fit;
}

Pieces cut_windows(const Rects& rects, int64_t dst_row, const WindowRows& cut) {
  Pieces pieces(static_cast<size_t>(cut.pieces));
  for (const Rect& rect : rects.rects) {
    const int first = static_cast<int>(rect.dst0 / dst_row);
    for (int64_t i = cut.piece_of(first / 2); i < cut.pieces && 2 * cut.begin(i) < first + rect.rows; ++i) {
      const int begin = 2 * cut.begin(i), end = 2 * cut.begin(i + 1), y = std::max(begin, first);
      Rect piece = rect;
      piece.rows = std::min(end, first + rect.rows) - y;
      piece.src0 += (y - first) * rect.src_row;
      piece.dst0 += (y - first - begin) * dst_row;
      if (piece.rows > 0) pieces[static_cast<size_t>(i)].push_back(piece);
    }
  }
  return pieces;
}

Place blocked_place(const Image& image, int channels) {
  const int64_t plane = image.pixels() * kLanes;
  return {{image, kLanes},           std::min(channels, kLanes), plane,
          channels / kLanes * plane, plane * blocks_of(image.c), channels < kLanes};
}

Place place_of(const Node& node, const Image& image, int channels) {
  if (node.layout == Layout::blocked) return blocked_place(image, channels);
  const int64_t pixels = image.pixels(), sample = pixels * image.c;
  if (node.format == DataFormat::channels_first)
    return {{image, 1}, 1, pixels, channels * pixels, sample, true};
  return {{image, image.c}, channels, 0, channels, sample, channels != kLanes};
}

void join_runs(Rects& rects, const Place& src, int channels, const RowOf& row_of) {
  const int pieces = channels / src.side;
  auto rect = rects.rects.begin();  // those of a list of taps follow one another
  for (std::vector<Tap>& taps : rects.taps) {
    const Tap* const before = taps.data();
    for (Tap& tap : taps) tap.index = row_of(tap.index / pieces, tap.index % pieces);
    std::sort(taps.begin(), taps.end(), [](const Tap& a, const Tap& b) { return a.index < b.index; });
    const int run = join(taps, src.side);
    for (; rect != rects.rects.end() && rect->taps == before; ++rect)
      rect->taps = taps.data(), rect->n_taps = static_cast<int32_t>(taps.size()), rect->run = run;
  }
}

bool skips_pixels(const ConvProblem& p, const Node& source) {
  return source.layout == Layout::blocked && !p.a.transposed && p.taps() == 1 && p.ic() >= kLanes &&
         !is_padded(p) && p.strided();
}

ConvProblem of_read_pixels(ConvProblem p) {
  p.in.d = p.out.d, p.in.h = p.out.h, p.in.w = p.out.w;
  p.a.stride = {1, 1};
  return p;
}

Buffer gather_pixels(Builder& b, const Node& node, const ConvProblem& p, Buffer from) {
  const int64_t planes = p.n * blocks_of(p.in.c);
  const int64_t src_plane = p.in.pixels() * kLanes, dst_plane = p.out.pixels() * kLanes;
  const Spatial& stride = p.a.stride;
  const std::string what = "every " + to_string(Dims{stride.d, stride.h, stride.w});
  Buffer& to = b.saved(node.inputs[0], what.c_str());
  if (to) return to;
  to = b.buffer(planes * dst_plane);
  b.step(node, "gather pixels", planes, {from, to}, [=, to = to](const Context& c, int64_t plane) {
    const float* src = c.at(from) + plane * src_plane;
    float* dst = c.at(to) + plane * dst_plane;
    for_read_pixels(p, [&](int64_t pixel, int64_t read) { std::copy_n(src + pixel, kLanes, dst + read); });
  });
  return to;
}

void scatter_pixels(Builder& b, const Node& node, const ConvProblem& p, Buffer from, const ConvPass& pass) {
  const int64_t planes = p.n * blocks_of(p.in.c);
  const int64_t src_plane = p.out.pixels() * kLanes, dst_plane = p.in.pixels() * kLanes;
  const Buffer to = pass.to, residual = pass.residual;
  std::vector<Buffer> uses{from, to};
  if (residual) uses.push_back(residual);
  b.step(node, "scatter pixels", planes, std::move(uses), [=](const Context& c, int64_t plane) {
    const float* src = c.at(from) + plane * src_plane;
    float* dst = c.at(to) + plane * dst_plane;
    if (residual)
      std::copy_n(c.at(residual) + plane * dst_plane, dst_plane, dst);
    else
      std::fill_n(dst, dst_plane, 0.0f);
    for_read_pixels(p, [&](int64_t pixel, int64_t read) {
      for (int lane = 0; lane < kLanes; ++lane) dst[pixel + lane] += src[read + lane];
    });
  });
}

bool pads_image(const ConvProblem& p, const Node& source) {
  return source.layout != Layout::blocked && !p.a.transposed && is_padded(p);
}

ConvProblem of_padded_image(ConvProblem p) {
  const Padding& pad = p.a.padding;
  p.in.d += pad.front + pad.back, p.in.h += pad.top + pad.bottom, p.in.w += pad.left + pad.right;
  p.a.padding = {};
  return p;
}

Buffer pad_image(Builder& b, const Node& node, const ConvProblem& p, Buffer from) {
  const bool channels_first = b.source(node).format == DataFormat::channels_first;
  const int64_t side = channels_first ? 1 : p.in.c, planes = int64_t{p.n} * p.in.c / side;
  const Image in = p.in, padded = of_padded_image(p).in;
  const Padding pad = p.a.padding;
  const Buffer to = b.buffer(planes * padded.pixels() * side);
  b.step(node, "pad image", planes, {from, to}, [=](const Context& c, int64_t plane) {
    const float* src = c.at(from) + plane * in.pixels() * side;
    float* dst = c.at(to) + plane * padded.pixels() * side;
    std::fill_n(dst, padded.pixels() * side, 0.0f);
    for (int64_t z = 0; z < in.d; ++z)
      for (int64_t y = 0; y < in.h; ++y, src += in.w * side) {
        const int64_t row = (z + pad.front) * padded.h + y + pad.top;
        std::copy_n(src, in.w * side, dst + (row * padded.w + pad.left) * side);
      }
  });
  return to;
}

}  // namespace cnnfast
