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

uint64_t node_key(const std::string& canonical_path) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : canonical_path) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ull;
  }
  return tl_mix(hash);
}

}  // namespace treeline::ir
