#include "runtime/arena.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "cnnfast/error.h"

namespace cnnfast {

namespace {
constexpr size_t kPage = 4096, kHugePage = size_t{2} << 20;
}

Arena::Arena(size_t bytes) : bytes_(bytes) {
  const size_t alignment = bytes >= kHugePage ? kHugePage : kPage;
  const size_t rounded =
      (bytes + alignment) / alignment * alignment;  // at least one unit: data() is never null
  data_ = static_cast<float*>(std::aligned_alloc(alignment, rounded));
  if (!data_) {
    throw Error(Error::Kind::memory,
                "could not take " + std::to_string(bytes) +
                    " bytes for a program. Use a smaller batch; memory() tells its size first.");
  }
  // Advice only: where huge pages are switched off the program runs all the same.
  if (alignment == kHugePage) madvise(data_, rounded, MADV_HUGEPAGE);
  std::memset(data_, 0, rounded);
}

Arena::~Arena() {
  std::free(data_);
}

}  // namespace cnnfast
