#pragma once
#include <cstdint>

namespace bit {

// Whether a JPEG's scans hold all of its image: every component, and of a progressive one every
// coefficient to its last bit (ITU-T T.81, section G.1.1). libjpeg takes what is not there for zeros. The
// data must be such that libjpeg decodes them.
bool HasAllScans(const uint8_t* jpeg, int64_t size);

}  // namespace bit
