// Threads for kernels: TensorFlow's own pool is not within reach of its C API.
#pragma once
#include <cstdint>
#include <functional>

namespace bit {

// Threads that work on one loop at most, the calling one included: TF_NUM_INTRAOP_THREADS, else the
// processors this process may use.
int Parallelism();

// Calls `run` once with each of 0 to count-1, on several threads, and returns when all are done. Not
// ordered; `run` must not throw. Loops of several callers share the threads.
void ParallelFor(int64_t count, const std::function<void(int64_t)>& run);

// On this thread from here on, as on TensorFlow's and on those of loops: values too small to be normal are
// zeros, in what is read and in what is computed.
void FlushSmallValues();

}  // namespace bit
