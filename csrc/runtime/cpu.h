// Which instruction set the kernels use: the best that this build has and this CPU runs, capped by
// CNNFAST_MAX_ISA.
#pragma once
#include <string>
#include <vector>

#include "kernels/kernel_table.h"

namespace cnnfast {

std::vector<const KernelTable*> available_kernels();      // weakest first
const KernelTable& kernels();                             // the chosen one
const KernelTable* find_kernels(const std::string& isa);  // null if not available
void choose_kernels(const std::string& isa);  // for programs planned from now on; throws Error{value}
std::string cpu_name();

}  // namespace cnnfast
