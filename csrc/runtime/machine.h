// How fast one core of this machine is. Measured when someone first asks, never when the library is loaded.
#pragma once
#include "kernels/kernel_table.h"

namespace cnnfast {

// Of one core, a second.
struct Machine {
  double flops;      // float32 operations, a multiply-add counted as two, on registers alone
  double bandwidth;  // bytes of a read stream that no cache holds
};

// float32 operations a second of one core, now: what a core gives changes with its clock. The best of several
// runs in the calling thread's processor time. Any thread may call.
double measure_flops(const KernelTable& kernels);

// The best of several runs in the calling thread's processor time, so that a busy machine does not count.
// The first call for an instruction set takes some tens of milliseconds and 128 MB; later ones remember. Any
// thread may call.
Machine measured_machine(const KernelTable& kernels);

}  // namespace cnnfast
