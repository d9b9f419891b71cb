#include "ops/conv/conv.h"

namespace cnnfast {

const std::vector<const ConvAlgorithm*>& conv_algorithms() {
  static const std::vector<const ConvAlgorithm*> list{&kConvBlockedAlgorithm, &kConvLanesAlgorithm,
                                                      &kConvWinogradAlgorithm, &kConvWinogradF2Algorithm};
  return list;
}

const ConvAlgorithm* find_conv_algorithm(const std::string& name) {
  for (const ConvAlgorithm* algorithm : conv_algorithms())
    if (name == algorithm->name) return algorithm;
  return nullptr;
}

}  // namespace cnnfast
