// Reads the values of an array from a file straight into a tensor. Through JavaScript they would be
// copied once more on the way, by one thread.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "parallel.h"
#include "registration.h"
#include "tf_kernel.h"

namespace bit {
namespace {

// What a thread reads at a time, and what of it at once: that is still in the cache when its CRC-32
// is taken.
constexpr int64_t kPieceBytes = 4 << 20;
constexpr int64_t kChunkBytes = 256 << 10;

// CRC-32 as in ZIP: polynomial 0x04C11DB7, bits reflected, the register inverted before and after.
constexpr uint32_t kPolynomial = 0xedb88320;

// Table k is for a byte that k others follow: eight bytes are looked up at a time ("slicing by 8").
using CrcTables = std::array<std::array<uint32_t, 256>, 8>;

CrcTables MakeTables() {
  CrcTables tables;
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t rest = byte;
    for (int bit = 0; bit < 8; bit++) rest = (rest >> 1) ^ (rest & 1 ? kPolynomial : 0);
    tables[0][byte] = rest;
  }
  for (int k = 1; k < 8; k++)
    for (int byte = 0; byte < 256; byte++)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
  return tables;
}

// The register after `size` more bytes.
uint32_t UpdateByTable(uint32_t crc, const uint8_t* bytes, int64_t size) {
  static const CrcTables tables = MakeTables();
  for (; size >= 8; bytes += 8, size -= 8) {
    uint32_t low, high;
    std::memcpy(&low, bytes, 4);
    std::memcpy(&high, bytes + 4, 4);
    low ^= crc;
    crc = 0;
    for (int k = 0; k < 4; k++) {
      crc ^= tables[7 - k][(low >> (8 * k)) & 0xff];
      crc ^= tables[3 - k][(high >> (8 * k)) & 0xff];
    }
  }
  for (; size > 0; bytes++, size--) crc = (crc >> 8) ^ tables[0][(crc ^ *bytes) & 0xff];
  return crc;
}

#if defined(__x86_64__)
#define BIT_FOLDS __attribute__((target("sse2,pclmul")))

BIT_FOLDS inline __m128i Load(const uint8_t* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

BIT_FOLDS inline __m128i Fold(__m128i x, __m128i by, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(x, by, 0x00);
  const __m128i high = _mm_clmulepi64_si128(x, by, 0x11);
  return _mm_xor_si128(next, _mm_xor_si128(low, high));
}

// The same for a multiple of 64 bytes, 64 at a time by carry-less multiplication.
// Source: V. Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ (Intel,
// 2009), for its folding; what is left of it, 16 bytes, goes through the table.
BIT_FOLDS uint32_t UpdateByFolding(uint32_t crc, const uint8_t* bytes, int64_t size) {
  if (size < 64) return crc;
  // x^(512+-32) and x^(128+-32) modulo the polynomial, reflected.
  const __m128i by_64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i by_16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  __m128i a = _mm_xor_si128(Load(bytes), _mm_cvtsi32_si128(static_cast<int>(crc)));
  __m128i b = Load(bytes + 16), c = Load(bytes + 32), d = Load(bytes + 48);
  for (size -= 64; size >= 64; size -= 64) {
    bytes += 64;
    a = Fold(a, by_64, Load(bytes));
    b = Fold(b, by_64, Load(bytes + 16));
    c = Fold(c, by_64, Load(bytes + 32));
    d = Fold(d, by_64, Load(bytes + 48));
  }
  a = Fold(Fold(Fold(a, by_16, b), by_16, c), by_16, d);
  uint8_t left[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(left), a);
  return UpdateByTable(0, left, sizeof left);
}
#undef BIT_FOLDS
#endif

// CRC-32 of more bytes, continued from that of those before.
uint32_t Crc32(uint32_t previous, const uint8_t* bytes, int64_t size) {
  uint32_t crc = ~previous;
  int64_t done = 0;
#if defined(__x86_64__)
  static const bool folds = __builtin_cpu_supports("pclmul");
  if (folds) {
    done = size - size % 64;
    crc = UpdateByFolding(crc, bytes, done);
  }
#endif
  return ~UpdateByTable(crc, bytes + done, size - done);
}

// The product of two polynomials modulo that of the CRC. The highest bit stands for x^0.
uint32_t Multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = (b >> 1) ^ (b & 1 ? kPolynomial : 0);
  }
  return product;
}

// CRC-32 of what has `first`, followed by `bytes` bytes that have `second`.
// Source: crc32_combine of zlib 1.2.12.
uint32_t Joined(uint32_t first, uint32_t second, int64_t bytes) {
  uint32_t power = 1u << 31;
  for (uint32_t square = 1u << 23; bytes > 0; bytes >>= 1) {  // x^8, a byte
    if (bytes & 1) power = Multiply(power, square);
    square = Multiply(square, square);
  }
  return Multiply(power, first) ^ second;
}

// Throws where the file ends or cannot be read.
void ReadAt(int descriptor, int64_t position, uint8_t* bytes, int64_t size) {
  while (size > 0) {
    const ssize_t got = pread(descriptor, bytes, size, position);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::runtime_error(std::strerror(errno));
    if (got == 0) throw std::runtime_error("the file ends at byte " + std::to_string(position));
    bytes += got;
    position += got;
    size -= got;
  }
}

