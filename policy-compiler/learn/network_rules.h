// SPDX-License-Identifier: Apache-2.0
//
// Connections of one node -> network rules: the listener's port from any peer (from localhost where it listened on a
// loopback address only); each peer that was connected to, by address and port. Never a block wider than what was seen,
// but for localhost, which is one peer whatever its last octets are. A port that the kernel chose (32768-60999,
// ip_local_port_range) is no rule: a listener on one is a question, unless it was the same in every start.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/learn/observed.h"
#include "policy-compiler/learn/question.h"

namespace treeline::learn {

constexpr uint16_t kEphemeralFirst = 32768, kEphemeralLast = 60999;

struct LearnedNet {
  ir::NetworkRule rule;
  Use use;
  uint32_t pairs = 0;  // (address, port) pairs that were seen and are covered by it
};

bool is_loopback(bool v6, const std::array<uint8_t, 16>& address);

// Sorted. `starts`: how many were seen in all. `path`: of the node, for the questions.
std::vector<LearnedNet> network_rules(const std::map<NetUse, Use>& nets, uint32_t starts, const std::string& path,
                                      std::vector<Question>& questions);

}  // namespace treeline::learn
