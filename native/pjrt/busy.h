// What is under way on threads that are not Node's, and the process's end meanwhile.
#pragma once

#include <functional>

namespace bit_pjrt {

// While one exists, a thread of ours or of a plugin's may be in a plugin's code.
class Busy {
 public:
  Busy();
  ~Busy();
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
};

// From here on, a process that ends while something is under way ends at once, with its status: without
// the destructors of libraries whose code still runs. Registered last, it comes first.
void LeaveAtOnceIfBusy();

// Runs `work` on a thread of its own. A thread of Node's pool would not do: the process's end waits for
// those, and a program may compile for a minute. Throws Failure where there is no thread to be had.
void InBackground(std::function<void()> work);

}  // namespace bit_pjrt
