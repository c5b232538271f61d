// The way back to JavaScript from other threads: promises that any thread settles. Each of Node's threads
// that loads the addon has a loop of its own; it may end, as a worker does, while work is under way.
#pragma once

#include <node_api.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "plugin.h"

namespace bit_pjrt {

class Loop {
 public:
  // Makes the loop of this thread.
  static void Make(napi_env env);
  static std::shared_ptr<Loop> Of(napi_env env);

  // Has `work` called on Node's thread; drops it where that thread has ended.
  void Post(std::function<void(napi_env)> work);

  // Only on Node's thread: while more promises are awaited than were settled, the loop does not end.
  void Await(napi_env env);
  void Settled(napi_env env);

  // Another thread's use of memory that belongs to JavaScript, which the end of Node's thread waits for.
  // False where it has ended: the memory is gone.
  bool BeginUse();
  void EndUse();

 private:
  void End();

  napi_threadsafe_function function_ = nullptr;
  int awaited_ = 0;
  std::mutex mutex_;
  std::condition_variable unused_;
  bool ended_ = false;
  int uses_ = 0;
};

// A promise; copies are of the same one. Settled once, from any thread.
class Promise {
 public:
  explicit Promise(napi_env env);
  napi_value value() const { return value_; }  // only in the call that made it

  void Resolve(std::function<napi_value(napi_env)> make) const;
  void Reject(Failure failure) const;
  Loop& loop() const { return *loop_; }

 private:
  std::shared_ptr<Loop> loop_;
  napi_deferred deferred_ = nullptr;
  napi_value value_ = nullptr;
};

// A JavaScript error with the failure's message and the name of its code.
napi_value ErrorOf(napi_env env, const Failure& failure);

}  // namespace bit_pjrt
