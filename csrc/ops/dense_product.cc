#include "ops/dense_product.h"

#include <limits>

#include "cnnfast/error.h"
#include "core/sizes.h"

namespace cnnfast {

namespace {

constexpr const char *kFloat32 = "gemm", *kBfloat16 = "gemm_bf16";

// Many samples gain where one instruction takes a pair: half as many instructions. Few wait for the weights,
// kept ones of half the bytes on any machine; a derivative would round them all for one use.
bool bfloat16_pays(const Builder& b, const Node& node) {
  return dense_rows(b, node) >= kManySamples ? b.k.bf16.native : !b.differentiates();
}

bool takes_bfloat16(const Builder& b, const Node& node) {
  const bool allowed = b.options.precision == Precision::fast;
  const auto forced = b.options.forced.find("dense");
  if (forced == b.options.forced.end()) return allowed && bfloat16_pays(b, node);
  if (forced->second == kFloat32) return false;
  if (forced->second != kBfloat16)
    fail(node.name, ": \"", forced->second, "\" is not one of ", kFloat32, ", ", kBfloat16, ".");
  if (!allowed) fail(node.name, ": ", kBfloat16, ": only the precision class \"fast\" allows bfloat16.");
  return true;
}

}  // namespace

int dense_rows(const Builder& b, const Node& node) {
  const int64_t rows = b.rows(node) * (node.elems() / node.dims.back());
  return static_cast<int>(checked_size(rows, std::numeric_limits<int>::max(), node.name,
                                       ": the number of vectors of this batch"));
}

DenseProduct dense_product(const Builder& b, const Node& node) {
  if (takes_bfloat16(b, node)) return {kBfloat16, b.k.bf16.gemm, !b.differentiates()};
  return {kFloat32, b.k.gemm, dense_rows(b, node) >= kManySamples && !b.differentiates()};
}

}  // namespace cnnfast
