#include "client.h"

#include <system_error>
#include <thread>

namespace bit_pjrt {

static Failure Closed() {
  return {PJRT_Error_Code_FAILED_PRECONDITION, "the client is closed"};
}

Resource::Resource(std::shared_ptr<Client> client) : client_(std::move(client)) {}

const Plugin& Resource::plugin() const { return client_->plugin(); }

void Resource::Register() {
  const std::lock_guard<std::mutex> lock(client_->mutex_);
  client_->resources_.insert(this);
}

void Resource::Unregister() {
  // Freed outside the lock, and nevertheless before the client.
  const Client::Use use(client_);
  {
    const std::lock_guard<std::mutex> lock(client_->mutex_);
    if (client_->resources_.erase(this) == 0) return;
  }
  Free();
}

std::shared_ptr<Client> Client::Open(const Plugin& plugin,
                                     const std::vector<PJRT_NamedValue>& options,
                                     std::shared_ptr<KeyValues> key_values) {
  std::shared_ptr<Client> client(new Client(plugin));
  client->key_values_ = std::move(key_values);
  BIT_PJRT_ARGS(PJRT_Client_Create, create);
  if (client->key_values_ != nullptr) client->key_values_->GiveTo(&create);
  create.create_options = options.data();
  create.num_options = options.size();
  BIT_PJRT_CALL(plugin, PJRT_Client_Create, create);
  client->handle_ = create.client;
  BIT_PJRT_ARGS(PJRT_Client_AddressableDevices, devices);
  devices.client = create.client;
  BIT_PJRT_CALL(plugin, PJRT_Client_AddressableDevices, devices);
  client->devices_.assign(devices.addressable_devices,
                          devices.addressable_devices + devices.num_addressable_devices);
  try {
    std::thread([client] { client->RunJobs(); }).detach();
  } catch (const std::system_error& error) {
    client->FreeAll();
    throw Failure{PJRT_Error_Code_RESOURCE_EXHAUSTED, std::string("no thread: ") + error.what()};
  }
  return client;
}

void Client::Enqueue(std::function<void()> run) {
  Job job{std::move(run), std::make_unique<Busy>()};
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) throw Closed();
  jobs_.push_back(std::move(job));
  changed_.notify_all();
}

void Client::CheckOpen() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) throw Closed();
}

void Client::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return;
  closed_ = true;
  jobs_.push_back({nullptr, std::make_unique<Busy>()});
  changed_.notify_all();
}

void Client::RunJobs() {
  while (true) {
    Job job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return !jobs_.empty(); });
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    if (job.run == nullptr) return FreeAll();
    job.run();
    // Before the token: what the job holds may be freed in the plugin's code.
    job.run = nullptr;
  }
}

void Client::FreeAll() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto unused = [this] { return uses_ == 0; };
    changed_.wait(lock, unused);
    for (Resource* const resource : resources_) resource->Free();
    resources_.clear();
    // One may have been at freeing itself.
    changed_.wait(lock, unused);
  }
  BIT_PJRT_ARGS(PJRT_Client_Destroy, args);
  args.client = handle_;
  try {
    BIT_PJRT_CALL(plugin_, PJRT_Client_Destroy, args);
  } catch (const Failure&) {
    // Nobody is left to be told.
  }
}

Client::Use::Use(std::shared_ptr<Client> client) : client_(std::move(client)) {
  const std::lock_guard<std::mutex> lock(client_->mutex_);
  client_->uses_++;
}

Client::Use::~Use() {
  const std::lock_guard<std::mutex> lock(client_->mutex_);
  if (--client_->uses_ == 0) client_->changed_.notify_all();
}

}  // namespace bit_pjrt
