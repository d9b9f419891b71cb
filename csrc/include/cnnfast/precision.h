// How far results may be from the direct sum. Of the whole process; a program keeps the class in which it was
// planned, and a plan may only choose algorithms of its class.
#pragma once
#include <string>

namespace cnnfast {

// In order: each class allows all that the one before it does. Direct sums only; Winograd F(2, 3), F(4, 3)
// and of stride 2 too; F(6, 3) and bfloat16 too.
enum class Precision { exact, standard, fast };

void set_precision(const std::string& name);  // "exact", "default" or "fast"; throws Error{value}
Precision precision();
std::string to_string(Precision precision);

}  // namespace cnnfast
