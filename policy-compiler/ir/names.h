// SPDX-License-Identifier: Apache-2.0
//
// Words <-> numbers. One table per kind of word, read by the front end (word to number), by everything that prints
// (number to word) and by the "did you mean" of diagnostics. The numbers are those of bpf/lsm/abi.h or of the kernel's
// uapi headers, the words are the profile language's and therefore never change.
//
//   std::optional<uint32_t> n = names::capabilities().find("chown");   // 0
//   std::string_view w = names::capabilities().name(0);                // "chown"; "" for a number that has no word
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "policy-compiler/ir/policy.h"

namespace treeline::ir::names {

struct Entry {
  std::string_view name;
  uint32_t value;
};

class Table {
 public:
  constexpr explicit Table(std::span<const Entry> entries) : entries_(entries) {}
  std::optional<uint32_t> find(std::string_view name) const;
  std::string_view name(uint32_t value) const;
  std::span<const Entry> entries() const { return entries_; }
  // "a, b, c": for remedies.
  std::string list() const;
  // The name that a person who typed `word` most likely meant, or "".
  std::string_view closest(std::string_view word) const;

 private:
  std::span<const Entry> entries_;
};

const Table& access_words();       // value: one bit of enum tl_access; without execute, which is never written
const Table& capabilities();       // value: CAP_*, names as capabilities(7) without CAP_, lower case
const Table& operations();         // enum tl_operation
const Table& socket_kinds();       // enum tl_socket_kind
const Table& netlink_protocols();  // NETLINK_*, netlink(7); a protocol without a name is written as its number
const Table& reserved_classes();   // enum tl_class, without braces: "pipe", "anon:eventfd"
const Table& protocols();          // ir::Protocol
const Table& directions();         // ir::Direction
const Table& peer_kinds();         // ir::PeerKind without kBlocks
const Table& violations();         // ir::OnViolation
const Table& violation_kinds();    // ir::ViolationKind

// "read write map": the words of a set in the order of their bits, with "execute" where it is in the set.
std::string access_text(AccessSet access);

// A netlink protocol as the profile writes it: its name, else its number.
std::string netlink_text(uint32_t protocol);

// "127.0.0.0/8", "fd00::/8": the form of inet_ntop(3), RFC 5952 for IPv6.
std::string cidr_text(const Cidr& cidr);

// "80", "8000-8999".
std::string port_text(PortRange ports);

// "10.0.0.0/8,fd00::/8", "internal", "internal pods app=db in team=data to 8080".
std::string peer_text(const Peer& peer);

// "kill".
std::string cost_text(OnViolation cost);

// What violations by this node cost: "deny", "kill, exec: kill-container, /etc/shadow: freeze-container" (all, then kinds that differ, then
// paths in the order in which they count). kNoNode: of the policy alone.
std::string violation_text(const Policy& policy, uint32_t node);

constexpr uint32_t kNetlinkProtocols = 32;  // MAX_LINKS of the kernel: 0..31

}  // namespace treeline::ir::names
