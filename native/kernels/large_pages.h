// Memory on large pages, where there are any: what surrounds the products of a step reads and writes whole images, and to
// find each page of 4 KB takes up to a tenth of a step (bench/NOTES.md).
#pragma once
#include <cstddef>
#include <cstdint>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace bit {

inline constexpr size_t kLargePage = 2 << 20;

// Asks for them where memory is next touched first: for all pages that hold any of so many bytes. A system without
// them, or that gives none on request, does nothing.
inline void AskForLargePages(const void* from, size_t bytes) {
#if defined(__linux__)
  const uintptr_t begin = reinterpret_cast<uintptr_t>(from) / kLargePage * kLargePage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(from) + bytes + kLargePage - 1) / kLargePage * kLargePage;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace bit
