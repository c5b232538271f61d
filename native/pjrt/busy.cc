#include "busy.h"

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <system_error>
#include <thread>

#include "plugin.h"

namespace bit_pjrt {
namespace {

std::atomic<int> busy_count{0};

}  // namespace

Busy::Busy() { busy_count++; }
Busy::~Busy() { busy_count--; }

void LeaveAtOnceIfBusy() {
  on_exit(
      [](int status, void*) {
        if (busy_count > 0) _exit(status);
      },
      nullptr);
}

void InBackground(std::function<void()> work) {
  auto busy = std::make_unique<Busy>();
  try {
    std::thread([work = std::move(work), busy = std::move(busy)]() mutable {
      work();
      // Before the token: what the work holds may be freed in the plugin's code.
      work = nullptr;
    }).detach();
  } catch (const std::system_error& error) {
    throw Failure{PJRT_Error_Code_RESOURCE_EXHAUSTED, std::string("no thread: ") + error.what()};
  }
}

}  // namespace bit_pjrt
