// SPDX-License-Identifier: Apache-2.0
//
// Which nodes an attacker from the network gets to: those that listen for more than this machine, and all that they may execute, step by step,
// back edges included.
#pragma once

#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::analysis {

// A rule that lets others than localhost send something first.
bool faces_network(const ir::Node& node);

struct Reach {
  std::vector<uint32_t> from;  // by node: the listening node that leads to it (itself where it listens), else ir::kNoNode
  bool reached(uint32_t node) const { return node < from.size() && from[node] != ir::kNoNode; }
};
Reach reach_from_network(const ir::Policy& policy);

}  // namespace treeline::analysis
