// Samples as callers hand them in, for the input's own step and for steps that read them in place.
#pragma once
#include "graph/builder.h"

namespace cnnfast {

// Numbers of a value, counted over the rows of the (micro-)batch that a step sees: in the arena, or, of an
// input that is not imported, where the caller has them.
class Reader {
 public:
  Reader(Builder& b, int value);

  Buffer buffer() const { return buffer_; }  // none where samples are read in place
  // [begin, begin + n), converted into `scratch` of n numbers where they do not lie there as they are wanted.
  const float* floats(const Context& c, int64_t begin, int64_t n, float* scratch) const;
  const int32_t* labels(const Context& c, int64_t begin, int64_t n, float* scratch) const;

 private:
  Buffer buffer_;
  int number_ = 0;
  int64_t elems_ = 0,
          sample_ = 0;  // of a row of the caller's, and where a sample begins; 0: there is one row
};

// Numbers [begin, begin + n) of rows of `elems`, which an index may have put in another order.
void gather_samples(const Samples& x, int64_t elems, int64_t begin, int64_t n, float* to);

}  // namespace cnnfast
