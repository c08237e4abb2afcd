// SPDX-License-Identifier: Apache-2.0
//
// Unix sockets: each kind, by a path, by another name for it, and by no path at all.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "tests/victims/scene.h"

namespace victim {
namespace {

struct Name {
  explicit Name(const std::string& name) {
    address.sun_family = AF_UNIX;
    if (name[0] == '@') {
      std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
      size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    } else {
      std::strncpy(address.sun_path, name.c_str(), sizeof(address.sun_path) - 1);
    }
  }
  [[nodiscard]] const sockaddr* plain() const { return reinterpret_cast<const sockaddr*>(&address); }
  sockaddr_un address{};
  socklen_t size = sizeof(address);
};

bool has_peer(int fd) {
  sockaddr_un peer{};
  socklen_t size = sizeof peer;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}
void connects(const std::string& name, int kind) {
  const Name to(name);
  const int fd = socket(AF_UNIX, kind, 0);
  tell(fd >= 0 && connect(fd, to.plain(), to.size) == 0 && has_peer(fd), "a connection to the unix socket " + name);
}

void connect_stream(const Scene& s) { connects(s.argument(0), SOCK_STREAM); }
void connect_packet(const Scene& s) { connects(s.argument(0), SOCK_SEQPACKET); }
void connect_datagram(const Scene& s) { connects(s.argument(0), SOCK_DGRAM); }
void connect_by_link(const Scene& s) { connects(s.file("ok/to-socket"), SOCK_STREAM); }
void connect_relative(const Scene& s) {
  if (chdir(s.base.c_str()) != 0) return tell(false, "chdir");
  connects("socket", SOCK_STREAM);
}

void send_datagram(const Scene& s) {
  const Name to(s.argument(0));
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  int unread = 0;  // what lies with whoever it was sent to
  tell(fd >= 0 && sendto(fd, "x", 1, MSG_DONTWAIT, to.plain(), to.size) == 1 && ioctl(fd, SIOCOUTQ, &unread) == 0 && unread > 0,
       "a datagram to the unix socket " + s.argument(0));
}

// Two ends that nobody named: what is said between them leaves no process.
void pair(const Scene&) {
  int ends[2];
  tell(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0 && send(ends[0], "x", 1, 0) == 1 && reads_fd(ends[1]), "a message through a pair");
}

}  // namespace

std::vector<Act> unix_acts() {
  return {{"connect-unix", "PATH|@NAME: a unix socket", connect_stream},
          {"unix-packet", "PATH|@NAME: SOCK_SEQPACKET", connect_packet},
          {"unix-datagram", "PATH|@NAME: SOCK_DGRAM, connected", connect_datagram},
          {"unix-send", "PATH|@NAME: SOCK_DGRAM, by sendto", send_datagram},
          {"unix-link", "through a symbolic link", connect_by_link},
          {"unix-relative", "by a relative name", connect_relative},
          {"unix-pair", "socketpair", pair}};
}

}  // namespace victim
