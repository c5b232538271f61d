// TensorFlow's status as an exception, for all that calls its C API.
// Source: tensorflow/c/tf_status.h.
#pragma once
#include <tensorflow/c/tf_status.h>

#include <stdexcept>
#include <string>

namespace bit {

// What TensorFlow said, with its code.
struct TensorflowError : std::runtime_error {
  TensorflowError(TF_Code c, const std::string& message) : std::runtime_error(message), code(c) {}
  const TF_Code code;
};

// A status that turns into an exception. None may cross the C API: callers catch it before.
class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  ~Status() { TF_DeleteStatus(status_); }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;
  operator TF_Status*() { return status_; }
  void Check() const {
    const TF_Code code = TF_GetCode(status_);
    if (code != TF_OK) throw TensorflowError(code, TF_Message(status_));
  }

 private:
  TF_Status* status_;
};

}  // namespace bit
