#include "graph/packing.h"

#include <algorithm>

#include "graph/builder.h"

namespace cnnfast {

void ParamPiece::pack(const Context& c) const {
  if (!packings) return;
  for (const Packing& packing : *packings)
    packing.run({c.values(packing.from), c.at(packing.to), begin, whole() ? packing.rows : end, c.scratch});
}

std::vector<ParamPiece> cut_param(ParamPlace param, int64_t size, Packings packings) {
  const bool packed = !packings.empty();
  const int64_t outer = packed ? packings[0].outer : 1, rows = packed ? packings[0].rows : size;
  const int64_t unit = packed ? packings[0].unit : 1, columns = size / (outer * rows);
  int64_t step = std::max<int64_t>(1, kFlatTask / (outer * columns * unit)) * unit;
  // A weight that two layers pack may lie in other rows for either of them; then it is one piece.
  for (const Packing& other : packings)
    if (other.outer != outer || other.rows != rows || other.unit != unit) step = rows;
  std::shared_ptr<const Packings> shared;
  if (packed) shared = std::make_shared<const Packings>(std::move(packings));
  std::vector<ParamPiece> pieces;
  for (int64_t row = 0; row < rows; row += step)
    pieces.push_back({param, outer, rows, columns, row, std::min(row + step, rows), shared});
  return pieces;
}

}  // namespace cnnfast
