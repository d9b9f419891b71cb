// Numbers of both signs, the same in every run.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

inline std::vector<float> numbers(int64_t count) {
  std::vector<float> made(static_cast<size_t>(count));
  for (size_t i = 0; i < made.size(); ++i) made[i] = std::sin(static_cast<float>(7 * i)) + 0.25f;
  return made;
}
