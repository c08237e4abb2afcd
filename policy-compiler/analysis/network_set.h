// SPDX-License-Identifier: Apache-2.0
//
// Network rules as sets of (address, port), and what is left of one when others are taken away: exact, whatever words the rules use. Two rules
// that are written differently and mean the same leave nothing.
//
//   const NetworkSet gained = network_left(rule, old_node.network);
//   if (!gained.empty()) report(rule.position, gained.text());      // "10.0.0.0/8 port 80,8000-8999"
//
// Only rules of the same direction and protocol are compared. Protocols without ports have one: all of them. Pods by their labels narrow a peer: a rule
// takes away from another one what it has for at least the same pods, without knowing which those are. Blocks take
// nothing from a rule with labels: for a network policy the two are different things.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/backends/bpf/intervals.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::analysis {

using Ports = std::vector<ir::PortRange>;  // ascending, disjoint, not touching

struct NetworkPart {  // every address with every port
  backends::bpf::Intervals v4, v6;
  Ports ports;
};

struct NetworkSet {
  ir::Protocol protocol = ir::Protocol::kTcp;
  std::vector<NetworkPart> parts;
  std::optional<ir::PodSelector> selector;  // of the rule: the parts are of these pods only
  bool empty() const { return parts.empty(); }
  // More than a quarter is as good as all to who steals: he needs one port, and one machine behind it.
  bool any_port() const;           // some part has as good as all ports
  bool any_address() const;        // all parts together, whatever their ports, have as good as all of the outside
  bool any_port_anywhere() const;  // as good as all of the outside, and as good as all ports of each of these, by whichever part
  bool outside() const;            // some part has an address of `external`
  bool metadata() const;           // a cloud's metadata service, over TCP and on its port
  NetworkReach reach() const;
  bool holds(const ir::Cidr& address, uint16_t port) const;  // a whole block: some of it
  std::string text() const;
};

// What any of them has. For questions about addresses: the parts may overlap.
NetworkSet together(const std::vector<NetworkSet>& sets);

// What `rule` grants and none of `others` does. `others` may hold rules of any kind; `except` is left out of them (its index, or -1).
NetworkSet network_left(const ir::NetworkRule& rule, const std::vector<ir::NetworkRule>& others, size_t except = SIZE_MAX);

}  // namespace treeline::analysis
