#include "runtime/floats.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "cnnfast/error.h"

namespace cnnfast {

namespace {

constexpr size_t kLine = 64, kPage = 4096, kHugePage = size_t{2} << 20;
// From here on blocks have pages of their own: below, taking and freeing these would cost more than their
// use.
constexpr size_t kLeastMapped = size_t{128} << 10;
constexpr int64_t kMost = int64_t{1} << 60;

size_t round_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Zeroed pages that begin at a multiple of `alignment`; null where there are none.
void* map_pages(size_t bytes, size_t alignment) {
  const size_t room = bytes + alignment - kPage;
  void* const got = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  char* const first = static_cast<char*>(got);
  const size_t before = (alignment - reinterpret_cast<uintptr_t>(first) % alignment) % alignment;
  char* const data = first + before;
  if (before > 0) munmap(first, before);
  if (room > before + bytes) munmap(data + bytes, room - before - bytes);
  return data;
}

}  // namespace

Floats::Floats(int64_t n, const char* what) : size_(n) {
  const size_t bytes = std::max(sizeof(float) * static_cast<size_t>(std::min(n, kMost)), kLine);
  if (bytes >= kLeastMapped) {
    const bool huge = bytes >= kHugePage;
    mapped_ = round_up(bytes, kPage);  // what is left of a huge page is not taken
    data_ = n > kMost ? nullptr : static_cast<float*>(map_pages(mapped_, huge ? kHugePage : kPage));
    // Advice only: where huge pages are switched off all runs the same.
    if (data_ && huge) madvise(data_, mapped_, MADV_HUGEPAGE);
  } else {
    const size_t alignment = bytes >= kPage ? kPage : kLine, rounded = round_up(bytes, alignment);
    data_ = static_cast<float*>(std::aligned_alloc(alignment, rounded));
    if (data_) std::memset(data_, 0, rounded);
  }
  if (!data_)
    throw Error(Error::Kind::memory, "could not take " + std::to_string(bytes) + " bytes for " + what + ".");
}

Floats::~Floats() {
  if (mapped_ > 0 && data_)
    munmap(data_, mapped_);
  else
    std::free(data_);
}

}  // namespace cnnfast
