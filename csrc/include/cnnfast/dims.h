// Sizes along the axes of an array.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace cnnfast {

using Dims = std::vector<int64_t>;  // in the order the user sees; of values without the batch
std::string to_string(const Dims& dims);

}  // namespace cnnfast
