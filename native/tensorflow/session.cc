#include "session.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

namespace bit {
namespace {

constexpr char kClosed[] = "the session is closed";

// Those of the process that are not freed yet.
std::atomic<int> sessions{0};

void EndAtOnce(int status, void*) {
  if (sessions > 0) _exit(status);
}

// The tensor itself where its memory is held by nothing else, else a copy: a variable would have to
// leave the memory that it shares with a result, and whoever writes to the result would write to it.
OwnedTensor Alone(OwnedTensor tensor) {
  const TF_DataType type = TF_TensorType(tensor.get());
  if (type == TF_STRING) return tensor;  // taken apart later
  if (TF_Tensor* moved = TF_TensorMaybeMove(tensor.get())) {
    tensor.release();
    return OwnedTensor(moved);
  }
  std::vector<int64_t> dims(TF_NumDims(tensor.get()));
  for (size_t i = 0; i < dims.size(); i++) dims[i] = TF_Dim(tensor.get(), static_cast<int>(i));
  const size_t bytes = TF_TensorByteSize(tensor.get());
  OwnedTensor copy(TF_AllocateTensor(type, dims.data(), static_cast<int>(dims.size()), bytes));
  if (bytes > 0 && (copy == nullptr || TF_TensorData(copy.get()) == nullptr))
    throw TensorflowError(TF_RESOURCE_EXHAUSTED,
                          "OOM when allocating " + std::to_string(bytes) + " bytes for a result");
  if (bytes > 0) std::memcpy(TF_TensorData(copy.get()), TF_TensorData(tensor.get()), bytes);
  return copy;
}

struct DeleteBuffer {
  void operator()(TF_Buffer* buffer) const { TF_DeleteBuffer(buffer); }
};

}  // namespace

void WatchExit() {
  // What was registered last is called first, and the libraries register destructors of static objects
  // whenever they make one, in the midst of a run too. A thread's own objects go before all of those.
  struct Registration {
    ~Registration() { on_exit(EndAtOnce, nullptr); }
  };
  thread_local Registration registration;
  (void)registration;
}

Session::Session(const void* graph, size_t graph_bytes, const void* config, size_t config_bytes,
                 const std::string& target, Ended ended)
    : ended_(std::move(ended)) {
  Status status;
  sessions++;
  graph_ = TF_NewGraph();
  TF_SessionOptions* const options = TF_NewSessionOptions();
  try {
    const std::unique_ptr<TF_Buffer, DeleteBuffer> bytes(TF_NewBufferFromString(graph, graph_bytes));
    TF_ImportGraphDefOptions* const import = TF_NewImportGraphDefOptions();
    TF_GraphImportGraphDef(graph_, bytes.get(), import, status);
    TF_DeleteImportGraphDefOptions(import);
    status.Check();
    if (!target.empty()) TF_SetTarget(options, target.c_str());
    TF_SetConfig(options, config, config_bytes, status);
    status.Check();
    session_ = TF_NewSession(graph_, options, status);
    status.Check();
  } catch (...) {
    TF_DeleteSessionOptions(options);
    Free();
    throw;
  }
  TF_DeleteSessionOptions(options);
}

Session::~Session() { Free(); }

void Session::Free() {
  Status status;
  if (session_ != nullptr) {
    TF_CloseSession(session_, status);
    TF_DeleteSession(session_, status);
  }
  session_ = nullptr;
  if (graph_ == nullptr) return;
  TF_DeleteGraph(graph_);
  graph_ = nullptr;
  sessions--;
}

void Session::RequireOpen() const {
  if (closed_) throw TensorflowError(TF_CANCELLED, kClosed);
}

TF_Output Session::Find(const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  RequireOpen();
  TF_Operation* const operation = TF_GraphOperationByName(graph_, name.c_str());
  if (operation == nullptr)
    throw TensorflowError(TF_NOT_FOUND, "the graph has no node " + name);
  if (TF_OperationNumOutputs(operation) < 1)
    throw TensorflowError(TF_INVALID_ARGUMENT, "the node " + name + " has no output");
  return {operation, 0};
}

void Session::Enqueue(std::unique_ptr<Run>&& run) {
  const std::lock_guard<std::mutex> lock(mutex_);
  RequireOpen();
  if (!has_thread_) {
    std::thread([self = shared_from_this()] { self->Work(); }).detach();
    has_thread_ = true;
  }
  waiting_.push_back(std::move(run));
  changed_.notify_all();
}

void Session::Close() {
  std::deque<std::unique_ptr<Run>> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) return;
    closed_ = true;
    dropped.swap(waiting_);
    if (running_) {
      Status status;
      TF_CloseSession(session_, status);
    } else {
      Free();
    }
    changed_.notify_all();
  }
  for (auto& run : dropped) {
    run->code = TF_CANCELLED;
    run->message = kClosed;
    ended_(std::move(run));
  }
}

void Session::Finish() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    finishing_ = true;
    if (running_ || !waiting_.empty()) return;
  }
  Close();
}

// The thread's. It ends when the session is closed.
void Session::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (closed_) return;
    running_ = true;
    std::unique_ptr<Run> run = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    Execute(*run);
    lock.lock();
    running_ = false;
    if (finishing_ && waiting_.empty()) closed_ = true;
    if (closed_) Free();
    lock.unlock();
    ended_(std::move(run));
    lock.lock();
  }
}

void Session::Execute(Run& run) {
  try {
    if (!run.Prepare()) return;
    Status status;
    std::vector<TF_Tensor*> inputs, outputs(run.fetches.size());
    for (const auto& input : run.inputs) inputs.push_back(input.get());
    TF_SessionRun(session_, nullptr, run.feeds.data(), inputs.data(),
                  static_cast<int>(inputs.size()), run.fetches.data(), outputs.data(),
                  static_cast<int>(outputs.size()), nullptr, 0, nullptr, status);
    status.Check();
    run.inputs.clear();
    for (TF_Tensor* const output : outputs) run.outputs.emplace_back(output);
    for (auto& output : run.outputs) output = Alone(std::move(output));
  } catch (const TensorflowError& error) {
    run.code = error.code;
    run.message = error.what();
  } catch (const std::exception& error) {
    run.code = TF_RESOURCE_EXHAUSTED;  // std::bad_alloc: nothing else here throws
    run.message = std::string("out of memory: ") + error.what();
  }
  run.inputs.clear();
  if (run.code != TF_OK) run.outputs.clear();
}

}  // namespace bit
