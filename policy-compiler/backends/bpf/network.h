// SPDX-License-Identifier: Apache-2.0
//
// Network rules as tables (abi.h): address ranges to peer classes, ports to port classes, and per row a bit for each
// (direction, protocol, peer class, port class). Two addresses are one class when the same rules name them; class 0 is
// what no rule names. passes/network_match.h says in prose what the words mean, and is what the tests hold this
// against.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/bpf/intervals.h"
#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::backends::bpf {

// The addresses that a peer's words mean, in no order and perhaps more than once; IPv4-mapped ones are in v4. For `any` every one.
struct PeerSet {
  Intervals v4;
  Intervals v6;
};
PeerSet peer_set(const ir::Peer& peer);

struct Network {
  std::vector<tl_range4> peers4;
  std::vector<tl_range6> peers6;
  std::vector<tl_port_range> ports;
  uint32_t peer_classes = 0;
  uint32_t port_classes = 0;
  std::vector<uint64_t> nets;
  std::vector<uint32_t> net;  // by node: index into nets; `none` for rows that are no node
  uint32_t none = 0;
};

// Ranges of one table that a lookup finds.
constexpr uint32_t kMostRanges = (1u << TL_RANGE_STEPS) - 1;

// nullopt: too many ranges or too large tables, reported.
std::optional<Network> make_network(const ir::Policy& policy, Diagnostics& diagnostics);

}  // namespace treeline::backends::bpf
