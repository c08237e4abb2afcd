// SPDX-License-Identifier: Apache-2.0
//
// Which network rules of a node grant an act, asked for many acts: a node may have as many peers as there are acts, so blocks and ports are looked up,
// and a rule that was named is not looked at again.
//
//   NetworkIndex index(node.network);
//   for (const ir::NetworkRule* rule : index.take(direction, protocol, address, port)) ...   // each rule once, at its first act
#pragma once

#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/network_match.h"

namespace treeline::analysis {

class NetworkIndex {
 public:
  explicit NetworkIndex(const std::vector<ir::NetworkRule>& rules);  // which must outlive it

  // As passes::peer_contains and ports_contain say. What listens has no peer yet (the address is its own): of what comes in any peer is one.
  std::vector<const ir::NetworkRule*> take(ir::Direction direction, ir::Protocol protocol, const passes::Address& address, uint32_t port);

 private:
  struct Rule {
    const ir::NetworkRule* rule;
    std::vector<ir::PortRange> ports;  // ascending, disjoint
    bool taken = false;
  };
  using Prefix = std::pair<bool, unsigned>;  // of IPv6; bits
  using Block = std::pair<Prefix, std::array<uint8_t, 16>>;

  std::vector<Rule> rules_;
  std::vector<uint32_t> others_;  // those that no block decides
  std::set<Prefix> prefixes_;
  std::map<Block, std::vector<uint32_t>> blocks_;  // of what goes out
};

}  // namespace treeline::analysis
