// A client: a plugin's devices, and what lies on them.
//
// What is asked of the devices (put, run, read) goes through one queue and is done in its order, on a
// thread of the client's own: handing a large program to a GPU takes milliseconds, and a CPU may compute
// all of it within the call. The thread ends, and the plugin's client is freed, when the client is closed
// and all that was asked before is over.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "busy.h"
#include "key_values.h"
#include "plugin.h"

namespace bit_pjrt {

class Client;

// What lives in a client, and is freed at the latest when it is closed.
class Resource {
 public:
  explicit Resource(std::shared_ptr<Client> client);
  virtual ~Resource() = default;
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;

  Client& client() const { return *client_; }
  const Plugin& plugin() const;

  // Frees it in the plugin, and may be called again. Those who use it hold it, so nobody does any longer.
  virtual void Free() = 0;

 protected:
  // The last thing that a constructor does, and the first of a destructor.
  void Register();
  void Unregister();

 private:
  const std::shared_ptr<Client> client_;
};

class Client : public std::enable_shared_from_this<Client> {
 public:
  // `key_values` is what a client of several processes reaches the others by; null for one by itself.
  static std::shared_ptr<Client> Open(const Plugin& plugin,
                                      const std::vector<PJRT_NamedValue>& options,
                                      std::shared_ptr<KeyValues> key_values = nullptr);

  const Plugin& plugin() const { return plugin_; }
  PJRT_Client* handle() const { return handle_; }
  const std::vector<PJRT_Device*>& devices() const { return devices_; }

  // Appends to the queue; throws Failure where the client is closed.
  void Enqueue(std::function<void()> job);

  // Nothing that is asked from here on is done; what was asked before is. Returns at once.
  void Close();

  // Throws Failure where the client is closed.
  void CheckOpen();

  // Work in the plugin outside the queue, or that goes on after its call: while one exists, the client is
  // not freed. To be made in a job of the queue, or after CheckOpen on the thread that closes.
  class Use {
   public:
    explicit Use(std::shared_ptr<Client> client);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    const std::shared_ptr<Client> client_;
    const Busy busy_;
  };

 private:
  friend class Resource;

  explicit Client(const Plugin& plugin) : plugin_(plugin) {}
  void RunJobs();
  void FreeAll();

  const Plugin& plugin_;
  // The plugin's client asks it until it is freed.
  std::shared_ptr<KeyValues> key_values_;
  PJRT_Client* handle_ = nullptr;
  std::vector<PJRT_Device*> devices_;

  struct Job {
    std::function<void()> run;
    std::unique_ptr<Busy> busy;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool closed_ = false;
  int uses_ = 0;
  std::set<Resource*> resources_;
};

}  // namespace bit_pjrt
