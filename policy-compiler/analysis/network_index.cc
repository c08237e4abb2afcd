// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/network_index.h"

#include <algorithm>

namespace treeline::analysis {
namespace {

std::array<uint8_t, 16> masked(std::array<uint8_t, 16> bytes, unsigned bits) {
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const unsigned kept = std::min(bits - std::min(bits, 8 * i), 8u);
    bytes[i] = static_cast<uint8_t>(bytes[i] & (0xff00u >> kept));
  }
  return bytes;
}

std::vector<ir::PortRange> disjoint(std::vector<ir::PortRange> ports) {
  std::sort(ports.begin(), ports.end(), [](ir::PortRange a, ir::PortRange b) { return a.first < b.first; });
  std::vector<ir::PortRange> out;
  for (const ir::PortRange range : ports) {
    if (!out.empty() && range.first <= out.back().last)
      out.back().last = std::max(out.back().last, range.last);
    else
      out.push_back(range);
  }
  return out;
}

bool contain(const std::vector<ir::PortRange>& ports, uint32_t port) {
  const auto above = std::upper_bound(ports.begin(), ports.end(), port, [](uint32_t p, ir::PortRange range) { return p < range.first; });
  return above != ports.begin() && port <= std::prev(above)->last;
}

}  // namespace

NetworkIndex::NetworkIndex(const std::vector<ir::NetworkRule>& rules) {
  for (uint32_t r = 0; r < rules.size(); ++r) {
    const ir::NetworkRule& rule = rules[r];
    rules_.push_back({&rule, disjoint(rule.ports)});
    if (rule.direction == ir::Direction::kIn || rule.peer.kind != ir::PeerKind::kBlocks) {
      others_.push_back(r);
      continue;
    }
    for (const ir::Cidr& block : rule.peer.blocks) {
      // ::ffff:10.0.0.0/104 is 10.0.0.0/8; a shorter prefix is no block of IPv4.
      const passes::Address given{block.v6, block.address};
      const passes::Address first = block.v6 && block.prefix >= 96 ? passes::normalised(given) : given;
      const unsigned bits = first.v6 == block.v6 ? block.prefix : block.prefix - 96u;
      prefixes_.emplace(first.v6, bits);
      blocks_[{{first.v6, bits}, masked(first.bytes, bits)}].push_back(r);
    }
  }
}

std::vector<const ir::NetworkRule*> NetworkIndex::take(ir::Direction direction, ir::Protocol protocol, const passes::Address& address, uint32_t port) {
  std::vector<const ir::NetworkRule*> out;
  const passes::Address asked = passes::normalised(address);
  const auto look_at = [&](std::vector<uint32_t>& candidates) {
    std::erase_if(candidates, [&](uint32_t number) {
      Rule& known = rules_[number];
      const ir::NetworkRule& rule = *known.rule;
      if (known.taken) return true;
      if (rule.direction != direction || rule.protocol != protocol || !contain(known.ports, port)) return false;
      const bool by_word = direction == ir::Direction::kOut && rule.peer.kind != ir::PeerKind::kBlocks;
      if (by_word && !passes::peer_contains(rule.peer, asked)) return false;
      known.taken = true;
      out.push_back(&rule);
      return true;
    });
  };
  look_at(others_);
  for (const Prefix& prefix : prefixes_) {
    if (direction != ir::Direction::kOut || prefix.first != asked.v6) continue;
    const auto at = blocks_.find({prefix, masked(asked.bytes, prefix.second)});
    if (at != blocks_.end()) look_at(at->second);
  }
  return out;
}

}  // namespace treeline::analysis