// What a row of `places` holds.
enum Place { kDescriptor, kPosition, kPreviousCrc, kExpectedCrc, kPlaceSize };

// Whether all of these bytes, float32, are finite numbers: others have an exponent of ones.
bool AllFinite(const uint8_t* bytes, int64_t size) {
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t others = 0;
  for (int64_t at = 0; at < size; at += 4) {
    uint32_t bits;
    std::memcpy(&bits, bytes + at, 4);
    others |= (bits & kExponent) == kExponent;
  }
  return others == 0;
}

// float32 of the shape `dims`, read from the place that row `row` of int64 [n, 4] tells: the file
// behind an open descriptor, where they lie from a position on as the machine has them. Where the
// expected CRC-32 is not negative, that of the bytes must be it, continued from the previous one.
// Values that are infinite or no numbers are an error.
class ReadArray {
 public:
  explicit ReadArray(TF_OpKernelConstruction* construction) {
    row_ = IntAttr(construction, "row");
    Status status;
    int32_t rank = 0, ignored = 0;
    TF_OpKernelConstruction_GetAttrSize(construction, "dims", &rank, &ignored, status);
    status.Check();
    dims_.resize(std::max(rank, 0));
    if (dims_.empty()) return;
    TF_OpKernelConstruction_GetAttrInt64List(construction, "dims", dims_.data(), rank, status);
    status.Check();
  }

  void Compute(TF_OpKernelContext* context) const {
    const Tensor places(Input(context, 0));
    if (places.rank() != 2 || places.dim(1) != kPlaceSize || row_ < 0 || row_ >= places.dim(0))
      throw std::runtime_error("places must be [n, 4], with a row for each array");
    const int64_t* place = places.data<int64_t>() + row_ * kPlaceSize;
    const bool check = place[kExpectedCrc] >= 0;
    const Tensor values(OwnOutput(context));
    uint8_t* bytes = values.data<uint8_t>();
    const int64_t size = 4 * values.size();

    const int64_t pieces = (size + kPieceBytes - 1) / kPieceBytes;
    std::vector<uint32_t> crcs(pieces);
    std::mutex mutex;
    std::string problem;
    ParallelFor(pieces, [&](int64_t i) {
      try {
        const int64_t end = std::min(size, (i + 1) * kPieceBytes);
        for (int64_t at = i * kPieceBytes; at < end; at += kChunkBytes) {
          const int64_t length = std::min(kChunkBytes, end - at);
          ReadAt(static_cast<int>(place[kDescriptor]), place[kPosition] + at, bytes + at, length);
          if (check) crcs[i] = Crc32(crcs[i], bytes + at, length);
          if (!AllFinite(bytes + at, length)) throw std::runtime_error("a value is not finite");
        }
      } catch (const std::exception& error) {
        const std::lock_guard<std::mutex> lock(mutex);
        problem = error.what();
      }
    });
    if (!problem.empty()) throw std::runtime_error(problem);
    if (!check) return;
    uint32_t crc = static_cast<uint32_t>(place[kPreviousCrc]);
    for (int64_t i = 0; i < pieces; i++)
      crc = Joined(crc, crcs[i], std::min(kPieceBytes, size - i * kPieceBytes));
    if (crc != static_cast<uint32_t>(place[kExpectedCrc]))
      throw std::runtime_error("its CRC-32 does not match");
  }

 private:
  // Memory from the system, which the variable will keep. TensorFlow's pool would double itself to
  // hold a large model, and writes a number down for each 256 bytes of it: up to a sixteenth of the
  // model's size.
  TF_Tensor* OwnOutput(TF_OpKernelContext* context) const {
    size_t bytes = 4;
    for (const int64_t dim : dims_) bytes *= dim;
    void* memory = nullptr;
    // TensorFlow copies what is less aligned.
    if (posix_memalign(&memory, 64, std::max<size_t>(bytes, 64)) != 0)
      throw std::runtime_error("OOM when allocating " + std::to_string(bytes) + " bytes");
    TF_Tensor* tensor = TF_NewTensor(
        TF_FLOAT, dims_.data(), static_cast<int>(dims_.size()), memory, bytes,
        [](void* data, size_t, void*) { std::free(data); }, nullptr);
    Status status;
    TF_SetOutput(context, 0, tensor, status);
    if (TF_GetCode(status) != TF_OK) TF_DeleteTensor(tensor);
    status.Check();
    return tensor;
  }

  int64_t row_;
  std::vector<int64_t> dims_;
};

}  // namespace

void RegisterReadArray() {
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder("BitReadArray");
  TF_OpDefinitionBuilderAddAttr(builder, "dims: list(int)");
  TF_OpDefinitionBuilderAddAttr(builder, "row: int");
  TF_OpDefinitionBuilderAddInput(builder, "places: int64");
  TF_OpDefinitionBuilderAddOutput(builder, "output: float");
  // With a state, that of the file: TensorFlow must not take one result for another.
  TF_OpDefinitionBuilderSetIsStateful(builder, true);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, InferNothing);
  Status status;
  TF_RegisterOpDefinition(builder, status);
  status.Check();
  DefineKernel<ReadArray>("BitReadArray", nullptr, TF_FLOAT);
}

}  // namespace bit
