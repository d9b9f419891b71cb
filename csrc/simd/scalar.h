// The portable vector: four lanes through the compiler's generic vectors, correct on any target.
//
// Every simd/<isa>.h defines the same names inside the namespace SIMD_NAMESPACE of its one including file:
// V (float lanes; V::lanes divides 16), I (as many int32), M (a lane mask) and the functions below. Kernels
// are written once over them. No ISA #if anywhere else.
#pragma once
#include <cstdint>
#include <cstring>

namespace SIMD_NAMESPACE {

static constexpr const char* kIsa = "scalar";

typedef float F4 __attribute__((vector_size(16)));
typedef int32_t I4 __attribute__((vector_size(16)));
typedef uint32_t U4 __attribute__((vector_size(16)));

struct V {
  static constexpr int lanes = 4;
  F4 v;
};
struct I {
  I4 v;
};
struct M {
  I4 v;
};

static inline V zero() {
  return {F4{0, 0, 0, 0}};
}
static inline V set1(float x) {
  return {F4{x, x, x, x}};
}
static inline V load(const float* p) {
  V r;
  std::memcpy(&r.v, p, sizeof r.v);
  return r;
}
static inline void store(float* p, V a) {
  std::memcpy(p, &a.v, sizeof a.v);
}
// A store past the caches, of an aligned vector: for what is read long after, in whole lines of 64 bytes,
// whose vectors follow each other. No other store or barrier waits for it: a kernel that streams ends in
// stream_end.
static inline void stream(float* p, V a) {
  store(p, a);
}
static inline void stream_end() {}
// The first n lanes, 0 <= n <= V::lanes; the rest read as zero (or as `rest`) or stay unwritten. Touches no
// memory past them.
static inline V load_n(const float* p, int n, V rest) {
  V r = rest;
  std::memcpy(&r.v, p, sizeof(float) * static_cast<size_t>(n));
  return r;
}
static inline V load_n(const float* p, int n) {
  return load_n(p, n, zero());
}
static inline void store_n(float* p, V a, int n) {
  std::memcpy(p, &a.v, sizeof(float) * static_cast<size_t>(n));
}

static inline V operator+(V a, V b) {
  return {a.v + b.v};
}
static inline V operator-(V a, V b) {
  return {a.v - b.v};
}
static inline V operator*(V a, V b) {
  return {a.v * b.v};
}
static inline V operator/(V a, V b) {
  return {a.v / b.v};
}
static inline V fma(V a, V b, V c) {
  return {a.v * b.v + c.v};
}  // a * b + c
static inline M operator<(V a, V b) {
  return {a.v < b.v};
}
static inline M operator>(V a, V b) {
  return {a.v > b.v};
}
static inline M operator|(M a, M b) {
  return {a.v | b.v};
}
static inline M operator<=(V a, V b) {
  return {a.v <= b.v};
}
static inline M operator==(V a, V b) {
  return {a.v == b.v};
}
static inline M is_nan(V a) {
  return {a.v != a.v};
}
static inline bool any(M m) {
  return (m.v[0] | m.v[1] | m.v[2] | m.v[3]) != 0;
}
static inline V select(M m, V yes, V no) {
  return {(F4)(((I4)yes.v & m.v) | ((I4)no.v & ~m.v))};
}
static inline V max(V a, V b) {
  return select(a > b, a, b);
}  // b when either is NaN
static inline V min(V a, V b) {
  return select(a < b, a, b);
}
static inline V sqrt(V a) {
  for (int i = 0; i < 4; ++i) a.v[i] = __builtin_sqrtf(a.v[i]);
  return a;
}
static inline V floor(V a) {
  for (int i = 0; i < 4; ++i) a.v[i] = __builtin_floorf(a.v[i]);
  return a;
}
static inline V nearest(V a) {  // of two, the even one
  for (int i = 0; i < 4; ++i) a.v[i] = __builtin_rintf(a.v[i]);
  return a;
}
// a * b - product, where product is what a * b is rounded to: what was lost, and exact.
static inline V product_rest(V a, V b, V product) {
  V r;
  for (int i = 0; i < 4; ++i)
    r.v[i] = static_cast<float>(static_cast<double>(a.v[i]) * static_cast<double>(b.v[i]) -
                                static_cast<double>(product.v[i]));
  return r;
}
static inline float sum(V a) {
  return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);
}
static inline float max_lane(V a) {
  float m = a.v[0];
  for (int i = 1; i < 4; ++i) m = a.v[i] > m ? a.v[i] : m;
  return m;
}

