// A compiled program.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "buffer.h"
#include "client.h"

namespace bit_pjrt {

struct OutputType {
  PJRT_Buffer_Type type;
  std::vector<int64_t> shape;
};

struct MemoryNeeds {
  int64_t arguments, outputs, aliased, temporary, code;  // bytes on each device
};

// What a compiler has made, whether or not there is a device for it.
class Executable {
 public:
  // Takes the plugin's executable.
  Executable(const Plugin& plugin, PJRT_Executable* handle) : plugin_(plugin), handle_(handle) {}
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  std::vector<OutputType> Outputs() const;
  MemoryNeeds Memory() const;
  std::string Serialize() const;
  // The program after the compiler's passes, and the name of its format, such as hlo.
  std::pair<std::string, std::string> Optimized() const;

 private:
  const Plugin& plugin_;
  PJRT_Executable* const handle_;
};

// A program that a client can run.
class Program : public Resource {
 public:
  // Takes the plugin's program.
  Program(std::shared_ptr<Client> client, PJRT_LoadedExecutable* handle);
  ~Program() override;
  void Free() override;

  // Null after the client was closed.
  const Executable* executable() const { return executable_.get(); }
  const std::vector<OutputType>& outputs() const { return outputs_; }
  size_t device_count() const { return device_count_; }

  using Lists = std::vector<std::vector<std::shared_ptr<Buffer>>>;

  // Hands the program to its devices, in a job of the queue.
  // `arguments`: one list for each device. Those whose indices `donated` names are consumed; no other is,
  // whatever the program says. Where it throws, those that the devices have not taken yet are as before.
  // Returns the outputs, one list for each device; they carry a failure that comes later.
  Lists Run(const Lists& arguments, const std::vector<uint32_t>& donated) const;

 private:
  PJRT_LoadedExecutable* handle_;
  std::unique_ptr<Executable> executable_;
  std::vector<OutputType> outputs_;
  size_t device_count_ = 0;
};

// Compiles MLIR text; `options` is a CompileOptionsProto. On any thread.
std::shared_ptr<Program> Compile(const std::shared_ptr<Client>& client, std::string mlir,
                                 const std::string& options);

// Loads what Serialize gave; `options` replaces those of its compilation unless it is empty.
std::shared_ptr<Program> Load(const std::shared_ptr<Client>& client, const std::string& serialized,
                              const std::string& options);

// Compiles for devices that need not be there.
std::shared_ptr<Executable> CompileAhead(const Plugin& plugin,
                                         const std::vector<PJRT_NamedValue>& topology,
                                         std::string mlir, const std::string& options);

}  // namespace bit_pjrt
