// Places buffers in one arena: two whose lifetimes overlap never share a byte, others may.
#pragma once
#include <cstdint>
#include <vector>

namespace cnnfast {

struct Lifetime {
  int64_t floats;
  int first, last;  // steps, inclusive
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // floats, each a multiple of 16 (one cache line)
  int64_t floats;
};

// With reuse off every buffer gets a place of its own.
MemoryPlan plan_memory(const std::vector<Lifetime>& buffers, bool reuse);

}  // namespace cnnfast
