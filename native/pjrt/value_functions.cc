#include "functions.h"

#include "handle.h"

namespace bit_pjrt {

napi_value PutValue(napi_env env, const Arguments& a) {
  const auto client = Target<Client>(env, a[0]);
  PJRT_Device* const device = client->devices().at(static_cast<size_t>(Number(env, a[1])));
  HostArray array{Memory(env, a[5]).data, static_cast<PJRT_Buffer_Type>(Number(env, a[2])),
                  Integers(env, a[3]), Integers(env, a[4])};
  client->CheckOpen();
  const Promise promise(env);
  napi_ref view = nullptr;
  Ok(napi_create_reference(env, a[5], 1, &view));
  client->Enqueue([client, device, array = std::move(array), promise, view] {
    // Where Node's thread has ended, the bytes are gone and nobody waits.
    if (!promise.loop().BeginUse()) return;
    Put(client, device, array,
        [promise, view](std::shared_ptr<Buffer> buffer, std::optional<Failure> failure) {
          promise.loop().EndUse();
          promise.Resolve([view, buffer, failure](napi_env env) {
            napi_delete_reference(env, view);
            if (failure) throw *failure;
            return Hold(env, buffer);
          });
        });
  });
  return promise.value();
}

napi_value ReadValue(napi_env env, const Arguments& a) {
  const auto buffer = Target<Buffer>(env, a[0]);
  buffer->client().CheckOpen();
  const Promise promise(env);
  buffer->client().Enqueue(Settling(
      promise, [buffer, order = Integers(env, a[1]),
                size = static_cast<size_t>(Number(env, a[2]))](const Promise& promise) {
        const std::shared_ptr<char[]> bytes(new char[size]);
        Read(*buffer, order, bytes.get(), size,
             [bytes, size, promise](std::optional<Failure> failure) {
               promise.Resolve([bytes, size, failure](napi_env env) {
                 if (failure) throw *failure;
                 return View(env, bytes.get(), size, bytes);
               });
             });
      }));
  return promise.value();
}

napi_value IsGone(napi_env env, const Arguments& a) {
  napi_value value = nullptr;
  Ok(napi_get_boolean(env, Target<Buffer>(env, a[0])->handle() == nullptr, &value));
  return value;
}

}  // namespace bit_pjrt
