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

// Lets only IPv4 packets to `address` pass. Connections inherit it from the socket that listens.
bool Narrow(int socket, in_addr address) {
  // Offsets from the network header, also where the socket is one of IPv6 that takes IPv4 as well.
  const auto network = static_cast<uint32_t>(SKF_NET_OFF);
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, network),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, network + 16),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(address.s_addr), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
  return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

// Throws where no socket that listens at the port, or not every one of them, could be narrowed.
void NarrowAll(int port, const std::string& address) {
  in_addr to = {};
  if (inet_pton(AF_INET, address.c_str(), &to) != 1)
    throw TensorflowError(TF_INVALID_ARGUMENT, address + " is no IPv4 address");
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) throw TensorflowError(TF_INTERNAL, "/proc/self/fd cannot be read");
  int found = 0, failed = 0;
  while (const dirent* const entry = readdir(folder)) {
    const int socket = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || PortOf(socket) != port || !Listens(socket)) continue;
    found++;
    if (!Narrow(socket, to)) failed = errno;
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
