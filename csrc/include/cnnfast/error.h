// The one way the library reports a mistake. Thrown while describing, planning or validating; never while
// running.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace cnnfast {

class Error : public std::runtime_error {
 public:
  enum class Kind { value, type, memory, runtime };
  Error(Kind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Error(Error::Kind::value, text.str());
}

}  // namespace cnnfast
