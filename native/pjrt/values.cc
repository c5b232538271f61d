#include "values.h"

#include <cmath>

namespace bit_pjrt {

void Ok(napi_status status) {
  if (status != napi_ok)
    throw Failure{PJRT_Error_Code_INVALID_ARGUMENT,
                  "the addon was given a wrong argument: N-API's status " + std::to_string(status)};
}

// In the encoding that `get` gives.
static std::string StringOf(napi_env env, napi_value value, decltype(napi_get_value_string_utf8) get) {
  size_t size = 0;
  Ok(get(env, value, nullptr, 0, &size));
  std::string text(size, '\0');
  Ok(get(env, value, text.data(), size + 1, &size));
  return text;
}

std::string Text(napi_env env, napi_value value) {
  return StringOf(env, value, napi_get_value_string_utf8);
}

std::string BytesOf(napi_env env, napi_value value) {
  return StringOf(env, value, napi_get_value_string_latin1);
}

double Number(napi_env env, napi_value value) {
  double number = 0;
  Ok(napi_get_value_double(env, value, &number));
  return number;
}

std::vector<napi_value> List(napi_env env, napi_value value) {
  uint32_t length = 0;
  Ok(napi_get_array_length(env, value, &length));
  std::vector<napi_value> list(length);
  for (uint32_t i = 0; i < length; i++) Ok(napi_get_element(env, value, i, &list[i]));
  return list;
}

std::vector<int64_t> Integers(napi_env env, napi_value value) {
  std::vector<int64_t> integers;
  for (const napi_value each : List(env, value))
    integers.push_back(static_cast<int64_t>(Number(env, each)));
  return integers;
}

Bytes Memory(napi_env env, napi_value view) {
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  Ok(napi_get_typedarray_info(env, view, &type, &length, &data, nullptr, nullptr));
  if (type != napi_uint8_array) Ok(napi_invalid_arg);
  return {data, length};
}

std::string Copy(napi_env env, napi_value view) {
  const Bytes bytes = Memory(env, view);
  return std::string(static_cast<const char*>(bytes.data), bytes.size);
}

NamedValues::NamedValues(napi_env env, napi_value pairs) {
  for (const napi_value each : List(env, pairs)) {
    const std::vector<napi_value> pair = List(env, each);
    PJRT_NamedValue named{};
    named.struct_size = PJRT_NamedValue_STRUCT_SIZE;
    named.name = texts_.emplace_back(Text(env, pair.at(0))).c_str();
    named.name_size = texts_.back().size();
    named.value_size = 1;
    napi_valuetype type = napi_undefined;
    Ok(napi_typeof(env, pair.at(1), &type));
    if (type == napi_string) {
      named.type = PJRT_NamedValue_kString;
      named.string_value = texts_.emplace_back(Text(env, pair[1])).c_str();
      named.value_size = texts_.back().size();
    } else if (type == napi_boolean) {
      named.type = PJRT_NamedValue_kBool;
      Ok(napi_get_value_bool(env, pair[1], &named.bool_value));
    } else if (type == napi_number) {
      const double number = Number(env, pair[1]);
      if (pair.size() > 2 || number != std::floor(number)) {
        named.type = PJRT_NamedValue_kFloat;
        named.float_value = static_cast<float>(number);
      } else {
        named.type = PJRT_NamedValue_kInt64;
        named.int64_value = static_cast<int64_t>(number);
      }
    } else {
      named.type = PJRT_NamedValue_kInt64List;
      named.int64_array_value = lists_.emplace_back(Integers(env, pair[1])).data();
      named.value_size = lists_.back().size();
    }
    values_.push_back(named);
  }
}

napi_value Of(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  Ok(napi_create_string_utf8(env, text.data(), text.size(), &value));
  return value;
}

napi_value Of(napi_env env, double number) {
  napi_value value = nullptr;
  Ok(napi_create_double(env, number, &value));
  return value;
}

napi_value Of(napi_env env, const std::vector<int64_t>& numbers) {
  std::vector<napi_value> elements;
  for (const int64_t number : numbers) elements.push_back(Of(env, static_cast<double>(number)));
  return Array(env, elements);
}

napi_value View(napi_env env, void* data, size_t size, std::shared_ptr<void> owner) {
  auto held = std::make_unique<std::shared_ptr<void>>(std::move(owner));
  napi_value memory = nullptr, view = nullptr;
  Ok(napi_create_external_arraybuffer(
      env, data, size,
      [](napi_env, void*, void* held) { delete static_cast<std::shared_ptr<void>*>(held); },
      held.get(), &memory));
  held.release();
  Ok(napi_create_typedarray(env, napi_uint8_array, size, memory, 0, &view));
  return view;
}

napi_value Array(napi_env env, const std::vector<napi_value>& elements) {
  napi_value array = nullptr;
  Ok(napi_create_array_with_length(env, elements.size(), &array));
  for (uint32_t i = 0; i < elements.size(); i++) Ok(napi_set_element(env, array, i, elements[i]));
  return array;
}

napi_value Object(napi_env env,
                  const std::vector<std::pair<const char*, napi_value>>& properties) {
  napi_value object = nullptr;
  Ok(napi_create_object(env, &object));
  for (const auto& [name, value] : properties)
    Ok(napi_set_named_property(env, object, name, value));
  return object;
}

}  // namespace bit_pjrt
