// CUDA's asynchronous copies into shared memory, on the CPU: nothing arrives before it is waited for.
#pragma once
#include "block.h"

// Of numbers side by side, from array[at] on: those from *from on, or zeros where that is null. Copies are of
// 4, 8 or 16 bytes, and begin at a multiple of that on either side (an array begins at 32 bytes).
template <class T, int kSize>
void __pipeline_memcpy_async(cuda_emulation::SharedArray<T, kSize>& array, int at, const T* from,
                             int numbers) {
  const size_t bytes = static_cast<size_t>(numbers) * sizeof(T);
  if (bytes != 4 && bytes != 8 && bytes != 16)
    throw cuda_emulation::Fault("an asynchronous copy of " + std::to_string(bytes) + " bytes");
  if (reinterpret_cast<uintptr_t>(from) % bytes != 0 || static_cast<size_t>(at) * sizeof(T) % bytes != 0)
    throw cuda_emulation::Fault("an asynchronous copy of " + std::to_string(bytes) +
                                " bytes begins at no multiple of them");
  if (at < 0 || at + numbers > kSize)
    throw cuda_emulation::Fault("an asynchronous copy beyond the end of shared memory");
  for (int i = 0; i < numbers; ++i)
    cuda_emulation::Block::current().copy_later(
        {&array.shadows[at + i], &array.values[at + i], from ? from + i : nullptr, sizeof(T)});
}
inline void __pipeline_commit() {
  cuda_emulation::Block::current().commit();
}
inline void __pipeline_wait_prior(size_t groups) {
  cuda_emulation::Block::current().wait_prior(groups);
}
