#include "ops/conv/conv.h"

namespace cnnfast {

const std::vector<const ConvAlgorithm*>& conv_algorithms() {
  static const std::vector<const ConvAlgorithm*> list{
      &kConvBlockedAlgorithm,      &kConvLanesAlgorithm,      &kConvWinogradAlgorithm,
      &kConvWinogradF2Algorithm,   &kConvWinogradF6Algorithm, &kConvWinogradS2Algorithm,
      &kConvWinogradS2F5Algorithm, &kConvDepthwiseAlgorithm,  &kConvGroupedAlgorithm,
      &kConvBf16Algorithm,         &kConvPixelsAlgorithm};
  return list;
}

const ConvAlgorithm* find_conv_algorithm(const std::string& name) {
  for (const ConvAlgorithm* algorithm : conv_algorithms())
    if (name == algorithm->name) return algorithm;
  return nullptr;
}

const ConvAlgorithm& cheapest_weights(const ConvAlgorithm& forward, const ConvProblem& p, Layout source) {
  const auto cost = [&](const ConvAlgorithm& a) { return (a.weights_cost ? a.weights_cost : a.cost)(p); };
  const ConvAlgorithm* found = &forward;
  for (const ConvAlgorithm* algorithm : conv_algorithms()) {
    const bool reads = source == algorithm->layout || algorithm->reads_plain;
    if (algorithm->layout == forward.layout && reads && algorithm->refuse(p).empty() &&
        cost(*algorithm) < cost(*found))
      found = algorithm;
  }
  return *found;
}

}  // namespace cnnfast
