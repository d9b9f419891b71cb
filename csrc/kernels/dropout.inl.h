// Dropout, with a mask that depends on the seed and an element's place alone: Philox4x32-10 of Salmon,
// Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011, doi 10.1145/2063384.2063405.
//
// runtime/rng.h has the same generator for one counter; files compiled with ISA flags share no inline
// function.
#pragma once
#include <cstring>

#include "kernels/elementwise.inl.h"

namespace cnnfast {
namespace SIMD_NAMESPACE {

// Sixteen counters side by side, replaced by their sixteen results.
struct Counters {
  uint32_t word[4][kLanes];
};

static inline void philox_rounds(Counters& counters, uint64_t seed) {
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < kLanes; ++i) {
      const uint64_t product0 = uint64_t{0xD2511F53u} * counters.word[0][i];
      const uint64_t product1 = uint64_t{0xCD9E8D57u} * counters.word[2][i];
      counters.word[0][i] = static_cast<uint32_t>(product1 >> 32) ^ counters.word[1][i] ^ key0;
      counters.word[2][i] = static_cast<uint32_t>(product0 >> 32) ^ counters.word[3][i] ^ key1;
      counters.word[1][i] = static_cast<uint32_t>(product1);
      counters.word[3][i] = static_cast<uint32_t>(product0);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// Results of the counters whose lanes differ by quad_step in their first word and sample_step in their
// second.
static inline Counters draw(const Dropout& d, uint32_t quad, uint32_t quad_step, uint32_t sample_step) {
  Counters counters;
  for (uint32_t i = 0; i < kLanes; ++i) {
    counters.word[0][i] = quad + i * quad_step;
    counters.word[1][i] = static_cast<uint32_t>(d.sample) + i * sample_step;
    counters.word[2][i] = d.step;
    counters.word[3][i] = d.layer;
  }
  philox_rounds(counters, d.seed);
  return counters;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "drop_elements packs mask bytes into words");

// Consecutive elements of one plane: the four words of a counter lie side by side.
static inline void drop_elements(const Dropout& d, uint32_t base) {
  for (int64_t first = 0; first < d.hw; first += 4 * kLanes) {
    const Counters drawn = draw(d, base + static_cast<uint32_t>(first / 4), 1, 0);
    uint32_t keep[kLanes];  // four bytes each, in the order of their words
    for (int i = 0; i < kLanes; ++i) {
      keep[i] = static_cast<uint32_t>(drawn.word[0][i] >= d.threshold) |
                static_cast<uint32_t>(drawn.word[1][i] >= d.threshold) << 8 |
                static_cast<uint32_t>(drawn.word[2][i] >= d.threshold) << 16 |
                static_cast<uint32_t>(drawn.word[3][i] >= d.threshold) << 24;
    }
    const int64_t left = d.hw - first, n = left < 4 * kLanes ? left : 4 * kLanes;
    std::memcpy(d.mask + first, keep, static_cast<size_t>(n));
  }
  dropout_grad(d.src, d.mask, d.scale, d.dst, d.hw);
}

static inline void drop_lanes(const Dropout& d, uint32_t base, uint32_t quad_step, uint32_t sample_step) {
  const uint32_t threshold = d.threshold;  // a copy: stores of bytes may alias d
  for (int64_t first = 0; first < d.hw; first += 4) {
    const Counters drawn = draw(d, base + static_cast<uint32_t>(first / 4), quad_step, sample_step);
    for (int64_t p = first; p < first + 4 && p < d.hw; ++p) {
      const uint32_t* words = drawn.word[p - first];
      uint8_t* mask = d.mask + p * kLanes;
      for (int i = 0; i < kLanes; ++i) mask[i] = words[i] >= threshold;
    }
  }
  dropout_grad(d.src, d.mask, d.scale, d.dst, d.hw * kLanes);
}

static void dropout(const Dropout& d) {
  const uint32_t quads = static_cast<uint32_t>((d.hw + 3) / 4);
  const uint32_t base = static_cast<uint32_t>(d.plane) * quads;
  if (d.lane_is == 0) return drop_elements(d, base);
  if (d.lane_is == 1) return drop_lanes(d, base, quads, 0);
  drop_lanes(d, base, 0, 1);
}

}  // namespace SIMD_NAMESPACE
}  // namespace cnnfast
