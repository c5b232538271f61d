#include "server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <tensorflow/c/c_api.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../status.h"

namespace bit {
namespace {

int PortOf(int socket) {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return -1;
  if (bound.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port);
  return -1;
}

bool Listens(int socket) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  return getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

// Lets only packets to one address pass. Connections inherit it from the socket that listens.
class AddressFilter {
 public:
  // Of IPv4 or IPv6, as people write it.
  explicit AddressFilter(const std::string& address) {
    in_addr v4 = {};
    in6_addr v6 = {};
    if (inet_pton(AF_INET, address.c_str(), &v4) == 1)
      Compare(0x40, 16, &v4, sizeof(v4));
    else if (inet_pton(AF_INET6, address.c_str(), &v6) == 1)
      Compare(0x60, 24, &v6, sizeof(v6));
    else
      throw TensorflowError(TF_INVALID_ARGUMENT, address + " is no address");
  }

  bool Attach(int socket) {
    const sock_fprog program = {static_cast<unsigned short>(code_.size()), code_.data()};
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
  }

 private:
  // The version in a packet's first byte, then the address it was sent to, word by word. Offsets are from the
  // network header, also where the socket is one of IPv6 that takes IPv4 as well.
  void Compare(uint32_t version, uint32_t offset, const void* address, size_t bytes) {
    const auto network = static_cast<uint32_t>(SKF_NET_OFF);
    const auto words = static_cast<uint8_t>(bytes / sizeof(uint32_t));
    // So many instructions are left before the one that drops the packet.
    auto left = static_cast<uint8_t>(2 * words + 1);
    code_ = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, network),
             BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
             BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, version, 0, left)};
    for (uint32_t i = 0; i < words; i++) {
      uint32_t word = 0;
      std::memcpy(&word, static_cast<const char*>(address) + i * sizeof(word), sizeof(word));
      left = static_cast<uint8_t>(left - 2);
      code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, network + offset + i * 4));
      code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(word), 0, left));
    }
    code_.push_back(BPF_STMT(BPF_RET | BPF_K, 0xffffffff));
    code_.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  }

  std::vector<sock_filter> code_;
};

// Throws where no socket that listens at the port, or not every one of them, could be narrowed.
void NarrowAll(int port, const std::string& address) {
  AddressFilter filter(address);
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) throw TensorflowError(TF_INTERNAL, "/proc/self/fd cannot be read");
  int found = 0, failed = 0;
  while (const dirent* const entry = readdir(folder)) {
    const int socket = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || PortOf(socket) != port || !Listens(socket)) continue;
    found++;
    if (!filter.Attach(socket)) failed = errno;
  }
  closedir(folder);
  if (found == 0) throw TensorflowError(TF_INTERNAL, "TensorFlow's server does not listen");
  if (failed != 0)
    throw TensorflowError(TF_INTERNAL, std::string("the server's socket cannot be narrowed to an "
                                                   "address: ") + std::strerror(failed));
}

}  // namespace

std::string StartServer(const void* server_def, size_t bytes, int port, const std::string& address) {
  Status status;
  // It answers nothing before it is started.
  TF_Server* const server = TF_NewServer(server_def, bytes, status);
  status.Check();
  NarrowAll(port, address);
  TF_ServerStart(server, status);
  status.Check();
  return TF_ServerTarget(server);
}

}  // namespace bit
