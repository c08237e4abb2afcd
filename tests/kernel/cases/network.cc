// SPDX-License-Identifier: Apache-2.0
// Sockets, and peers to connect to.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>

#include "acts.h"

namespace actor {
namespace {

constexpr int kMptcp = 262;  // IPPROTO_MPTCP, which this libc's headers do not have

struct Endpoint {
  int type = SOCK_STREAM, family = AF_INET;
  sockaddr_storage address{};
  socklen_t size = 0;
};

// "tcp:10.0.0.1:80", "udp:[::1]:53", "tcp:80" (any address of IPv4).
bool parse(std::string text, Endpoint& e) {
  const size_t colon = text.find(':');
  const std::string protocol = text.substr(0, colon);
  if (colon == std::string::npos || (protocol != "tcp" && protocol != "udp")) return false;
  e.type = protocol == "tcp" ? SOCK_STREAM : SOCK_DGRAM;
  text = text.substr(colon + 1);
  const size_t last = text.rfind(':');
  std::string host = last == std::string::npos ? "0.0.0.0" : text.substr(0, last);
  const auto port = static_cast<uint16_t>(std::atoi(text.c_str() + (last == std::string::npos ? 0 : last + 1)));
  if (host.size() > 2 && host[0] == '[') {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&e.address);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    e.family = AF_INET6;
    e.size = sizeof *v6;
    return inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6->sin6_addr) == 1;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&e.address);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  e.size = sizeof *v4;
  return inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1;
}

int connect_to(const char* object) {
  Endpoint e;
  if (!parse(object, e)) return cannot("no endpoint");
  const int fd = socket(e.family, e.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return cannot("no socket");
  return refused(connect(fd, reinterpret_cast<sockaddr*>(&e.address), e.size));
}

int listen_on(const char* object) {
  Endpoint e;
  if (!parse(object, e)) return cannot("no endpoint");
  const int fd = socket(e.family, e.type | SOCK_CLOEXEC, 0);
  if (fd < 0) return cannot("no socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<sockaddr*>(&e.address), e.size) != 0) return answer(-1);
  return e.type == SOCK_STREAM ? answer(listen(fd, 1)) : 0;
}

int make_socket(const char* object) {
  const std::string kind = object;
  if (kind.rfind("netlink:", 0) == 0) {
    static const std::map<std::string, int> kProtocols = {{"route", NETLINK_ROUTE}, {"audit", NETLINK_AUDIT}};
    const auto named = kProtocols.find(kind.substr(8));
    const int protocol = named != kProtocols.end() ? named->second : std::atoi(kind.c_str() + 8);
    return refused(socket(AF_NETLINK, SOCK_RAW, protocol));
  }
  static const struct {
    const char* kind;
    int family, type, protocol;
  } kKinds[] = {
      {"inet-stream", AF_INET, SOCK_STREAM, 0},     {"inet-dgram", AF_INET, SOCK_DGRAM, 0},
      {"inet-raw", AF_INET, SOCK_RAW, IPPROTO_TCP}, {"inet-ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
      {"inet-mptcp", AF_INET, SOCK_STREAM, kMptcp}, {"unix-stream", AF_UNIX, SOCK_STREAM, 0},
      {"unix-dgram", AF_UNIX, SOCK_DGRAM, 0},       {"packet", AF_PACKET, SOCK_RAW, 0},
  };
  for (const auto& each : kKinds)
    if (kind == each.kind) return refused(socket(each.family, each.type, each.protocol));
  return cannot("the actor does not make such a socket");
}

}  // namespace

Acts network_acts() { return {{"out", connect_to}, {"listen", listen_on}, {"socket", make_socket}}; }

}  // namespace actor
