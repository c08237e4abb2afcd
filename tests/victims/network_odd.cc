// SPDX-License-Identifier: Apache-2.0
//
// Peers named in ways that a connect hook alone, or one that trusts the family it is told, does not see.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/victims/peer.h"
#include "tests/victims/scene.h"

namespace victim {
namespace {

void multipath(const Scene& s) {
  const Peer to(s.argument(0), s.number(1));
  const int fd = socket(to.family(), SOCK_STREAM, kMultipath);
  tell(fd >= 0 && connect(fd, to.plain(), to.size()) == 0 && stands(fd), "a connection by MPTCP");
}

void multipath_fast_open(const Scene& s) {
  const Peer to(s.argument(0), s.number(1));
  const int fd = socket(to.family(), SOCK_STREAM, kMultipath);
  tell(fd >= 0 && sendto(fd, "x", 1, MSG_FASTOPEN, to.plain(), to.size()) >= 0 && stands(fd), "a connection by MPTCP's sendto");
}

// UDP on an IPv6 socket takes an address of IPv4 as such (__ip6_datagram_connect, udpv6_sendmsg).
void connect_family(const Scene& s) {
  const Peer to(s.argument(0), s.number(1));
  const int fd = datagram_socket(AF_INET6);
  tell(fd >= 0 && connect(fd, to.plain(), to.size()) == 0 && send(fd, "x", 1, 0) == 1 && arrived(fd), "a datagram of IPv4 from a socket of IPv6");
}
void send_family(const Scene& s) {
  const Peer to(s.argument(0), s.number(1));
  const int fd = datagram_socket(AF_INET6);
  tell(fd >= 0 && sendto(fd, "x", 1, 0, to.plain(), to.size()) == 1 && arrived(fd), "a datagram of IPv4 from a socket of IPv6");
}

// UDP takes AF_UNSPEC for AF_INET (udp_sendmsg).
void send_unspecified(const Scene& s) {
  Peer to(s.argument(0), s.number(1));
  const int fd = datagram_socket(AF_INET);
  tell(fd >= 0 && sendto(fd, "x", 1, 0, to.as(AF_UNSPEC).plain(), to.size()) == 1 && arrived(fd), "a datagram to an address of no family");
}

// A connected socket is told nothing of another host: that it was sent is all there is to see.
void send_elsewhere(const Scene& s) {
  const Peer first("127.0.0.1", s.number(2)), second(s.argument(0), s.number(1));
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (connect(fd, first.plain(), first.size()) != 0) return tell(false, "the allowed peer");
  tell(sendto(fd, "x", 1, 0, second.plain(), second.size()) == 1, "a datagram to another than the connected peer");
}

struct Letter {
  explicit Letter(const Peer& to) {
    message.msg_hdr.msg_name = const_cast<sockaddr*>(to.plain());
    message.msg_hdr.msg_namelen = to.size();
    message.msg_hdr.msg_iov = &data;
    message.msg_hdr.msg_iovlen = 1;
  }
  iovec data{const_cast<char*>("x"), 1};
  mmsghdr message{};
};

void send_many(const Scene& s) {
  const Peer good("127.0.0.1", s.number(2)), bad(s.argument(0), s.number(1));
  Letter first(good), second(bad), third(good);
  mmsghdr all[] = {first.message, second.message, third.message};
  const int fd = datagram_socket(AF_INET), sent = sendmmsg(fd, all, 3, 0);
  tell(sent >= 2 && arrived(fd), "the second of three messages");
}

// ------------------------------------------------------------------------------------------------------- source routes
// SSRR by 127.0.0.2 (RFC 791, 3.1): what is sent goes there first.
constexpr unsigned char kRoute[12] = {137, 11, 4, 127, 0, 0, 2, 127, 0, 0, 1, 0};

void source_route(const Scene&) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  unsigned char route[40];
  socklen_t length = sizeof route;
  if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, kRoute, sizeof kRoute) != 0) return tell(false, "setsockopt");
  tell(getsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, &length) == 0 && length > 0, "a source route for all that a socket sends");
}

struct Route {
  void put(msghdr& message) {
    message.msg_control = room;
    message.msg_controllen = sizeof room;
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = IPPROTO_IP;
    head->cmsg_type = IP_RETOPTS;
    head->cmsg_len = CMSG_LEN(sizeof kRoute);
    std::memcpy(CMSG_DATA(head), kRoute, sizeof kRoute);
  }
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof kRoute)]{};
};

// No router here follows such a route: that it was sent is all there is to see.
void routed_message(const Scene& s) {
  const Peer to("127.0.0.1", s.number(0));
  Letter letter(to);
  Route route;
  route.put(letter.message.msg_hdr);
  tell(sendmsg(socket(AF_INET, SOCK_DGRAM, 0), &letter.message.msg_hdr, 0) == 1, "a datagram by a source route");
}

// The kernel asks nobody about a message of a batch that names the peer of the one before (___sys_sendmsg, used_address).
void routed_second(const Scene& s) {
  const Peer to("127.0.0.1", s.number(0));
  Letter first(to), second(to);
  Route route;
  route.put(second.message.msg_hdr);
  mmsghdr both[] = {first.message, second.message};
  const int fd = socket(AF_INET, SOCK_DGRAM, 0), sent = sendmmsg(fd, both, 2, 0);
  tell(sent == 2, "a datagram by a source route, behind one without");
}

// ------------------------------------------------------------------------------------------------------------- serving
// Another's port, beside it: who connects there comes to either (SO_REUSEPORT, socket(7)).
void steal(const Scene& s) {
  const Peer here("127.0.0.1", s.number(0));
  const int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
  if (bind(fd, here.plain(), here.size()) != 0 || listen(fd, 64) != 0) return tell(false, "a second listener");
  pollfd somebody{fd, POLLIN, 0};
  const int came = poll(&somebody, 1, 20000);  // each goes to either
  errno = 0;
  tell(came == 1, "a peer that meant another's listener");
}

// bind takes AF_UNSPEC with the address 0.0.0.0 for IPv4 (__inet_bind).
void listen_unspecified(const Scene& s) {
  Peer here("0.0.0.0", s.number(0));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  tell(fd >= 0 && bind(fd, here.as(AF_UNSPEC).plain(), here.size()) == 0 && listen(fd, 1) == 0 && listens(fd) && port_of(fd) == s.number(0),
       "a listener on an address of no family");
}

}  // namespace

std::vector<Act> odd_network_acts() {
  return {{"multipath", "ADDRESS PORT: MPTCP", multipath},
          {"multipath-fast-open", "ADDRESS PORT: sendto with MSG_FASTOPEN on MPTCP", multipath_fast_open},
          {"connect-family", "ADDRESS PORT: UDP, IPv4 on a socket of IPv6", connect_family},
          {"send-family", "ADDRESS PORT: likewise by sendto", send_family},
          {"send-unspecified", "ADDRESS PORT: sendto with AF_UNSPEC", send_unspecified},
          {"send-elsewhere", "ADDRESS PORT ALLOWED-PORT: connected there, then sendto", send_elsewhere},
          {"send-many", "ADDRESS PORT ALLOWED-PORT: sendmmsg, the second of three", send_many},
          {"source-route", "a source route for a socket", source_route},
          {"routed-message", "PORT: a datagram by a source route", routed_message},
          {"routed-second", "PORT: the same as the second of a batch", routed_second},
          {"steal", "PORT: listens beside another", steal},
          {"listen-unspecified", "PORT: bind with AF_UNSPEC", listen_unspecified}};
}

}  // namespace victim
