// Memory for numbers: zeroed, on a cache line. Large blocks are pages of their own, in huge ones where the
// system has them (first touch of 12.8 MB took 4.5 ms with 4 KB pages and 0.5 ms with 2 MB ones), and go back
// to the system when they are freed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace cnnfast {

class Floats {
 public:
  Floats() = default;
  // Throws Error{memory}: "could not take ... bytes for `what`."
  Floats(int64_t n, const char* what);
  ~Floats();
  Floats(Floats&& other) noexcept { swap(other); }
  Floats& operator=(Floats&& other) noexcept {
    swap(other);
    return *this;
  }

  float* data() const { return data_; }
  int64_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void swap(Floats& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
  }

  float* data_ = nullptr;
  int64_t size_ = 0;
  size_t mapped_ = 0;  // bytes; 0: from the heap
};

}  // namespace cnnfast
