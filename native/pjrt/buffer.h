// A value on a device.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "client.h"

namespace bit_pjrt {

class Buffer : public Resource {
 public:
  // Takes the plugin's buffer.
  Buffer(std::shared_ptr<Client> client, PJRT_Buffer* handle);
  ~Buffer() override;
  void Free() override;

  // Null after a program has taken it. Only in jobs of the queue, or when none that could take it is left.
  PJRT_Buffer* handle() const { return handle_; }

 private:
  PJRT_Buffer* handle_;
};

// A value in the host's memory: a dense array of any order of dimensions.
struct HostArray {
  const void* data;
  PJRT_Buffer_Type type;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in bytes, of each dimension; empty where row-major
};

// Copies a value to a device, in a job of the queue. `done` is called once the host's memory is free again,
// from any thread, with the buffer or the failure.
void Put(const std::shared_ptr<Client>& client, PJRT_Device* device, const HostArray& array,
         std::function<void(std::shared_ptr<Buffer>, std::optional<Failure>)> done);

// Copies a value to the host, in a job of the queue; `done` is called when all of it has come. The value's
// dimensions are written in the order `minor_to_major`.
void Read(const Buffer& buffer, const std::vector<int64_t>& minor_to_major, void* destination,
          size_t size, std::function<void(std::optional<Failure>)> done);

}  // namespace bit_pjrt
