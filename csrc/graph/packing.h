// Parameters in the order that steps read them. A program packs them before its first step when they came
// from elsewhere, and again where it moves them itself, piece by piece, while the piece is in the cache.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "cnnfast/graph.h"
#include "graph/program.h"

namespace cnnfast {

// Rows [begin, end) of a parameter, and the whole of what is packed.
struct PackRows {
  const float* from;  // the whole parameter
  float* to;          // zero where nothing was ever written
  int64_t begin, end;
  float* scratch;
};

// How a parameter is packed. It lies as [outer][rows][columns]. What `run` writes is made from its rows
// alone, so tasks may take different rows at once; they begin at multiples of `unit`.
struct Packing {
  ParamSource from;  // the parameter, or another one of the same weight, or what was made of it
  int64_t outer, rows, unit;
  std::function<void(const PackRows&)> run;
  int64_t scratch = 0;  // floats a thread
  Buffer to = {};       // Builder::pack takes it
};
using Packings = std::vector<Packing>;  // of one weight

// Some rows of one parameter: what one task moves, and packs anew.
struct ParamPiece {
  ParamPlace param;
  int64_t outer, rows, columns, begin, end;
  std::shared_ptr<const Packings> packings;  // or null

  bool whole() const { return end - begin == rows; }
  int64_t size() const { return outer * (end - begin) * columns; }
  void pack(const Context& c) const;
  // body(at, n) for each range of the parameter.
  template <class Body>
  void for_ranges(const Body& body) const {
    if (whole()) return body(0, size());
    for (int64_t o = 0; o < outer; ++o) body((o * rows + begin) * columns, (end - begin) * columns);
  }
};

// Pieces of some microseconds of work.
std::vector<ParamPiece> cut_param(ParamPlace param, int64_t size, Packings packings);

}  // namespace cnnfast
