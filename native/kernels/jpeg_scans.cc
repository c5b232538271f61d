#include "jpeg_scans.h"

#include <algorithm>
#include <cstring>

namespace bit {
namespace {

constexpr int kCoefficients = 64;
constexpr int kMostComponents = 4;

// The lowest bit that was sent so far of each coefficient of a component.
struct Component {
  int id = -1;
  int8_t lowest_bit[kCoefficients];
};

class Scans {
 public:
  // SOF's contents after its length: precision, height, width, components of an identifier and two bytes.
  void Frame(const uint8_t* frame, int64_t size, bool progressive) {
    progressive_ = progressive;
    count_ = size < 6 ? 0 : std::min<int>(frame[5], kMostComponents);
    if (size < 6 + 3 * count_) count_ = 0;
    for (int i = 0; i < count_; i++) {
      components_[i].id = frame[6 + 3 * i];
      std::memset(components_[i].lowest_bit, 127, kCoefficients);
    }
  }

  // SOS's: components of an identifier and one byte, first and last coefficient, Ah and Al.
  void Scan(const uint8_t* scan, int64_t size) {
    const int count = size < 1 ? 0 : scan[0];
    if (size < 4 + 2 * count) return;
    const uint8_t* const band = scan + 1 + 2 * count;
    const int first = progressive_ ? band[0] : 0;
    const int last = progressive_ ? std::min<int>(band[1], kCoefficients - 1) : kCoefficients - 1;
    const int bit = progressive_ ? band[2] & 15 : 0;
    for (int i = 0; i < count; i++)
      for (int c = 0; c < count_; c++)
        if (components_[c].id == scan[1 + 2 * i])
          for (int k = first; k <= last; k++)
            components_[c].lowest_bit[k] = static_cast<int8_t>(bit);
  }

  bool Complete() const {
    for (int c = 0; c < count_; c++)
      for (const int8_t bit : components_[c].lowest_bit)
        if (bit != 0) return false;
    return true;
  }

 private:
  Component components_[kMostComponents];
  int count_ = 0;
  bool progressive_ = false;
};

bool IsFrame(uint8_t marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

bool IsProgressive(uint8_t marker) { return marker == 0xc2 || marker == 0xca; }

// Markers without contents: 0 after a byte FF of the data, TEM, RST0 to RST7, SOI.
bool IsAlone(uint8_t marker) {
  return marker == 0 || marker == 1 || (marker >= 0xd0 && marker <= 0xd8);
}

}  // namespace

bool HasAllScans(const uint8_t* jpeg, int64_t size) {
  Scans scans;
  for (int64_t at = 0; at < size;) {
    const void* const found = std::memchr(jpeg + at, 0xff, size - at);
    if (found == nullptr) break;
    at = static_cast<const uint8_t*>(found) - jpeg + 1;
    if (at >= size) break;
    const uint8_t marker = jpeg[at];
    if (marker == 0xff) continue;  // a fill byte
    at++;
    if (marker == 0xd9) break;  // EOI
    if (IsAlone(marker)) continue;
    if (size - at < 2) break;
    const int64_t length = jpeg[at] << 8 | jpeg[at + 1];
    if (length < 2 || length > size - at) break;
    const uint8_t* const contents = jpeg + at + 2;
    if (IsFrame(marker)) scans.Frame(contents, length - 2, IsProgressive(marker));
    if (marker == 0xda) scans.Scan(contents, length - 2);
    at += length;
  }
  return scans.Complete();
}

}  // namespace bit
