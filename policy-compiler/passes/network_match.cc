// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/network_match.h"

#include <algorithm>

namespace treeline::passes {
namespace {

bool begins(const std::array<uint8_t, 16>& bytes, std::initializer_list<uint8_t> prefix, unsigned bits) {
  unsigned left = bits;
  size_t i = 0;
  for (uint8_t want : prefix) {
    const unsigned n = std::min(left, 8u);
    const uint8_t mask = static_cast<uint8_t>(0xff00u >> n);
    if ((bytes[i] & mask) != (want & mask)) return false;
    left -= n;
    ++i;
  }
  return true;
}

bool mapped(const std::array<uint8_t, 16>& bytes) {
  return begins(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96);
}

bool is_metadata(const Address& a) {
  if (!a.v6)
    return begins(a.bytes, {169, 254, 169, 254}, 32) || begins(a.bytes, {169, 254, 170, 2}, 32) || begins(a.bytes, {169, 254, 170, 23}, 32) ||
           begins(a.bytes, {100, 100, 100, 200}, 32);
  return begins(a.bytes, {0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128) ||
         begins(a.bytes, {0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23}, 128);
}

bool is_localhost(const Address& a) {
  if (!a.v6) return a.bytes[0] == 127;
  return begins(a.bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128);
}

bool is_local_network(const Address& a) {
  if (a.v6) return begins(a.bytes, {0xfc}, 7) || begins(a.bytes, {0xfe, 0x80}, 10);
  return begins(a.bytes, {10}, 8) || begins(a.bytes, {172, 16}, 12) || begins(a.bytes, {192, 168}, 16) ||
         begins(a.bytes, {100, 64}, 10) || begins(a.bytes, {169, 254}, 16);
}

bool is_external(const Address& a) {
  if (is_localhost(a) || is_local_network(a)) return false;
  if (!a.v6) return a.bytes[0] != 0 && a.bytes[0] < 224;
  const bool unspecified = std::all_of(a.bytes.begin(), a.bytes.end(), [](uint8_t byte) { return byte == 0; });
  return !unspecified && a.bytes[0] != 0xff && !begins(a.bytes, {0xfe, 0xc0}, 10);
}

}  // namespace

Address normalised(Address address) {
  if (!address.v6 || !mapped(address.bytes)) return address;
  Address v4;
  std::copy_n(address.bytes.begin() + 12, 4, v4.bytes.begin());
  return v4;
}

bool block_contains(const ir::Cidr& block, const Address& address) {
  const Address asked = normalised(address);
  Address first{block.v6, block.address};
  unsigned prefix = block.prefix;
  if (block.v6 && prefix >= 96 && mapped(block.address)) {
    first = normalised(first);
    prefix -= 96;
  }
  if (first.v6 != asked.v6) return false;
  for (unsigned bit = 0; bit < prefix; ++bit) {
    const uint8_t mask = static_cast<uint8_t>(0x80u >> (bit % 8));
    if ((first.bytes[bit / 8] & mask) != (asked.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

bool peer_contains(const ir::Peer& peer, const Address& address) {
  const Address a = normalised(address);
  switch (peer.kind) {
    case ir::PeerKind::kAny:
      return true;
    case ir::PeerKind::kLocalhost:
      return is_localhost(a);
    case ir::PeerKind::kInternal:
      return is_local_network(a) && !is_metadata(a);
    case ir::PeerKind::kExternal:
      return is_external(a);
    case ir::PeerKind::kBlocks:
      return std::any_of(peer.blocks.begin(), peer.blocks.end(),
                         [&](const ir::Cidr& block) { return block_contains(block, a); });
  }
  return false;
}

bool ports_contain(const ir::NetworkRule& rule, uint32_t port) {
  return std::any_of(rule.ports.begin(), rule.ports.end(),
                     [&](const ir::PortRange& range) { return range.first <= port && port <= range.last; });
}

}  // namespace treeline::passes
