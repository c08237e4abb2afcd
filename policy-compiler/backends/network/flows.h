// SPDX-License-Identifier: Apache-2.0
//
// The network rules of a policy as a pod has them: the union over the nodes, with peers as blocks or selectors. What no
// kind of network policy holds has become a residual here; the three writers only write.
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/backends/network/lower.h"

namespace treeline::backends::network {

struct Block {
  ir::Cidr cidr;
  std::vector<ir::Cidr> except;  // strictly within
};

struct Peer {
  bool everything = false;
  std::vector<Block> blocks;
  std::optional<ir::PodSelector> pods;
  bool every_pod = false;  // beside the blocks, which mean pods too: `internal`
};

struct Port {
  ir::Protocol protocol = ir::Protocol::kTcp;
  uint16_t first = 1, last = 65535;  // all of them: 1..65535
  bool all() const { return first == 1 && last == 65535; }
};

struct Flow {
  ir::Direction direction = ir::Direction::kOut;
  Peer peer;
  std::vector<Port> ports;  // sorted, not overlapping
};

struct Flows {
  std::vector<Flow> list;  // outgoing first, then by peer
  std::vector<Residual> residuals;
  std::set<ir::Position> not_held;  // rules that no flow comes from
};

Flows gather(const ir::Policy& policy, const Options& options, Target target);

// Labels that select the workload's pods.
std::vector<ir::Label> own_labels(const ir::Policy& policy, const Options& options);
// metadata.name: the policy's name as RFC 1123 has it; where that changes it, with a short hash of it behind.
std::string object_name(const ir::Policy& policy);

}  // namespace treeline::backends::network
