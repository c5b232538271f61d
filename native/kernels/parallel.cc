#include "parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace bit {
namespace {

struct Loop {
  Loop(int64_t n, const std::function<void(int64_t)>& work) : count(n), run(work) {}
  const int64_t count;
  const std::function<void(int64_t)>& run;
  std::atomic<int64_t> next{0};
  int64_t done = 0;  // guarded by mutex
  std::mutex mutex;
  std::condition_variable all_done;

  bool exhausted() const { return next.load(std::memory_order_relaxed) >= count; }

  // Takes turns until none is left. `run` outlives every turn: the caller waits for the last.
  void Work() {
    int64_t mine = 0;
    for (int64_t i; (i = next.fetch_add(1)) < count; mine++) run(i);
    if (mine == 0) return;
    const std::lock_guard<std::mutex> lock(mutex);
    done += mine;
    if (done == count) all_done.notify_all();
  }

  void Wait() {
    std::unique_lock<std::mutex> lock(mutex);
    all_done.wait(lock, [this] { return done == count; });
  }
};

// Lives as long as the process: its threads may outlast the main one's last moments.
class Pool {
 public:
  explicit Pool(int helpers) {
    for (int i = 0; i < helpers; i++) std::thread([this] { Help(); }).detach();
  }

  void Offer(const std::shared_ptr<Loop>& loop) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      loops_.push_back(loop);
    }
    offered_.notify_all();
  }

  void Withdraw(const std::shared_ptr<Loop>& loop) {
    const std::lock_guard<std::mutex> lock(mutex_);
    loops_.erase(std::remove(loops_.begin(), loops_.end(), loop), loops_.end());
  }

 private:
  [[noreturn]] void Help() {
    FlushSmallValues();  // whichever thread has made this one
    for (;;) {
      std::shared_ptr<Loop> loop;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        offered_.wait(lock, [this] { return !loops_.empty(); });
        loop = loops_.front();
        if (loop->exhausted()) {
          loops_.pop_front();
          continue;
        }
      }
      loop->Work();
    }
  }

  std::mutex mutex_;
  std::condition_variable offered_;
  std::deque<std::shared_ptr<Loop>> loops_;
};

int CountProcessors() {
  const char* set = std::getenv("TF_NUM_INTRAOP_THREADS");
  if (set != nullptr && std::atoi(set) > 0) return std::atoi(set);
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

int Parallelism() {
  static const int count = CountProcessors();
  return count;
}

void FlushSmallValues() {
#if defined(__SSE__)
  _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

void ParallelFor(int64_t count, const std::function<void(int64_t)>& run) {
  if (count <= 1 || Parallelism() == 1) {
    for (int64_t i = 0; i < count; i++) run(i);
    return;
  }
  static Pool* const pool = new Pool(Parallelism() - 1);
  const auto loop = std::make_shared<Loop>(count, run);
  pool->Offer(loop);
  loop->Work();
  pool->Withdraw(loop);
  loop->Wait();
}

}  // namespace bit
