// SPDX-License-Identifier: Apache-2.0
//
// SCTP, by a program that may have such sockets: each way to reach a peer and to serve a port. Addresses in memory (RFC
// 6458, 9.1 and 9.9) go by setsockopt and getsockopt, past the hooks of bind and connect.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
// clang-format off
#include <linux/sctp.h>  // takes sockaddr_storage and uint16_t from those above
// clang-format on

#include "tests/victims/peer.h"
#include "tests/victims/scene.h"

namespace victim {
namespace {

int socket_of(int type) { return socket(AF_INET, type, IPPROTO_SCTP); }

// An association that stands, on both sides: this one has come out of the handshake.
bool associated(int fd, sctp_assoc_t which = 0) {
  sctp_status status{};
  status.sstat_assoc_id = which;
  socklen_t size = sizeof status;
  for (int i = 0; i < 100; ++i) {
    if (getsockopt(fd, IPPROTO_SCTP, SCTP_STATUS, &status, &size) == 0 && status.sstat_state == SCTP_ESTABLISHED)
      return true;
    usleep(10000);
  }
  return false;
}

void connect_to(const Scene& s) {
  const Peer to(s.argument(0), s.number(1));
  const int fd = socket_of(SOCK_STREAM);
  tell(fd >= 0 && connect(fd, to.plain(), to.size()) == 0 && associated(fd),
       "an association with " + s.argument(0) + ":" + s.argument(1));
}

// A message makes the association that it goes through.
void send_to(const Scene& s) {
  const Peer to(s.argument(0), s.number(1));
  const int fd = socket_of(SOCK_SEQPACKET);
  if (fd < 0 || sendto(fd, "x", 1, 0, to.plain(), to.size()) != 1) return tell(false, "a message to " + s.argument(0));
  uint32_t list[8] = {};  // struct sctp_assoc_ids: how many, and which
  socklen_t size = sizeof list;
  tell(getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, list, &size) == 0 && list[0] == 1 &&
           associated(fd, static_cast<sctp_assoc_t>(list[1])),
       "an association by a message to " + s.argument(0));
}

void listen_on(const Scene& s) {
  const Peer here("127.0.0.1", s.number(0));
  const int fd = socket_of(SOCK_STREAM);
  tell(fd >= 0 && bind(fd, here.plain(), here.size()) == 0 && listen(fd, 1) == 0 && listens(fd) &&
           port_of(fd) == s.number(0),
       "a listener on " + s.argument(0));
}

void listen_unbound(const Scene&) {
  const int fd = socket_of(SOCK_STREAM);
  tell(fd >= 0 && listen(fd, 1) == 0 && listens(fd) && port_of(fd) != 0, "a listener on a port of the kernel's choice");
}

// sctp_bindx(3).
void bind_by_option(const Scene& s) {
  const Peer here("127.0.0.1", s.number(0));
  const int fd = socket_of(SOCK_STREAM);
  tell(fd >= 0 && setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, here.plain(), here.size()) == 0 &&
           port_of(fd) == s.number(0),
       "a port by sctp_bindx");
}

// sctp_connectx(3), as it is now, as it was first, and as it asks first: the answer is which association it made, or
// -1.
void connect_by_option(const Scene& s) {
  const std::string way = s.argument(0);
  const Peer to(s.argument(1), s.number(2));
  const int fd = socket_of(SOCK_STREAM);
  struct {  // struct sctp_getaddrs_old
    int32_t association = 0;
    int32_t size;
    const sockaddr* addresses;
  } question{0, static_cast<int32_t>(to.size()), to.plain()};
  socklen_t size = sizeof question;
  if (way == "new") (void)setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, to.plain(), to.size());
  if (way == "old") (void)setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX_OLD, to.plain(), to.size());
  if (way == "asked") (void)getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &question, &size);
  const int error = errno;
  const bool done = error != EACCES && associated(fd);  // else there is nothing to wait for
  errno = error;
  tell(done, "an association by sctp_connectx, " + way);
}

}  // namespace

std::vector<Act> sctp_acts() {
  return {{"sctp-connect", "ADDRESS PORT: connect", connect_to},
          {"sctp-send", "ADDRESS PORT: sendto, which connects", send_to},
          {"sctp-listen", "PORT: bind and listen", listen_on},
          {"sctp-listen-unbound", "listen without bind", listen_unbound},
          {"sctp-bindx", "PORT: SCTP_SOCKOPT_BINDX_ADD", bind_by_option},
          {"sctp-connectx", "new|old|asked ADDRESS PORT: SCTP_SOCKOPT_CONNECTX, _OLD, 3", connect_by_option}};
}

}  // namespace victim
