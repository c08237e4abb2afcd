// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/ir/policy.h"

#include <algorithm>

#include "bpf/lsm/abi.h"

namespace treeline::ir {

std::string canonical_path(const Policy& policy, uint32_t node) {
  std::vector<uint32_t> steps;
  for (uint32_t at = node; at != kNoNode; at = policy.nodes[at].parent) steps.push_back(at);
  const bool joins =
      !steps.empty() && std::find(policy.join.begin(), policy.join.end(), steps.back()) != policy.join.end();
  std::string out = joins ? "join" : "entry";
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const Node& at = policy.nodes[*step];
    out += " > " + at.executable.text;
    if (at.interpreter) out += " (" + at.interpreter->text + ")";
  }
  return out;
}

OnViolation cost_of_any(const Policy& policy, uint32_t node) {
  return node == kNoNode ? policy.on_violation : policy.nodes[node].on_violation.value_or(policy.on_violation);
}

OnViolation cost_of(const Policy& policy, uint32_t node, ViolationKind kind) {
  const auto at = static_cast<size_t>(kind);
  if (node != kNoNode) {
    const Node& own = policy.nodes[node];
    if (own.violation_costs.kinds[at]) return *own.violation_costs.kinds[at];
    if (own.on_violation) return *own.on_violation;
  }
  return policy.violation_costs.kinds[at].value_or(policy.on_violation);
}

bool dearer(OnViolation cost, OnViolation than) {
  const auto rank = [](OnViolation of) {
    switch (of) {
      case OnViolation::kDeny: return 0;
      case OnViolation::kKill: return 1;
      case OnViolation::kFreezeContainer: return 2;
      case OnViolation::kKillContainer: return 3;
    }
    return 0;
  };
  return rank(cost) > rank(than);
}

uint64_t node_key(const std::string& canonical_path) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : canonical_path) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ull;
  }
  return tl_mix(hash);
}

const std::vector<Cidr>& metadata_addresses() {
  static const std::vector<Cidr> kAddresses = {{false, {169, 254, 169, 254}, 32},
                                               {false, {169, 254, 170, 2}, 32},
                                               {false, {169, 254, 170, 23}, 32},
                                               {false, {100, 100, 100, 200}, 32},
                                               {true, {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}, 128},
                                               {true, {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23}, 128}};
  return kAddresses;
}

}  // namespace treeline::ir
