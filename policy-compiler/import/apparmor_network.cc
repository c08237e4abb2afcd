// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/apparmor_network.h"

#include "bpf/lsm/abi.h"

namespace treeline::import_ {
namespace {

struct Sockets {
  std::string_view family, type;
  uint32_t kind;
  std::string_view protocol;  // of grant_protocol
};
constexpr Sockets kSockets[] = {
    {"inet", "stream", TL_SOCK_INET_STREAM, "tcp"}, {"inet", "dgram", TL_SOCK_INET_DGRAM, "udp"},
    {"inet", "raw", TL_SOCK_INET_RAW, "raw"},       {"unix", "stream", TL_SOCK_UNIX_STREAM, ""},
    {"unix", "dgram", TL_SOCK_UNIX_DGRAM, ""},      {"unix", "seqpacket", TL_SOCK_UNIX_SEQPACKET, ""},
    {"netlink", "raw", TL_SOCK_NETLINK, ""},        {"netlink", "dgram", TL_SOCK_NETLINK, ""},
    {"packet", "raw", TL_SOCK_PACKET, ""},          {"packet", "dgram", TL_SOCK_PACKET, ""},
};

// A kind of socket is one for IPv4 and IPv6; with whom it talks is not. Neither family named: both.
ir::Peer of_family(std::string_view family, Position position, Diagnostics& diagnostics) {
  ir::Peer peers;
  if (family != "inet" && family != "inet6") return peers;
  peers.kind = ir::PeerKind::kBlocks;
  peers.blocks.emplace_back().v6 = family == "inet6";
  diagnostics.note(
      position, "import-question",
      "the kind of socket is one for IPv4 and IPv6: what of " + std::string(family) + " is held is with whom it talks",
      "write 'peer: any' if the other family is meant too");
  return peers;
}

}  // namespace

std::optional<NotCarried> grant_network(const std::vector<std::string>& words, Position position, Draft& draft,
                                        ir::Node& node, Diagnostics& diagnostics) {
  if (words.size() == 1) return NotCarried{"every socket", "name the kinds that the program needs"};
  std::string family = words[1] == "inet6" ? "inet" : words[1];
  std::string type = words.size() > 2 ? words[2] : "";
  if (family == "tcp" || family == "udp" || family == "icmp") {
    type = family;
    family = "inet";
  }
  // AppArmor 4: ip=, port= and peer=(...) say with whom, and a socket alone would be for all.
  if (words.size() > (words[1] == type ? 2u : 3u))
    return NotCarried{"addresses and ports of a network rule are not carried over",
                      "write it by hand: {direction: out, protocol: tcp, peer: 10.0.0.1/32, port: 80}"};
  if (type == "tcp") type = "stream";
  if (type == "udp") type = "dgram";
  const ir::Peer peers = of_family(words[1] == "icmp" ? "inet" : words[1], position, diagnostics);
  if (type == "icmp") {
    draft.grant_protocol(node, "icmp", position, peers);
    return std::nullopt;
  }
  bool known = false;
  for (const Sockets& sockets : kSockets) {
    if (sockets.family != family || (!type.empty() && sockets.type != type)) continue;
    known = true;
    if (!sockets.protocol.empty())
      draft.grant_protocol(node, sockets.protocol, position, peers);
    else
      add_number(node.sockets, sockets.kind, position);
    if (sockets.kind == TL_SOCK_NETLINK)
      diagnostics.note(position, "narrower", "a netlink socket needs its protocols, which the source does not name",
                       "add them: 'netlink: [route]'");
  }
  if (!known) return NotCarried{"sockets of a kind that is not known", "add the kind to 'sockets'"};
  return std::nullopt;
}

}  // namespace treeline::import_
