// CUDA's asynchronous copies into shared memory, on the CPU: nothing arrives before it is waited for.
#pragma once
#include "block.h"

// Of one number of an array in shared memory: *from, or 0 where that is null.
template <class T, int kSize>
void __pipeline_memcpy_async(cuda_emulation::SharedArray<T, kSize>& array, int at, const T* from) {
  cuda_emulation::Block::current().copy_later({&array.shadows[at], &array.values[at], from, sizeof(T)});
}
inline void __pipeline_commit() {
  cuda_emulation::Block::current().commit();
}
inline void __pipeline_wait_prior(size_t groups) {
  cuda_emulation::Block::current().wait_prior(groups);
}
