#include "buffer.h"

#include <utility>

namespace bit_pjrt {

Buffer::Buffer(std::shared_ptr<Client> client, PJRT_Buffer* handle)
    : Resource(std::move(client)), handle_(handle) {
  Register();
}

Buffer::~Buffer() { Unregister(); }

void Buffer::Free() {
  if (handle_ == nullptr) return;
  BIT_PJRT_ARGS(PJRT_Buffer_Destroy, args);
  args.buffer = std::exchange(handle_, nullptr);
  try {
    BIT_PJRT_CALL(plugin(), PJRT_Buffer_Destroy, args);
  } catch (const Failure&) {
    // Nobody can do anything about it.
  }
}

void Put(const std::shared_ptr<Client>& client, PJRT_Device* device, const HostArray& array,
         std::function<void(std::shared_ptr<Buffer>, std::optional<Failure>)> done) {
  BIT_PJRT_ARGS(PJRT_Client_BufferFromHostBuffer, args);
  args.client = client->handle();
  args.data = array.data;
  args.type = array.type;
  args.dims = array.shape.data();
  args.num_dims = array.shape.size();
  args.byte_strides = array.strides.data();
  args.num_byte_strides = array.strides.size();
  args.host_buffer_semantics = PJRT_HostBufferSemantics_kImmutableUntilTransferCompletes;
  args.device = device;
  try {
    BIT_PJRT_CALL(client->plugin(), PJRT_Client_BufferFromHostBuffer, args);
  } catch (const Failure& failure) {
    return done(nullptr, failure);
  }
  auto use = std::make_shared<Client::Use>(client);
  auto buffer = std::make_shared<Buffer>(client, args.buffer);
  WhenReady(client->plugin(), args.done_with_host_buffer,
            [use, buffer, done = std::move(done)](std::optional<Failure> failure) {
              done(failure ? nullptr : buffer, failure);
            });
}

void Read(const Buffer& buffer, const std::vector<int64_t>& minor_to_major, void* destination,
          size_t size, std::function<void(std::optional<Failure>)> done) {
  if (buffer.handle() == nullptr)
    return done(Failure{PJRT_Error_Code_FAILED_PRECONDITION, "the value was donated or dropped"});
  PJRT_Buffer_MemoryLayout layout{};
  layout.struct_size = PJRT_Buffer_MemoryLayout_STRUCT_SIZE;
  layout.type = PJRT_Buffer_MemoryLayout_Type_Tiled;
  layout.tiled.struct_size = PJRT_Buffer_MemoryLayout_Tiled_STRUCT_SIZE;
  layout.tiled.minor_to_major = minor_to_major.data();
  layout.tiled.minor_to_major_size = minor_to_major.size();
  BIT_PJRT_ARGS(PJRT_Buffer_ToHostBuffer, args);
  args.src = buffer.handle();
  args.host_layout = &layout;
  args.dst = destination;
  args.dst_size = size;
  try {
    BIT_PJRT_CALL(buffer.plugin(), PJRT_Buffer_ToHostBuffer, args);
  } catch (const Failure& failure) {
    return done(failure);
  }
  auto use = std::make_shared<Client::Use>(buffer.client().shared_from_this());
  WhenReady(buffer.plugin(), args.event,
            [use, done = std::move(done)](std::optional<Failure> failure) { done(failure); });
}

}  // namespace bit_pjrt
