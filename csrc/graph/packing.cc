#include "graph/packing.h"

#include <algorithm>

#include "graph/builder.h"

namespace cnnfast {

void ParamPiece::pack(const Context& c) const {
  if (!packings) return;
  for (const Packing& packing : *packings)
    packing.run({c.run.params + at, c.at(packing.to), begin, end, c.scratch});
}

std::vector<ParamPiece> cut_param(const Parameter& param, int position, Packings packings) {
  const bool packed = !packings.empty();
  const int64_t outer = packed ? packings[0].outer : 1, rows = packed ? packings[0].rows : param.size();
  const int64_t unit = packed ? packings[0].unit : 1, columns = param.size() / (outer * rows);
  const int64_t step = std::max<int64_t>(1, kFlatTask / (outer * columns * unit)) * unit;
  std::shared_ptr<const Packings> shared;
  if (packed) shared = std::make_shared<const Packings>(std::move(packings));
  std::vector<ParamPiece> pieces;
  for (int64_t row = 0; row < rows; row += step)
    pieces.push_back({position, param.offset, outer, rows, columns, row, std::min(row + step, rows), shared});
  return pieces;
}

}  // namespace cnnfast
