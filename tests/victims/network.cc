// SPDX-License-Identifier: Apache-2.0
//
// The network, on loopback: the test listens where the victim must not reach.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "tests/victims/peer.h"
#include "tests/victims/scene.h"

namespace victim {
namespace {

void connect_to(const Scene& s) {
  const Peer to(s.argument(0), s.number(1));
  const int fd = socket(to.family(), SOCK_STREAM, 0);
  tell(fd >= 0 && connect(fd, to.plain(), to.size()) == 0 && stands(fd), "a connection to " + s.argument(0) + ":" + s.argument(1));
}

// An IPv4 peer in the clothes of IPv6.
void connect_mapped(const Scene& s) {
  const Peer to("::ffff:" + s.argument(0), s.number(1));
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  tell(fd >= 0 && connect(fd, to.plain(), to.size()) == 0 && stands(fd), "a connection to ::ffff:" + s.argument(0));
}

void connect_again(const Scene& s) {
  const Peer second(s.argument(0), s.number(1)), first(second.family() == AF_INET6 ? "::1" : "127.0.0.1", s.number(2));
  const int fd = socket(second.family(), SOCK_STREAM, 0);
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  if (fd < 0 || connect(fd, first.plain(), first.size()) != 0) return tell(false, "the first connection");
  if (connect(fd, &none, sizeof(none)) != 0) return tell(false, "the end of the first connection");
  tell(connect(fd, second.plain(), second.size()) == 0 && stands(fd), "a second connection on the same socket");
}

void fast_open(const Scene& s) {
  const Peer to(s.argument(0), s.number(1));
  const int fd = socket(to.family(), SOCK_STREAM, 0);
  tell(fd >= 0 && sendto(fd, "x", 1, MSG_FASTOPEN, to.plain(), to.size()) >= 0 && stands(fd), "a connection by sendto");
}

void send_datagram(const Scene& s) {
  const Peer to(s.argument(0), s.number(1));
  const int fd = datagram_socket(to.family());
  tell(fd >= 0 && sendto(fd, "x", 1, 0, to.plain(), to.size()) == 1 && arrived(fd), "a datagram to " + s.argument(0));
}

// Where it serves: the second argument says it where the first port is not IPv4's.
std::string served_host(const Scene& s, const char* otherwise) { return s.argument(1).empty() ? otherwise : s.argument(1); }

void listen_on(const Scene& s) {
  const Peer here(served_host(s, "127.0.0.1"), s.number(0));
  const int fd = socket(here.family(), SOCK_STREAM, 0), yes = 1;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  tell(fd >= 0 && bind(fd, here.plain(), here.size()) == 0 && listen(fd, 1) == 0 && listens(fd) && (s.number(0) == 0 || port_of(fd) == s.number(0)),
       "a listener on " + s.argument(0));
}

// listen without bind takes any free port.
void listen_unbound(const Scene&) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  tell(fd >= 0 && listen(fd, 1) == 0 && listens(fd) && port_of(fd) != 0, "a listener on a port of the kernel's choice");
}

// To have it is the effect: what it would be used for, the kernel asks no hook for once it is there.
void make_socket(const Scene& s) {
  const std::string kind = s.argument(0);
  int fd = -1;
  if (kind == "raw") fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  if (kind == "packet") fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (kind == "netlink") fd = socket(AF_NETLINK, SOCK_RAW, 0);
  if (kind == "alg") fd = socket(AF_ALG, SOCK_SEQPACKET, 0);
  if (kind == "mptcp") fd = socket(AF_INET, SOCK_STREAM, kMultipath);
  if (kind == "vsock") fd = socket(AF_VSOCK, SOCK_STREAM, 0);
  if (kind == "xdp") fd = socket(AF_XDP, SOCK_RAW, 0);
  if (kind == "sctp") fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
  if (kind == "sctp-by-default") fd = socket(AF_INET, SOCK_SEQPACKET, 0);
  tell(fd >= 0, "a socket of the kind " + kind);
}

// Somebody comes within a second and a half: they try twenty times a second (scene.py).
bool comes(int fd) {
  pollfd something{fd, POLLIN, 0};
  const int came = poll(&something, 1, 1500);
  errno = 0;
  return came == 1;
}

void served(const Scene& s) {
  const Peer here(served_host(s, "0.0.0.0"), s.number(0));
  const int fd = socket(here.family(), SOCK_STREAM, 0), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, here.plain(), here.size()) != 0 || listen(fd, 16) != 0) return tell(false, "a listener");
  tell(comes(fd), "a peer on port " + s.argument(0));
}

void sent(const Scene& s) {
  const Peer here(served_host(s, "0.0.0.0"), s.number(0));
  const int fd = socket(here.family(), SOCK_DGRAM, 0);
  if (bind(fd, here.plain(), here.size()) != 0) return tell(false, "a socket");
  tell(comes(fd), "a message on port " + s.argument(0));
}

std::string asked_host(const Scene& s, size_t n) { return s.argument(n).empty() ? "127.0.0.1" : s.argument(n); }

// An unconnected client: who answers may be another than the one that was asked.
void ask(const Scene& s) {
  const Peer whom(asked_host(s, 2), s.number(0));
  const int fd = socket(whom.family(), SOCK_DGRAM, 0);
  const std::string word = s.argument(1);
  if (sendto(fd, word.data(), word.size(), 0, whom.plain(), whom.size()) < 0) return tell(false, "a question");
  tell(comes(fd), "an answer to " + word);
}

// A send that names nobody fails, and has given the socket a port all the same: a stranger is asked to send there.
void nameless(const Scene& s) {
  const Peer whom(asked_host(s, 1), s.number(0));
  const int fd = socket(whom.family(), SOCK_DGRAM, 0), asking = socket(whom.family(), SOCK_DGRAM, 0);
  sockaddr_in6 mine{};  // the port stands in the same place in both families
  socklen_t length = sizeof mine;
  if (send(fd, "x", 1, 0) >= 0 || getsockname(fd, reinterpret_cast<sockaddr*>(&mine), &length) != 0 || mine.sin6_port == 0)
    return tell(false, "a port");
  const std::string word = "to " + std::to_string(ntohs(mine.sin6_port));
  if (sendto(asking, word.data(), word.size(), 0, whom.plain(), whom.size()) < 0) return tell(false, "a question");
  tell(comes(fd), "a stranger's message on a port that nothing was named for");
}

}  // namespace

std::vector<Act> network_acts() {
  return {{"ask", "PORT WORD [ADDRESS]: a datagram, and its answer", ask},
          {"nameless", "PORT [ADDRESS]: a port by a send that names nobody", nameless},
          {"connect", "ADDRESS PORT: TCP", connect_to},
          {"connect-mapped", "ADDRESS PORT: TCP to the IPv4-mapped address", connect_mapped},
          {"connect-again", "ADDRESS PORT ALLOWED-PORT: an allowed connection, undone, then the other", connect_again},
          {"fast-open", "ADDRESS PORT: sendto with MSG_FASTOPEN", fast_open},
          {"send", "ADDRESS PORT: a datagram from an unconnected socket", send_datagram},
          {"listen", "PORT [ADDRESS]: bind and listen", listen_on},
          {"listen-unbound", "listen without bind", listen_unbound},
          {"served", "PORT [ADDRESS]: a peer that connects", served},
          {"sent", "PORT [ADDRESS]: a peer that sends a datagram", sent},
          {"socket", "KIND: makes a socket", make_socket}};
}

}  // namespace victim
