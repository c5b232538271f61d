// TensorFlow sessions for JavaScript, whose thread is free while they run.
//   serve(serverDef, port, address) -> target     a ServerDef as a Uint8Array; see server.h
//   open(graphDef, config, target) -> session     two Uint8Arrays: a GraphDef and a ConfigProto; the target
//                                                 is a server's, or empty: the session is in this process alone
//   run(session, feeds, fetches) -> Promise<[{type, shape, data}...]>    feeds: [[name, type, shape, data]...]
//   close(session)
// What TensorFlow reports is thrown, or rejected with, as an Error with a code; a wrong call is thrown as
// a TypeError. Types are TensorFlow's numbers, names are those of nodes, of which the first output counts.
#include <node_api.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

#include "server.h"
#include "session.h"
#include "values.h"

namespace bit {
namespace {

// A thread of Node that has loaded the addon. Sessions hold it, and may outlive the thread.
class Thread : public std::enable_shared_from_this<Thread> {
 public:
  explicit Thread(napi_env env) {
    WatchExit();
    napi_value name = nullptr;
    napi_create_string_utf8(env, "bit-train session", NAPI_AUTO_LENGTH, &name);
    Check(napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr,
                                          Settle, &settle_),
          "the event loop");
    napi_unref_threadsafe_function(env, settle_);
  }

  // On the thread itself, when Node ends it. Nothing of JavaScript's is touched after this.
  void End() {
    {
      const std::unique_lock<std::shared_mutex> lock(mutex_);
      ended_ = true;
    }
    for (const auto& weak : std::exchange(sessions_, {}))
      if (const auto session = weak.lock()) session->Close();
  }

  // Holds it off from ending, where it has not ended already.
  class Kept {
   public:
    explicit Kept(Thread& thread) : lock_(thread.mutex_), alive_(!thread.ended_) {}
    explicit operator bool() const { return alive_; }

   private:
    std::shared_lock<std::shared_mutex> lock_;
    bool alive_;
  };

  // On any thread: has the promise of a run settled on its own.
  void Post(std::unique_ptr<Run> run) {
    const Kept kept(*this);
    if (kept && napi_call_threadsafe_function(settle_, run.get(), napi_tsfn_nonblocking) == napi_ok)
      (void)run.release();
  }

  // On the thread itself: so many promises more, or fewer, are waited for. Meanwhile its event loop
  // goes on.
  void Await(napi_env env, int promises) {
    const bool waited = promises_ > 0;
    promises_ += promises;
    if (!waited && promises_ > 0) napi_ref_threadsafe_function(env, settle_);
    if (waited && promises_ == 0) napi_unref_threadsafe_function(env, settle_);
  }

  void Add(const std::shared_ptr<Session>& session) {
    for (auto it = sessions_.begin(); it != sessions_.end();)
      it = it->expired() ? sessions_.erase(it) : std::next(it);
    sessions_.insert(session);
  }

 private:
  static void Settle(napi_env env, napi_value, void*, void* data);

  napi_threadsafe_function settle_ = nullptr;
  int promises_ = 0;
  std::set<std::weak_ptr<Session>, std::owner_less<>> sessions_;
  std::shared_mutex mutex_;
  bool ended_ = false;
};

// What JavaScript holds of a session. Only its thread touches it.
struct Handle {
  std::shared_ptr<Session> session;
  int promises = 0;
  bool closed = false;

  void Await(napi_env env, Thread& thread, int more) {
    if (closed) return;
    promises += more;
    thread.Await(env, more);
  }

  // What is still under way need not end before the process does.
  void Close(napi_env env, Thread& thread) {
    session->Close();
    Await(env, thread, -promises);
    closed = true;
  }
};

// A run that a promise waits for.
class PromisedRun : public Run {
 public:
  PromisedRun(std::shared_ptr<Thread> thread, std::shared_ptr<Handle> handle)
      : thread_(std::move(thread)), handle_(std::move(handle)) {}

  // Feeds that are large are copied here. What they are copied from is held as long as its thread is.
  bool Prepare() override {
    const Thread::Kept kept(*thread_);
    if (!kept) return false;
    for (size_t i = 0; i < inputs.size(); i++)
      if (const Bytes& from = bytes_[i]; from.data != nullptr)
        std::memcpy(TF_TensorData(inputs[i].get()), from.data, from.size);
    return true;
  }

  void Add(napi_env env, napi_value value, Feed feed) {
    if (feed.bytes.data != nullptr) {
      napi_ref held = nullptr;
      Check(napi_create_reference(env, value, 1, &held), "a feed");
      held_.push_back(held);
    }
    bytes_.push_back(feed.bytes);
    inputs.push_back(std::move(feed.tensor));
  }

  napi_value Promise(napi_env env) {
    napi_value promise = nullptr;
    Check(napi_create_promise(env, &deferred_, &promise), "a promise");
    handle_->Await(env, *thread_, 1);
    return promise;
  }

  void Settle(napi_env env) {
    Release(env);
    handle_->Await(env, *thread_, -1);
    napi_value value = nullptr;
    try {
      if (code != TF_OK) throw TensorflowError(code, message);
      Check(napi_create_array_with_length(env, outputs.size(), &value), "memory for a result");
      for (uint32_t i = 0; i < outputs.size(); i++)
        napi_set_element(env, value, i, ResultOf(env, std::move(outputs[i])));
      napi_resolve_deferred(env, deferred_, value);
    } catch (const TensorflowError& error) {
      napi_reject_deferred(env, deferred_, ErrorOf(env, error.code, error.what()));
    } catch (const std::exception& error) {
      napi_reject_deferred(env, deferred_, ErrorOf(env, TF_UNKNOWN, error.what()));
    }
  }

