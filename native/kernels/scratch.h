// Memory that is kept from call to call, on large pages where there are any: memory that is new each time costs as
// much as packing does.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "large_pages.h"

namespace bit {

class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(memory_); }

  // Room for so many values, aligned to a large page. Contents are not kept.
  template <typename V>
  V* Room(int64_t count) {
    const size_t bytes = (count * sizeof(V) + kLargePage - 1) / kLargePage * kLargePage;
    if (bytes > bytes_) {
      std::free(memory_);
      bytes_ = 0;
      memory_ = std::aligned_alloc(kLargePage, bytes);
      if (memory_ == nullptr) throw std::bad_alloc();
      bytes_ = bytes;
      AskForLargePages(memory_, bytes);
    }
    return static_cast<V*>(memory_);
  }

  size_t bytes() const { return bytes_; }

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

// Memory of the process that computations take turns with: it has as many pieces as were in use at once, but for
// larger ones, which are given back.
class SharedScratch {
 public:
  SharedScratch() {
    const std::lock_guard<std::mutex> lock(mutex());
    auto& free = pieces();
    if (free.empty()) {
      mine_ = std::make_unique<Scratch>();
      return;
    }
    mine_ = std::move(free.back());
    free.pop_back();
  }
  SharedScratch(const SharedScratch&) = delete;
  SharedScratch& operator=(const SharedScratch&) = delete;
  ~SharedScratch() {
    if (mine_->bytes() > kMostKept) return;
    const std::lock_guard<std::mutex> lock(mutex());
    pieces().push_back(std::move(mine_));
  }

  // As Scratch's.
  template <typename V>
  V* Room(int64_t count) {
    return mine_->Room<V>(count);
  }

 private:
  static constexpr size_t kMostKept = 32 << 20;

  // Never destroyed: threads may compute while the process ends.
  static std::mutex& mutex() {
    static auto* one = new std::mutex;
    return *one;
  }
  static std::vector<std::unique_ptr<Scratch>>& pieces() {
    static auto* all = new std::vector<std::unique_ptr<Scratch>>;
    return *all;
  }
  std::unique_ptr<Scratch> mine_;
};

}  // namespace bit
