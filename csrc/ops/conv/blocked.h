// What the direct convolution's directions share: where its images lie, and how it reads them.
#pragma once
#include <functional>

#include "ops/conv/conv.h"

namespace cnnfast {

// Where a sample's pixels and channels lie: pieces of channels side by side, `next` floats apart.
struct Place {
  Steps steps;
  int side;
  int64_t next, group, sample;
  bool runs;  // how it is read, see below
};

constexpr int kBlockTask = 4;  // blocks of output channels of one task, at most

// The rectangles of one task each: some whole rows, or one row at least, whose source stays in the
// second-level cache.
using Pieces = std::vector<std::vector<Rect>>;
Pieces cut_rows(const Rects& rects, int ic, int taps);

// The same under a fused pooling: whole rows of 2x2 windows, whose outputs have offsets from the piece's
// first.
struct WindowRows {
  int rows, pieces;
  WindowRows(const Image& pooled, int ic, int taps);
  int begin(int64_t piece) const { return static_cast<int>(piece * rows / pieces); }
  int64_t piece_of(int64_t row) const { return ((row + 1) * pieces - 1) / rows; }
  int most() const { return (rows + pieces - 1) / pieces; }
};
Pieces cut_windows(const Rects& rects, int64_t dst_row, const WindowRows& cut);

Place blocked_place(const Image& image, int channels);  // `channels`: of a group
Place place_of(const Node& node, const Image& image, int channels);

// Pieces of whole blocks are the kernels' own loop. With `runs` each piece has taps of its own, joined to
// long runs where the source goes on: a loop over few channels would be too short to pay.
inline ChannelTaps channel_taps(const Place& src, int channels) {
  return src.runs ? ChannelTaps{channels / src.side, src.next} : ChannelTaps{1, 0};
}

// Row of the weights of a kernel position and a piece of the channels.
using RowOf = std::function<int(int position, int piece)>;

// Of a source with runs: sets the taps' rows of weights, orders taps by them and joins those that continue
// one another.
void join_runs(Rects& rects, const Place& src, int channels, const RowOf& row_of);

// A strided kernel of one position reads few of the source's pixels, which lie on half of the cache's sets,
// in short rows: they are brought together first (Zen 3, 2026-11: from 55 to 85 % of peak).
bool skips_pixels(const ConvProblem& p, const Node& source);
ConvProblem of_read_pixels(ConvProblem p);  // the same convolution of the pixels that it reads
// Of the node's source: once for the forward pass and the gradient of the weights.
Buffer gather_pixels(Builder& b, const Node& node, const ConvProblem& p, Buffer from);
// Back: what the pass adds, or zeros, and `from` on the pixels that are read.
void scatter_pixels(Builder& b, const Node& node, const ConvProblem& p, Buffer from, const ConvPass& pass);

// The gradient of the weights of a padded image in the user's order: each border of the output would be a
// rectangle of few pixels, and every weight's sum would start anew for it. A border of zeros makes it one
// (Zen 3, 2026-11: a 7x7 s2 stem from 41-43 to 57-65 % of peak).
bool pads_image(const ConvProblem& p, const Node& source);
ConvProblem of_padded_image(ConvProblem p);  // the same convolution of the image with its border
Buffer pad_image(Builder& b, const Node& node, const ConvProblem& p, Buffer from);

void blocked_backward_weights(Builder&, int value, const ConvProblem&, Buffer src, Buffer grad_out);

}  // namespace cnnfast
