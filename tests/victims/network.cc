// SPDX-License-Identifier: Apache-2.0
//
// The network, on loopback: the test listens where the victim must not reach.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "tests/victims/scene.h"

namespace victim {
namespace {

sockaddr_in address(const std::string& host, int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &a.sin_addr);
  return a;
}
template <typename T>
const sockaddr* plain(const T& a) { return reinterpret_cast<const sockaddr*>(&a); }

void connect_to(const Scene& s) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in a = address(s.argument(0), s.number(1));
  tell(fd >= 0 && connect(fd, plain(a), sizeof(a)) == 0, "a connection to " + s.argument(0) + ":" + s.argument(1));
}

// An IPv4 peer in the clothes of IPv6.
void connect_mapped(const Scene& s) {
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 a{};
  a.sin6_family = AF_INET6;
  a.sin6_port = htons(static_cast<uint16_t>(s.number(1)));
  inet_pton(AF_INET6, ("::ffff:" + s.argument(0)).c_str(), &a.sin6_addr);
  tell(fd >= 0 && connect(fd, plain(a), sizeof(a)) == 0, "a connection to ::ffff:" + s.argument(0));
}

void connect_again(const Scene& s) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in first = address("127.0.0.1", s.number(2)), second = address(s.argument(0), s.number(1));
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  if (fd < 0 || connect(fd, plain(first), sizeof(first)) != 0) return tell(false, "the first connection");
  if (connect(fd, &none, sizeof(none)) != 0) return tell(false, "the end of the first connection");
  tell(connect(fd, plain(second), sizeof(second)) == 0, "a second connection on the same socket");
}

void fast_open(const Scene& s) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in a = address(s.argument(0), s.number(1));
  tell(fd >= 0 && sendto(fd, "x", 1, MSG_FASTOPEN, plain(a), sizeof(a)) >= 0, "a connection by sendto");
}

void send_datagram(const Scene& s) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const sockaddr_in a = address(s.argument(0), s.number(1));
  tell(fd >= 0 && sendto(fd, "x", 1, 0, plain(a), sizeof(a)) == 1, "a datagram to " + s.argument(0));
}

// SSRR by 127.0.0.2 (RFC 791, 3.1): what is sent goes there first.
constexpr unsigned char kRoute[12] = {137, 11, 4, 127, 0, 0, 2, 127, 0, 0, 1, 0};

void source_route(const Scene&) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  unsigned char route[40];
  socklen_t length = sizeof route;
  if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, kRoute, sizeof kRoute) != 0) return tell(false, "setsockopt");
  tell(getsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, &length) == 0 && length > 0, "a source route for all that a socket sends");
}

void routed_message(const Scene& s) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to = address("127.0.0.1", s.number(0));
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof kRoute)]{};
  iovec data{const_cast<char*>("x"), 1};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = IPPROTO_IP;
  head->cmsg_type = IP_RETOPTS;
  head->cmsg_len = CMSG_LEN(sizeof kRoute);
  std::memcpy(CMSG_DATA(head), kRoute, sizeof kRoute);
  tell(sendmsg(fd, &message, 0) == 1, "a datagram by a source route");
}

void listen_on(const Scene& s) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  const sockaddr_in a = address("127.0.0.1", s.number(0));
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  tell(fd >= 0 && bind(fd, plain(a), sizeof(a)) == 0 && listen(fd, 1) == 0, "a listener on " + s.argument(0));
}

// listen without bind takes any free port.
void listen_unbound(const Scene&) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  tell(fd >= 0 && listen(fd, 1) == 0, "a listener on a port of the kernel's choice");
}

void make_socket(const Scene& s) {
  const std::string kind = s.argument(0);
  int fd = -1;
  if (kind == "raw") fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  if (kind == "packet") fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (kind == "netlink") fd = socket(AF_NETLINK, SOCK_RAW, 0);
  if (kind == "alg") fd = socket(AF_ALG, SOCK_SEQPACKET, 0);
  if (kind == "mptcp") fd = socket(AF_INET, SOCK_STREAM, 262);
  if (kind == "vsock") fd = socket(40, SOCK_STREAM, 0);
  tell(fd >= 0, "a socket of the kind " + kind);
}

void connect_unix(const Scene& s) {
  const std::string name = s.argument(0);
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  socklen_t size = sizeof(a);
  if (name[0] == '@') {
    std::memcpy(a.sun_path + 1, name.data() + 1, name.size() - 1);
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  } else {
    std::strncpy(a.sun_path, name.c_str(), sizeof(a.sun_path) - 1);
  }
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  tell(fd >= 0 && connect(fd, plain(a), size) == 0, "a connection to the unix socket " + name);
}

// An unconnected client: who answers may be another than the one that was asked.
void ask(const Scene& s) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(s.number(0)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string word = s.argument(1);
  if (sendto(fd, word.data(), word.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return tell(false, "a question");
  pollfd answer{fd, POLLIN, 0};
  const int came = poll(&answer, 1, 1500);
  errno = 0;
  tell(came == 1, "an answer to " + word);
}

// A send that names nobody fails, and has given the socket a port all the same: a stranger is asked to send there.
void nameless(const Scene& s) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0), asking = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (send(fd, "x", 1, 0) >= 0 || getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 || address.sin_port == 0)
    return tell(false, "a port");
  const std::string word = "to " + std::to_string(ntohs(address.sin_port));
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(s.number(0)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (sendto(asking, word.data(), word.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return tell(false, "a question");
  pollfd answer{fd, POLLIN, 0};
  const int came = poll(&answer, 1, 1500);
  errno = 0;
  tell(came == 1, "a stranger's message on a port that nothing was named for");
}

}  // namespace

std::vector<Act> network_acts() {
  return {{"ask", "a datagram, and its answer", ask},
          {"nameless", "a port by a send that names nobody", nameless},
          {"connect", "ADDRESS PORT: TCP", connect_to},
          {"connect-mapped", "ADDRESS PORT: TCP to the IPv4-mapped address", connect_mapped},
          {"connect-again", "ADDRESS PORT ALLOWED-PORT: an allowed connection, undone, then the other", connect_again},
          {"fast-open", "ADDRESS PORT: sendto with MSG_FASTOPEN", fast_open},
          {"send", "ADDRESS PORT: a datagram from an unconnected socket", send_datagram},
          {"listen", "PORT: bind and listen", listen_on},
          {"source-route", "a source route for a socket", source_route},
          {"routed-message", "a datagram by a source route", routed_message},
          {"listen-unbound", "listen without bind", listen_unbound},
          {"socket", "KIND: makes a socket", make_socket},
          {"connect-unix", "PATH|@NAME: a unix socket", connect_unix}};
}

}  // namespace victim
