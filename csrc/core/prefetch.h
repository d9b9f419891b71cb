// Asking for memory before it is needed. Included by files compiled with ISA flags.
#pragma once

namespace cnnfast {

// Asks for a cache line; any address will do. The empty statement is an effect: gcc 12 takes a function that
// only prefetches for one without any and drops its calls.
static inline void prefetch(const float* p) {
  __builtin_prefetch(p);
  __asm__ volatile("");
}

}  // namespace cnnfast
