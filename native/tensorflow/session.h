// A TensorFlow session that runs on a thread of its own, one run after the other. Nothing here knows
// JavaScript.
// Source: tensorflow/c/c_api.h.
#pragma once
#include <tensorflow/c/c_api.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../status.h"

namespace bit {

struct DeleteTensor {
  void operator()(TF_Tensor* tensor) const { TF_DeleteTensor(tensor); }
};
using OwnedTensor = std::unique_ptr<TF_Tensor, DeleteTensor>;

// One run: what goes in, and what came of it.
struct Run {
  virtual ~Run() = default;
  // Completes the values of `inputs`, on the session's thread. Returns false where nobody waits for
  // this run any more.
  virtual bool Prepare() = 0;

  std::vector<TF_Output> feeds, fetches;
  std::vector<OwnedTensor> inputs;
  // One for each fetch, in memory that nothing else holds; empty where the run failed.
  std::vector<OwnedTensor> outputs;
  TF_Code code = TF_OK;
  std::string message;
};

// To be called on each thread that may end the process. While it has sessions, their threads may
// compute: the destructors of static objects would pull away what those use, and are left out.
void WatchExit();

class Session : public std::enable_shared_from_this<Session> {
 public:
  // Called on any thread when a run has ended or was dropped.
  using Ended = std::function<void(std::unique_ptr<Run>)>;

  // `config` is a ConfigProto; `target` is a server's, or empty. Throws TensorflowError.
  Session(const void* graph, size_t graph_bytes, const void* config, size_t config_bytes,
          const std::string& target, Ended ended);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The first output of a node. Throws TensorflowError where there is none, or after Close.
  TF_Output Find(const std::string& name);

  // Runs come in the order of these calls. Where this throws, the caller keeps the run.
  void Enqueue(std::unique_ptr<Run>&& run);

  // Drops what has not begun and cancels what has. Frees all at once where nothing is under way;
  // else this returns, and the session's thread does it after the run. Calls after the first do nothing.
  void Close();

  // As Close, once all that was enqueued has run.
  void Finish();

 private:
  void RequireOpen() const;
  void Work();
  void Execute(Run& run);
  void Free();

  const Ended ended_;
  TF_Graph* graph_ = nullptr;
  TF_Session* session_ = nullptr;

  std::mutex mutex_;  // guards what follows, and the freeing of what is above
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Run>> waiting_;
  bool has_thread_ = false;
  bool running_ = false;
  bool closed_ = false;
  bool finishing_ = false;
};

}  // namespace bit
