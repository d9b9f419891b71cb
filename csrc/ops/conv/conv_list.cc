#include "ops/conv/conv.h"

namespace cnnfast {

const std::vector<const ConvAlgorithm*>& conv_algorithms() {
  static const std::vector<const ConvAlgorithm*> list{&kConvBlockedAlgorithm, &kConvLanesAlgorithm};
  return list;
}

}  // namespace cnnfast
