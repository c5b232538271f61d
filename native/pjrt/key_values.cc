#include "key_values.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

#include "busy.h"
#include "values.h"

namespace bit_pjrt {
namespace {

// What a plugin's thread waits for.
class Question {
 public:
  void Settle(std::optional<std::string> value, std::optional<Failure> failure) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (settled_) return;
    settled_ = true;
    value_ = std::move(value);
    failure_ = std::move(failure);
    changed_.notify_all();
  }

  std::optional<std::string> Wait(std::chrono::milliseconds most, const std::string& what) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, most, [this] { return settled_; }))
      throw Failure{PJRT_Error_Code_DEADLINE_EXCEEDED,
                    what + ": no answer within " + std::to_string(most.count()) + " ms"};
    if (failure_) throw *failure_;
    return std::move(value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool settled_ = false;
  std::optional<std::string> value_;
  std::optional<Failure> failure_;
};

// The one who is to answer: where nobody does, as where Node's thread ends, that is the answer.
class Answerer {
 public:
  explicit Answerer(std::shared_ptr<Question> question) : question_(std::move(question)) {}
  ~Answerer() {
    question_->Settle(std::nullopt, Failure{PJRT_Error_Code_CANCELLED, "nobody is left to answer"});
  }
  Question& question() { return *question_; }

 private:
  const std::shared_ptr<Question> question_;
};

napi_value Latin1(napi_env env, const std::string& bytes) {
  napi_value value = nullptr;
  Ok(napi_create_string_latin1(env, bytes.data(), bytes.size(), &value));
  return value;
}

napi_valuetype TypeOf(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  Ok(napi_typeof(env, value, &type));
  return type;
}

// answer(value) or answer(null, why), called by JavaScript.
napi_value TakeAnswer(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2] = {};
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
  Question& question = (*static_cast<std::shared_ptr<Answerer>*>(data))->question();
  try {
    if (TypeOf(env, arguments[1]) == napi_string)
      question.Settle(std::nullopt, Failure{PJRT_Error_Code_UNAVAILABLE, Text(env, arguments[1])});
    else if (TypeOf(env, arguments[0]) == napi_string)
      question.Settle(BytesOf(env, arguments[0]), std::nullopt);
    else
      question.Settle(std::nullopt, std::nullopt);
  } catch (const Failure& failure) {
    question.Settle(std::nullopt, failure);
  }
  return nullptr;
}

napi_value AnswerOf(napi_env env, const std::shared_ptr<Answerer>& answerer) {
  auto held = std::make_unique<std::shared_ptr<Answerer>>(answerer);
  napi_value answer = nullptr;
  Ok(napi_create_function(env, "answer", NAPI_AUTO_LENGTH, TakeAnswer, held.get(), &answer));
  Ok(napi_add_finalizer(
      env, answer, held.get(),
      [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<Answerer>*>(data); },
      nullptr, nullptr));
  held.release();
  return answer;
}

void CallAsk(napi_env env, napi_ref ask, std::vector<napi_value> arguments) {
  napi_value function = nullptr, receiver = nullptr;
  Ok(napi_get_reference_value(env, ask, &function));
  Ok(napi_get_undefined(env, &receiver));
  if (napi_call_function(env, receiver, function, arguments.size(), arguments.data(), nullptr) ==
      napi_ok)
    return;
  // It is not to end the process: whoever asked is told.
  napi_value error = nullptr;
  napi_get_and_clear_last_exception(env, &error);
  throw Failure{PJRT_Error_Code_INTERNAL, "the store of keys and values failed"};
}

constexpr std::chrono::milliseconds kAtOnce = std::chrono::minutes(1);
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24);

}  // namespace

KeyValues::KeyValues(napi_env env, napi_value ask) : loop_(Loop::Of(env)) {
  Ok(napi_create_reference(env, ask, 1, &ask_));
}

// On any thread; where Node's has ended, the reference has gone with it.
KeyValues::~KeyValues() {
  loop_->Post([ask = ask_](napi_env env) { napi_delete_reference(env, ask); });
}

void KeyValues::GiveTo(PJRT_Client_Create_Args* args) {
  args->kv_get_callback = Get;
  args->kv_get_user_arg = this;
  args->kv_try_get_callback = Find;
  args->kv_try_get_user_arg = this;
  args->kv_put_callback = Put;
  args->kv_put_user_arg = this;
}

std::optional<std::string> KeyValues::Ask(const char* operation, std::string key,
                                          std::string value, Wait wait) {
  const Busy busy;
  const auto question = std::make_shared<Question>();
  const std::string what = std::string(operation) + " " + key;
  {
    auto answerer = std::make_shared<Answerer>(question);
    loop_->Post([ask = ask_, operation, key = std::move(key), value = std::move(value),
                 answerer = std::move(answerer)](napi_env env) {
      try {
        CallAsk(env, ask,
                {Latin1(env, operation), Latin1(env, key), Latin1(env, value),
                 AnswerOf(env, answerer)});
      } catch (const Failure& failure) {
        answerer->question().Settle(std::nullopt, failure);
      }
    });
  }
  return question->Wait(std::clamp(wait.value_or(kAtOnce), std::chrono::milliseconds(0), kLongest),
                        what);
}

template <class Args>
void KeyValues::Give(Args* args, std::string value) {
  args->value = new char[value.size() + 1];
  std::memcpy(args->value, value.data(), value.size());
  args->value_size = value.size();
  args->value_deleter_callback = [](char* bytes) { delete[] bytes; };
}

// No exception of ours may come into a plugin.
template <class Args, class Work>
PJRT_Error* KeyValues::Answering(Args* args, Work work) {
  Failure failure;
  try {
    work(*static_cast<KeyValues*>(args->user_arg), std::string(args->key, args->key_size));
    return nullptr;
  } catch (const Failure& told) {
    failure = told;
  } catch (const std::bad_alloc&) {
    failure = {PJRT_Error_Code_RESOURCE_EXHAUSTED, "the host's memory is exhausted"};
  } catch (const std::exception& error) {
    failure = {PJRT_Error_Code_INTERNAL, error.what()};
  }
  return (*args->callback_error)(failure.code, failure.message.data(), failure.message.size());
}

PJRT_Error* KeyValues::Get(PJRT_KeyValueGetCallback_Args* args) {
  return Answering(args, [args](KeyValues& store, std::string key) {
    auto value = store.Ask("get", key, "", std::chrono::milliseconds(args->timeout_in_ms));
    if (!value) throw Failure{PJRT_Error_Code_NOT_FOUND, "get " + key + ": there is no such key"};
    Give(args, *std::move(value));
  });
}

PJRT_Error* KeyValues::Find(PJRT_KeyValueTryGetCallback_Args* args) {
  return Answering(args, [args](KeyValues& store, std::string key) {
    auto value = store.Ask("find", key, "", std::nullopt);
    if (!value) throw Failure{PJRT_Error_Code_NOT_FOUND, "find " + key + ": there is no such key"};
    Give(args, *std::move(value));
  });
}

PJRT_Error* KeyValues::Put(PJRT_KeyValuePutCallback_Args* args) {
  return Answering(args, [args](KeyValues& store, std::string key) {
    store.Ask("put", std::move(key), std::string(args->value, args->value_size), std::nullopt);
  });
}

}  // namespace bit_pjrt
