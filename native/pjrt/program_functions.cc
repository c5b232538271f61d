#include "functions.h"

#include "handle.h"

namespace bit_pjrt {
namespace {

// What a program or an executable is, as long as what is returned with it is held.
std::pair<const Executable*, std::shared_ptr<void>> ExecutableOf(napi_env env, napi_value value) {
  if (HandleOf(env, value).kind == Handle::kExecutable) {
    const auto executable = Target<Executable>(env, value);
    return {executable.get(), executable};
  }
  const auto program = Target<Program>(env, value);
  program->client().CheckOpen();
  using Held = std::pair<std::shared_ptr<Program>, Client::Use>;
  return {program->executable(),
          std::make_shared<Held>(std::piecewise_construct, std::forward_as_tuple(program),
                                 std::forward_as_tuple(program->client().shared_from_this()))};
}

}  // namespace

napi_value CompileAheadOf(napi_env env, const Arguments& a) {
  const auto topology = std::make_shared<NamedValues>(env, a[1]);
  return OnThread(env, [path = Text(env, a[0]), topology, mlir = Text(env, a[2]),
                                  options = Copy(env, a[3])](const Promise& promise) mutable {
    promise.Resolve([executable = CompileAhead(Plugin::Open(path), topology->values(),
                                               std::move(mlir), options)](napi_env env) {
      return Hold(env, executable);
    });
  });
}

napi_value DescribeProgram(napi_env env, const Arguments& a) {
  const auto program = Target<Program>(env, a[0]);
  std::vector<napi_value> outputs;
  for (const OutputType& output : program->outputs())
    outputs.push_back(Object(env, {{"type", Of(env, static_cast<double>(output.type))},
                                   {"shape", Of(env, output.shape)}}));
  return Object(env, {{"devices", Of(env, static_cast<double>(program->device_count()))},
                      {"outputs", Array(env, outputs)}});
}

napi_value MemoryOf(napi_env env, const Arguments& a) {
  const auto [executable, held] = ExecutableOf(env, a[0]);
  const MemoryNeeds needs = executable->Memory();
  const auto number = [&](int64_t bytes) { return Of(env, static_cast<double>(bytes)); };
  return Object(env, {{"arguments", number(needs.arguments)},
                      {"outputs", number(needs.outputs)},
                      {"aliased", number(needs.aliased)},
                      {"temporary", number(needs.temporary)},
                      {"code", number(needs.code)}});
}

napi_value Serialize(napi_env env, const Arguments& a) {
  auto held = ExecutableOf(env, a[0]);
  return OnThread(env, [held = std::move(held)](const Promise& promise) {
    const auto bytes = std::make_shared<std::string>(held.first->Serialize());
    promise.Resolve(
        [bytes](napi_env env) { return View(env, bytes->data(), bytes->size(), bytes); });
  });
}

napi_value Optimized(napi_env env, const Arguments& a) {
  auto held = ExecutableOf(env, a[0]);
  return OnThread(env, [held = std::move(held)](const Promise& promise) {
    const auto program =
        std::make_shared<std::pair<std::string, std::string>>(held.first->Optimized());
    promise.Resolve([program](napi_env env) {
      std::string& code = program->first;
      return Object(env, {{"format", Of(env, program->second)},
                          {"code", View(env, code.data(), code.size(), program)}});
    });
  });
}

napi_value RunProgram(napi_env env, const Arguments& a) {
  const auto program = Target<Program>(env, a[0]);
  Program::Lists lists;
  for (const napi_value list : List(env, a[1])) {
    lists.emplace_back();
    for (const napi_value value : List(env, list)) lists.back().push_back(Target<Buffer>(env, value));
  }
  std::vector<uint32_t> donated;
  for (const int64_t index : Integers(env, a[2])) donated.push_back(static_cast<uint32_t>(index));
  program->client().CheckOpen();
  const Promise promise(env);
  program->client().Enqueue(Settling(promise, [program, lists = std::move(lists),
                                               donated](const Promise& promise) {
    promise.Resolve([outputs = program->Run(lists, donated)](napi_env env) {
      std::vector<napi_value> all;
      for (const auto& list : outputs) {
        std::vector<napi_value> values;
        for (const auto& buffer : list) values.push_back(Hold(env, buffer));
        all.push_back(Array(env, values));
      }
      return Array(env, all);
    });
  }));
  return promise.value();
}

}  // namespace bit_pjrt
