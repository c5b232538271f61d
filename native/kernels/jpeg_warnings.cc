#include "jpeg_warnings.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <mutex>

namespace bit {
namespace {

thread_local std::string* sink = nullptr;

#if defined(__GLIBC__)
ssize_t Write(void*, const char* bytes, size_t size) {
  if (sink != nullptr) {
    try {
      sink->append(bytes, size);
    } catch (...) {
      // Without memory for it a warning is lost; that there was one is counted elsewhere.
    }
    return static_cast<ssize_t>(size);
  }
  size_t done = 0;
  while (done < size) {
    const ssize_t written = write(STDERR_FILENO, bytes + done, size - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return static_cast<ssize_t>(done);
    done += static_cast<size_t>(written);
  }
  return static_cast<ssize_t>(done);
}

// Puts a stream in the place of C's stderr that goes to the same descriptor, or to a thread's text. glibc
// lets a program assign to stderr; it is unbuffered as before.
void ReplaceStderr() {
  cookie_io_functions_t functions = {};
  functions.write = Write;
  FILE* const stream = fopencookie(nullptr, "w", functions);
  if (stream == nullptr) return;
  setvbuf(stream, nullptr, _IONBF, 0);
  stderr = stream;
}
#else
void ReplaceStderr() {}
#endif

}  // namespace

WarningsKept::WarningsKept(std::string* text) : outer_(sink) {
  static std::once_flag once;
  std::call_once(once, ReplaceStderr);
  sink = text;
}

WarningsKept::~WarningsKept() { sink = outer_; }

}  // namespace bit