  // Where it never began: lets go of what is fed.
  void Abandon(napi_env env) {
    Release(env);
    if (deferred_ != nullptr) handle_->Await(env, *thread_, -1);
  }

 private:
  void Release(napi_env env) {
    for (const napi_ref held : std::exchange(held_, {})) napi_delete_reference(env, held);
  }

  const std::shared_ptr<Thread> thread_;
  const std::shared_ptr<Handle> handle_;
  napi_deferred deferred_ = nullptr;
  std::vector<Bytes> bytes_;
  std::vector<napi_ref> held_;
};

void Thread::Settle(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<PromisedRun> run(static_cast<PromisedRun*>(static_cast<Run*>(data)));
  // Without an env the thread is ending.
  if (env != nullptr) run->Settle(env);
}

using SharedHandle = std::shared_ptr<Handle>;

SharedHandle HandleOf(napi_env env, napi_value value) {
  void* handle = nullptr;
  Check(napi_get_value_external(env, value, &handle), "a session");
  return *static_cast<SharedHandle*>(handle);
}

std::shared_ptr<Thread>& ThreadOf(napi_env env) {
  void* data = nullptr;
  Check(napi_get_instance_data(env, &data), "the addon");
  return *static_cast<std::shared_ptr<Thread>*>(data);
}

napi_value Serve(napi_env env, const napi_value* arguments) {
  const Bytes def = BytesOf(env, arguments[0]);
  int32_t port = 0;
  Check(napi_get_value_int32(env, arguments[1], &port), "a port");
  const std::string target = StartServer(def.data, def.size, port, Text(env, arguments[2]));
  napi_value value = nullptr;
  Check(napi_create_string_utf8(env, target.data(), target.size(), &value), "memory for a result");
  return value;
}

napi_value Open(napi_env env, const napi_value* arguments) {
  const Bytes graph = BytesOf(env, arguments[0]), config = BytesOf(env, arguments[1]);
  const std::string target = Text(env, arguments[2]);
  const std::shared_ptr<Thread> thread = ThreadOf(env);
  const auto session = std::make_shared<Session>(
      graph.data, graph.size, config.data, config.size, target,
      [thread](std::unique_ptr<Run> run) { thread->Post(std::move(run)); });
  thread->Add(session);
  napi_value value = nullptr;
  auto handle = std::make_unique<SharedHandle>(std::make_shared<Handle>());
  (*handle)->session = session;
  auto forget = [](napi_env, void* data, void*) {
    const std::unique_ptr<SharedHandle> forgotten(static_cast<SharedHandle*>(data));
    (*forgotten)->session->Finish();
  };
  Check(napi_create_external(env, handle.get(), forget, nullptr, &value), "a session");
  (void)handle.release();
  return value;
}

napi_value RunSession(napi_env env, const napi_value* arguments) {
  const SharedHandle handle = HandleOf(env, arguments[0]);
  const std::shared_ptr<Session> session = handle->session;
  auto* const run = new PromisedRun(ThreadOf(env), handle);
  std::unique_ptr<Run> owned(run);
  try {
    for (uint32_t i = 0; i < Length(env, arguments[1]); i++) {
      const napi_value feed = At(env, arguments[1], i), data = At(env, feed, 3);
      run->feeds.push_back(session->Find(Text(env, At(env, feed, 0))));
      int32_t type = 0;
      Check(napi_get_value_int32(env, At(env, feed, 1), &type), "a type");
      run->Add(env, data, FeedOf(env, static_cast<TF_DataType>(type), At(env, feed, 2), data));
    }
    for (uint32_t i = 0; i < Length(env, arguments[2]); i++)
      run->fetches.push_back(session->Find(Text(env, At(env, arguments[2], i))));
    const napi_value promise = run->Promise(env);
    session->Enqueue(std::move(owned));
    return promise;
  } catch (...) {
    run->Abandon(env);
    throw;
  }
}

napi_value Close(napi_env env, const napi_value* arguments) {
  HandleOf(env, arguments[0])->Close(env, *ThreadOf(env));
  return nullptr;
}

template <napi_value (*body)(napi_env, const napi_value*)>
napi_value Call(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3] = {};
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  try {
    return body(env, arguments);
  } catch (const TensorflowError& error) {
    napi_throw(env, ErrorOf(env, error.code, error.what()));
  } catch (const std::bad_alloc&) {
    napi_throw(env, ErrorOf(env, TF_RESOURCE_EXHAUSTED, "out of memory"));
  } catch (const std::exception& error) {
    napi_throw_type_error(env, nullptr, error.what());
  }
  return nullptr;
}

napi_value Init(napi_env env, napi_value exports) {
  try {
    auto thread = std::make_unique<std::shared_ptr<Thread>>(std::make_shared<Thread>(env));
    Check(napi_set_instance_data(
              env, thread.get(),
              [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<Thread>*>(data); },
              nullptr),
          "the addon");
    // After the thread-safe function was made, so that this comes before its end.
    napi_add_env_cleanup_hook(
        env, [](void* data) { static_cast<Thread*>(data)->End(); }, thread->get());
    (void)thread.release();
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return exports;
  }
  const napi_property_descriptor functions[] = {
      {"serve", nullptr, Call<Serve>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"open", nullptr, Call<Open>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"run", nullptr, Call<RunSession>, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"close", nullptr, Call<Close>, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  napi_define_properties(env, exports, 4, functions);
  return exports;
}

}  // namespace
}  // namespace bit

NAPI_MODULE(bit_tensorflow, bit::Init)
