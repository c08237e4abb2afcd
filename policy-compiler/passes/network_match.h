// SPDX-License-Identifier: Apache-2.0
//
// What a network rule means, address by address. The back ends turn the same words into tables; this is what those are
// held against, so it shares nothing with them.
//
// An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is the IPv4 address that the kernel connects to, in rules too.
//   localhost  127.0.0.0/8, ::1
//   internal   10/8, 172.16/12, 192.168/16 (RFC 1918), 100.64/10 (RFC 6598), 169.254/16 (RFC 3927); fc00::/7 (RFC
//   4193),
//              fe80::/10 (RFC 4291)
//   external   every other unicast address; so not 0/8 (to which a connect means localhost), 224/4 and above, ::,
//   ff00::/8,
//              fec0::/10 (RFC 3879)
// The clouds' metadata services (ir::metadata_addresses) are neither internal nor external: they hand out credentials and are granted only by their
// address, or by `any`.
#pragma once

#include <array>
#include <cstdint>

#include "policy-compiler/ir/policy.h"

namespace treeline::passes {

struct Address {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // network order; IPv4 in the first four
};

Address normalised(Address address);  // mapped IPv6 becomes IPv4
bool block_contains(const ir::Cidr& block, const Address& address);
bool peer_contains(const ir::Peer& peer, const Address& address);
bool ports_contain(const ir::NetworkRule& rule, uint32_t port);

}  // namespace treeline::passes
