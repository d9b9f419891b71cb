// Shape rules of a window that slides along one axis: how its padding is resolved, how many outputs there
// are. What goes in is at most kMostOfSample, and so is what comes out.
#pragma once
#include <string>

#include "cnnfast/graph.h"

namespace cnnfast {

struct Extent {
  const char* axis;  // its name, for a person
  int size, kernel, stride, dilation;
  int64_t reach() const { return (int64_t{kernel} - 1) * dilation + 1; }
};

struct Sides {
  int before, after;
};

// "same" keeps ceil(size / stride) outputs and puts the odd cell of padding at the end, as Keras does.
Sides same_padding(const std::string& name, const Extent& e);

// With ceil_mode a window that hangs over the end counts, too, if it begins before the end of the input; of
// an input smaller than the window there is one.
int window_outputs(const std::string& name, const Extent& e, Sides padding, bool ceil_mode);

// Whether each of so many windows has a cell that is no padding.
bool all_windows_see_input(const Extent& e, int before, int outputs);

// Of a transposed convolution; `size` is that of its input, `given` is its explicit padding, which is cut
// off, and an output_padding below 0 is none given. Sizes are those of Keras for "valid" and "same", of
// PyTorch and ONNX for explicit padding. The cut after the output is below 0 where output_padding adds to it.
struct TransposedOutputs {
  int size;
  Sides cut;
};
TransposedOutputs transposed_outputs(const std::string& name, const Extent& e, PadMode mode, Sides given,
                                     int output_padding);

}  // namespace cnnfast
