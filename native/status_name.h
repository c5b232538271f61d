// The names of status codes, as absl::StatusCode spells them: TensorFlow and PJRT number them alike.
#pragma once
#include <cstddef>

namespace bit {

// Such as RESOURCE_EXHAUSTED; UNKNOWN for a number that is no code.
inline const char* StatusName(int code) {
  static const char* const kNames[] = {"OK",
                                       "CANCELLED",
                                       "UNKNOWN",
                                       "INVALID_ARGUMENT",
                                       "DEADLINE_EXCEEDED",
                                       "NOT_FOUND",
                                       "ALREADY_EXISTS",
                                       "PERMISSION_DENIED",
                                       "RESOURCE_EXHAUSTED",
                                       "FAILED_PRECONDITION",
                                       "ABORTED",
                                       "OUT_OF_RANGE",
                                       "UNIMPLEMENTED",
                                       "INTERNAL",
                                       "UNAVAILABLE",
                                       "DATA_LOSS",
                                       "UNAUTHENTICATED"};
  const bool known = code >= 0 && static_cast<size_t>(code) < sizeof kNames / sizeof *kNames;
  return known ? kNames[code] : "UNKNOWN";
}

}  // namespace bit
