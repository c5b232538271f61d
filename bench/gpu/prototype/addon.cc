// addon.cc: prototype N-API addon over the PJRT C API. open(plugin, {options}) -> client; compile(client, text,
// options) -> executable; put(client, device, type, dims, typed array) -> buffer; execute(executable, [[buffers per
// device]...], numOutputs, donatedCount) -> [[buffers]...]; get(buffer, typed array) fills it; drop(buffer).
#include <dlfcn.h>
#include <node_api.h>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>
#include "pjrt_c_api.h"
namespace {
const PJRT_Api* api;
#define ARGS(T, name) T name; memset(&name, 0, sizeof name); name.struct_size = T##_STRUCT_SIZE
void check(PJRT_Error* e) {
  if (!e) return;
  ARGS(PJRT_Error_Message_Args, m); m.error = e; api->PJRT_Error_Message(&m);
  std::string s(m.message, m.message_size);
  ARGS(PJRT_Error_Destroy_Args, d); d.error = e; api->PJRT_Error_Destroy(&d);
  throw std::runtime_error(s);
}
void await(PJRT_Event* event) {
  if (!event) return;
  ARGS(PJRT_Event_Await_Args, a); a.event = event; PJRT_Error* e = api->PJRT_Event_Await(&a);
  ARGS(PJRT_Event_Destroy_Args, d); d.event = event; api->PJRT_Event_Destroy(&d);
  check(e);
}
napi_value external(napi_env env, void* p) { napi_value v; napi_create_external(env, p, nullptr, nullptr, &v); return v; }
template <class T> T* pointer(napi_env env, napi_value v) { void* p = nullptr; napi_get_value_external(env, v, &p); return static_cast<T*>(p); }
std::string text(napi_env env, napi_value v) { size_t n; napi_get_value_string_utf8(env, v, nullptr, 0, &n); std::string s(n, 0); napi_get_value_string_utf8(env, v, s.data(), n + 1, &n); return s; }
uint32_t length(napi_env env, napi_value v) { uint32_t n = 0; napi_get_array_length(env, v, &n); return n; }
napi_value at(napi_env env, napi_value v, uint32_t i) { napi_value e; napi_get_element(env, v, i, &e); return e; }
struct Bytes { void* data; size_t size; };
Bytes bytes(napi_env env, napi_value v) {
  napi_typedarray_type t; size_t n, off; void* data; napi_value ab;
  napi_get_typedarray_info(env, v, &t, &n, &data, &ab, &off);
  static const size_t width[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  return {data, n * width[t]};
}
using Body = napi_value (*)(napi_env, napi_value*);
template <Body body> napi_value call(napi_env env, napi_callback_info info) {
  size_t n = 8; napi_value argv[8]; napi_get_cb_info(env, info, &n, argv, nullptr, nullptr);
  try { return body(env, argv); } catch (const std::exception& e) { napi_throw_error(env, nullptr, e.what()); return nullptr; }
}
napi_value open(napi_env env, napi_value* v) {
  void* h = dlopen(text(env, v[0]).c_str(), RTLD_NOW | RTLD_LOCAL); if (!h) throw std::runtime_error(dlerror());
  auto get = reinterpret_cast<const PJRT_Api* (*)()>(dlsym(h, "GetPjrtApi")); if (!get) throw std::runtime_error("no GetPjrtApi");
  api = get();
  ARGS(PJRT_Plugin_Initialize_Args, i); check(api->PJRT_Plugin_Initialize(&i));
  // options: [[name, number | string | boolean]...]
  std::vector<PJRT_NamedValue> options; std::vector<std::string> keep; keep.reserve(64);
  for (uint32_t k = 0; k < length(env, v[1]); k++) {
    napi_value pair = at(env, v[1], k), value = at(env, pair, 1); keep.push_back(text(env, at(env, pair, 0)));
    PJRT_NamedValue o; memset(&o, 0, sizeof o); o.struct_size = PJRT_NamedValue_STRUCT_SIZE; o.name = keep.back().c_str(); o.name_size = keep.back().size(); o.value_size = 1;
    napi_valuetype t; napi_typeof(env, value, &t);
    if (t == napi_number) { double d; napi_get_value_double(env, value, &d); if (d == (double)(int64_t)d) { o.type = PJRT_NamedValue_kInt64; o.int64_value = (int64_t)d; } else { o.type = PJRT_NamedValue_kFloat; o.float_value = (float)d; } }
    else if (t == napi_boolean) { bool b; napi_get_value_bool(env, value, &b); o.type = PJRT_NamedValue_kBool; o.bool_value = b; }
    else { keep.push_back(text(env, value)); o.type = PJRT_NamedValue_kString; o.string_value = keep.back().c_str(); o.value_size = keep.back().size(); }
    options.push_back(o);
  }
  ARGS(PJRT_Client_Create_Args, c); c.create_options = options.data(); c.num_options = options.size(); check(api->PJRT_Client_Create(&c));
  return external(env, c.client);
}
napi_value describe(napi_env env, napi_value* v) {
  ARGS(PJRT_Client_PlatformName_Args, p); p.client = pointer<PJRT_Client>(env, v[0]); check(api->PJRT_Client_PlatformName(&p));
  ARGS(PJRT_Client_PlatformVersion_Args, pv); pv.client = p.client; check(api->PJRT_Client_PlatformVersion(&pv));
  ARGS(PJRT_Client_AddressableDevices_Args, d); d.client = p.client; check(api->PJRT_Client_AddressableDevices(&d));
  std::string s = std::string(p.platform_name, p.platform_name_size) + " | " + std::string(pv.platform_version, pv.platform_version_size) + " | " + std::to_string(d.num_addressable_devices) + " devices | API " + std::to_string(api->pjrt_api_version.major_version) + "." + std::to_string(api->pjrt_api_version.minor_version);
  napi_value r; napi_create_string_utf8(env, s.data(), s.size(), &r); return r;
}
napi_value compile(napi_env env, napi_value* v) {
  std::string code = text(env, v[1]); Bytes o = bytes(env, v[2]);
  ARGS(PJRT_Program, p); p.code = code.data(); p.code_size = code.size(); p.format = "mlir"; p.format_size = 4;
  ARGS(PJRT_Client_Compile_Args, a); a.client = pointer<PJRT_Client>(env, v[0]); a.program = &p; a.compile_options = (const char*)o.data; a.compile_options_size = o.size;
  check(api->PJRT_Client_Compile(&a));
  return external(env, a.executable);
}
napi_value memory(napi_env env, napi_value* v) {
  ARGS(PJRT_LoadedExecutable_GetExecutable_Args, g); g.loaded_executable = pointer<PJRT_LoadedExecutable>(env, v[0]); check(api->PJRT_LoadedExecutable_GetExecutable(&g));
  ARGS(PJRT_Executable_GetCompiledMemoryStats_Args, m); m.executable = g.executable; check(api->PJRT_Executable_GetCompiledMemoryStats(&m));
  napi_value r, x; napi_create_object(env, &r);
  auto set = [&](const char* k, double d) { napi_create_double(env, d, &x); napi_set_named_property(env, r, k, x); };
  set("arguments", m.argument_size_in_bytes); set("outputs", m.output_size_in_bytes); set("alias", m.alias_size_in_bytes); set("temp", m.temp_size_in_bytes); set("code", m.generated_code_size_in_bytes);
  return r;
}
napi_value put(napi_env env, napi_value* v) {
  ARGS(PJRT_Client_AddressableDevices_Args, d); d.client = pointer<PJRT_Client>(env, v[0]); check(api->PJRT_Client_AddressableDevices(&d));
  uint32_t device, type; napi_get_value_uint32(env, v[1], &device); napi_get_value_uint32(env, v[2], &type);
  std::vector<int64_t> dims; for (uint32_t i = 0; i < length(env, v[3]); i++) { int64_t x; napi_get_value_int64(env, at(env, v[3], i), &x); dims.push_back(x); }
  ARGS(PJRT_Client_BufferFromHostBuffer_Args, a); a.client = d.client; a.data = bytes(env, v[4]).data; a.type = (PJRT_Buffer_Type)type; a.dims = dims.data(); a.num_dims = dims.size();
  a.host_buffer_semantics = PJRT_HostBufferSemantics_kImmutableOnlyDuringCall; a.device = d.addressable_devices[device];
  check(api->PJRT_Client_BufferFromHostBuffer(&a)); await(a.done_with_host_buffer);
  return external(env, a.buffer);
}
napi_value drop(napi_env env, napi_value* v) { ARGS(PJRT_Buffer_Destroy_Args, a); a.buffer = pointer<PJRT_Buffer>(env, v[0]); check(api->PJRT_Buffer_Destroy(&a)); return nullptr; }
napi_value get(napi_env env, napi_value* v) {
  Bytes b = bytes(env, v[1]); ARGS(PJRT_Buffer_ToHostBuffer_Args, a); a.src = pointer<PJRT_Buffer>(env, v[0]); a.dst = b.data; a.dst_size = b.size;
  check(api->PJRT_Buffer_ToHostBuffer(&a)); await(a.event); return nullptr;
}
napi_value execute(napi_env env, napi_value* v) {
  uint32_t devices = length(env, v[1]), outputs, donated; napi_get_value_uint32(env, v[2], &outputs); napi_get_value_uint32(env, v[3], &donated);
  std::vector<std::vector<PJRT_Buffer*>> in(devices), out(devices, std::vector<PJRT_Buffer*>(outputs)); std::vector<PJRT_Buffer* const*> inp; std::vector<PJRT_Buffer**> outp;
  for (uint32_t k = 0; k < devices; k++) { napi_value list = at(env, v[1], k); for (uint32_t i = 0; i < length(env, list); i++) in[k].push_back(pointer<PJRT_Buffer>(env, at(env, list, i))); }
  for (uint32_t k = 0; k < devices; k++) { inp.push_back(in[k].data()); outp.push_back(out[k].data()); }
  ARGS(PJRT_ExecuteOptions, o);
  ARGS(PJRT_LoadedExecutable_Execute_Args, a); a.executable = pointer<PJRT_LoadedExecutable>(env, v[0]); a.options = &o; a.argument_lists = inp.data(); a.num_devices = devices; a.num_args = in[0].size(); a.output_lists = outp.data();
  std::vector<PJRT_Event*> events(devices); a.device_complete_events = events.data();
  check(api->PJRT_LoadedExecutable_Execute(&a));
  for (auto e : events) { ARGS(PJRT_Event_Destroy_Args, d); d.event = e; api->PJRT_Event_Destroy(&d); }
  for (auto& list : in) for (uint32_t i = 0; i < donated; i++) { ARGS(PJRT_Buffer_Destroy_Args, d); d.buffer = list[i]; api->PJRT_Buffer_Destroy(&d); }
  napi_value r; napi_create_array(env, &r);
  for (uint32_t k = 0; k < devices; k++) { napi_value list; napi_create_array(env, &list); for (uint32_t i = 0; i < outputs; i++) napi_set_element(env, list, i, external(env, out[k][i])); napi_set_element(env, r, k, list); }
  return r;
}
napi_value copied(napi_env env, const char* data, size_t size) { void* to; napi_value b; napi_create_buffer_copy(env, size, data, &to, &b); return b; }
napi_value serialize(napi_env env, napi_value* v) {
  ARGS(PJRT_LoadedExecutable_GetExecutable_Args, g); g.loaded_executable = pointer<PJRT_LoadedExecutable>(env, v[0]); check(api->PJRT_LoadedExecutable_GetExecutable(&g));
  ARGS(PJRT_Executable_Serialize_Args, s); s.executable = g.executable; check(api->PJRT_Executable_Serialize(&s));
  napi_value r = copied(env, s.serialized_bytes, s.serialized_bytes_size); s.serialized_executable_deleter(s.serialized_executable); return r;
}
napi_value load(napi_env env, napi_value* v) {
  Bytes b = bytes(env, v[1]); ARGS(PJRT_Executable_DeserializeAndLoad_Args, a); a.client = pointer<PJRT_Client>(env, v[0]); a.serialized_executable = (const char*)b.data; a.serialized_executable_size = b.size;
  check(api->PJRT_Executable_DeserializeAndLoad(&a)); return external(env, a.loaded_executable);
}
napi_value ahead(napi_env env, napi_value* v) {
  void* h = dlopen(text(env, v[0]).c_str(), RTLD_NOW | RTLD_LOCAL); if (!h) throw std::runtime_error(dlerror());
  api = reinterpret_cast<const PJRT_Api* (*)()>(dlsym(h, "GetPjrtApi"))();
  ARGS(PJRT_Plugin_Initialize_Args, i); check(api->PJRT_Plugin_Initialize(&i));
  std::string config = text(env, v[1]), code = text(env, v[2]); Bytes options = bytes(env, v[3]);
  PJRT_NamedValue o[2]; memset(o, 0, sizeof o); o[0].struct_size = o[1].struct_size = PJRT_NamedValue_STRUCT_SIZE;
  o[0].name = "target_config"; o[0].name_size = 13; o[0].type = PJRT_NamedValue_kString; o[0].string_value = config.c_str(); o[0].value_size = config.size();
  o[1].name = "topology"; o[1].name_size = 8; o[1].type = PJRT_NamedValue_kString; o[1].string_value = "1x1x1"; o[1].value_size = 5;
  ARGS(PJRT_TopologyDescription_Create_Args, t); t.topology_name = ""; t.create_options = o; t.num_options = 2; check(api->PJRT_TopologyDescription_Create(&t));
  ARGS(PJRT_Program, p); p.code = code.data(); p.code_size = code.size(); p.format = "mlir"; p.format_size = 4;
  ARGS(PJRT_Compile_Args, a); a.topology = t.topology; a.program = &p; a.compile_options = (const char*)options.data; a.compile_options_size = options.size; check(api->PJRT_Compile(&a));
  ARGS(PJRT_Executable_GetCompiledMemoryStats_Args, m); m.executable = a.executable; check(api->PJRT_Executable_GetCompiledMemoryStats(&m));
  napi_value r, x; napi_create_object(env, &r);
  auto set = [&](const char* k, double d) { napi_create_double(env, d, &x); napi_set_named_property(env, r, k, x); };
  set("arguments", m.argument_size_in_bytes); set("outputs", m.output_size_in_bytes); set("alias", m.alias_size_in_bytes); set("temp", m.temp_size_in_bytes); set("code", m.generated_code_size_in_bytes);
  return r;
}
napi_value init(napi_env env, napi_value exports) {
  auto def = [&](const char* n, napi_callback f) { napi_value x; napi_create_function(env, n, NAPI_AUTO_LENGTH, f, nullptr, &x); napi_set_named_property(env, exports, n, x); };
  def("open", call<open>); def("describe", call<describe>); def("compile", call<compile>); def("memory", call<memory>); def("put", call<put>); def("get", call<get>); def("drop", call<drop>); def("execute", call<execute>); def("serialize", call<serialize>); def("load", call<load>); def("ahead", call<ahead>);
  return exports;
}
}  // namespace
NAPI_MODULE(pjrt, init)