static inline I iset1(int32_t x) {
  return {I4{x, x, x, x}};
}
static inline I round_to_int(V a) {  // to nearest; |a| < 2^22
  const V magic = set1(12582912.0f);
  return {(I4)((U4)(a + magic).v - (U4)magic.v)};
}
static inline V to_float(I a) {
  return {__builtin_convertvector(a.v, F4)};
}
static inline I operator+(I a, I b) {
  return {(I4)((U4)a.v + (U4)b.v)};  // wraps, as the other sets' do
}
static inline I operator-(I a, I b) {
  return {(I4)((U4)a.v - (U4)b.v)};
}
static inline V exponent_of(I n) {
  return {(F4)(((U4)n.v + 127) << 23)};
}  // 2^n, -126 <= n <= 127

// value * 2^n, |n| <= 252, in two steps: n itself leaves the range of an exponent at both ends.
static inline V scaled(V value, I n) {
  const I half = round_to_int(to_float(n) * set1(0.5f));
  return value * exponent_of(half) * exponent_of(n - half);
}

// Bytes beside lanes: 0..255 of each lane, to and from V::lanes bytes of memory.
static inline I iload_bytes(const uint8_t* p) {
  return {I4{p[0], p[1], p[2], p[3]}};
}
static inline void istore_bytes(uint8_t* p, I a) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(a.v[i]);
}
static inline M operator==(I a, I b) {
  return {a.v == b.v};
}
static inline I select(M m, I yes, I no) {
  return {(yes.v & m.v) | (no.v & ~m.v)};
}

// Lane l of the result is lane l ^ kBit; kBit is a power of two below V::lanes.
template <int kBit>
static inline V xor_lanes(V a) {
  return {F4{a.v[kBit], a.v[1 ^ kBit], a.v[2 ^ kBit], a.v[3 ^ kBit]}};
}

// The bits of lanes.
static inline I bits(V a) {
  return {(I4)a.v};
}
static inline V as_float(I a) {
  return {(F4)a.v};
}
static inline I operator&(I a, I b) {
  return {a.v & b.v};
}
static inline I operator|(I a, I b) {
  return {a.v | b.v};
}
template <int n>
static inline I shift_left(I a) {
  return {a.v << n};
}
template <int n>
static inline I shift_right(I a) {  // zeros come in
  return {(I4)((U4)a.v >> n)};
}
static inline I iload(const uint32_t* p) {
  I r;
  std::memcpy(&r.v, p, sizeof r.v);
  return r;
}
static inline void istore(uint32_t* p, I a) {
  std::memcpy(p, &a.v, sizeof a.v);
}
static inline void istore_words(uint16_t* p, I a) {  // 0..65535 of each lane
  typedef uint16_t W4 __attribute__((vector_size(8)));
  const W4 words = __builtin_convertvector(a.v, W4);
  std::memcpy(p, &words, sizeof words);
}

// rows[i] lane j <-> rows[j] lane i, of V::lanes rows.
static inline void transpose(V* rows) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < i; ++j) {
      const float t = rows[i].v[j];
      rows[i].v[j] = rows[j].v[i];
      rows[j].v[i] = t;
    }
  }
}

}  // namespace SIMD_NAMESPACE
