// SPDX-License-Identifier: Apache-2.0
//
// Which nodes an attacker from the network gets to: those that serve somebody, and all that they may execute, step by step, back edges included.
//
// Who serves localhost alone is one of them: a proxy beside it (the sidecar of a mesh, a web server before an application) hands on what comes from
// outside. So is who may have a vsock socket: no rule says whether it serves by it; and a packet or xdp socket, which receives what no rule judges.
//
// {socket} alone makes nobody one: each child with a socketpair as its stdin or output has it. An accepted connection is inherited from who listens, above.
#pragma once

#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::analysis {

// Somebody may send it something first.
bool faces_network(const ir::Node& node);

struct Reach {
  std::vector<uint32_t> from;  // by node: the listening node that leads to it (itself where it listens), else ir::kNoNode
  bool reached(uint32_t node) const { return node < from.size() && from[node] != ir::kNoNode; }
};
Reach reach_from_network(const ir::Policy& policy);

}  // namespace treeline::analysis
