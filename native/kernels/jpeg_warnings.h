// What libjpeg says while it decodes. TensorFlow lets it write to standard error, where a line that does
// not say which file it is about helps nobody.
#pragma once
#include <string>

namespace bit {

// While one lives, what C code of this thread writes to stderr is added to a text instead.
class WarningsKept {
 public:
  explicit WarningsKept(std::string* text);
  ~WarningsKept();
  WarningsKept(const WarningsKept&) = delete;
  WarningsKept& operator=(const WarningsKept&) = delete;

 private:
  std::string* const outer_;
};

}  // namespace bit
