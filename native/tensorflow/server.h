// A TensorFlow server of this process, through which its sessions reach those of other processes.
// Nothing here knows JavaScript.
// Source: tensorflow/c/c_api.h.
#pragma once
#include <cstddef>
#include <string>

namespace bit {

// Starts a server by a ServerDef and returns what a session's target is to be. TensorFlow has it listen
// at every address of the machine; what is sent to another one than `address` the kernel drops here.
// A server cannot be stopped: it ends with the process.
// `address`: IPv4, of this machine. Throws TensorflowError.
std::string StartServer(const void* server_def, size_t bytes, int port, const std::string& address);

}  // namespace bit
