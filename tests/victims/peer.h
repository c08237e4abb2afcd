// SPDX-License-Identifier: Apache-2.0
//
// A peer as the table writes it: an address of IPv4 or, where it holds a colon, of IPv6, and a port.
//
//   const Peer to("fd00::2", 4001);
//   connect(socket(to.family(), SOCK_STREAM, 0), to.plain(), to.size());
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace victim {

constexpr int kMultipath = 262;  // IPPROTO_MPTCP, newer than the headers of some machine that this is built on

class Peer {
 public:
  Peer(const std::string& host, int port) {
    if (host.find(':') == std::string::npos) {
      four_.sin_family = AF_INET;
      four_.sin_port = htons(static_cast<uint16_t>(port));
      inet_pton(AF_INET, host.c_str(), &four_.sin_addr);
    } else {
      six_.sin6_family = AF_INET6;
      six_.sin6_port = htons(static_cast<uint16_t>(port));
      inet_pton(AF_INET6, host.c_str(), &six_.sin6_addr);
    }
  }
  // What the kernel is told instead of the family that it is.
  Peer& as(sa_family_t family) { return four_.sin_family = family, *this; }
  [[nodiscard]] int family() const { return six_.sin6_family ? AF_INET6 : AF_INET; }
  [[nodiscard]] socklen_t size() const { return six_.sin6_family ? sizeof six_ : sizeof four_; }
  [[nodiscard]] const sockaddr* plain() const { return six_.sin6_family ? reinterpret_cast<const sockaddr*>(&six_) : reinterpret_cast<const sockaddr*>(&four_); }

 private:
  sockaddr_in four_{};
  sockaddr_in6 six_{};
};

// Effects that the kernel tells of a socket: it has a peer; whoever connects to it is let in; it has this port.
inline bool stands(int fd) {
  sockaddr_in6 other{};
  socklen_t size = sizeof other;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&other), &size) == 0;
}
inline bool listens(int fd) {
  int yes = 0;
  socklen_t size = sizeof yes;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes;
}
inline int port_of(int fd) {
  sockaddr_in6 own{};  // the port stands in the same place in both families
  socklen_t size = sizeof own;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 ? ntohs(own.sin6_port) : 0;
}

// A datagram's arrival where nobody has that port: its host answers that, and the sender is told.
inline int datagram_socket(int family) {
  const int fd = socket(family, SOCK_DGRAM, 0), yes = 1;
  setsockopt(fd, IPPROTO_IP, IP_RECVERR, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &yes, sizeof yes);
  errno = 0;
  return fd;
}
inline bool arrived(int fd) {
  pollfd answer{fd, 0, 0};
  return poll(&answer, 1, 1000) == 1 && (answer.revents & POLLERR);
}

}  // namespace victim
