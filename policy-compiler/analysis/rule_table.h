// SPDX-License-Identifier: Apache-2.0
//
// Every rule of a policy as a row of rules.json: the one list that `explain` prints, the bundle carries and events are
// named by.
#pragma once

#include <vector>

#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::analysis {

// The rules of one node, in the order of its lists; steps to children and back edges last.
std::vector<bundle::RuleEntry> rules_of(const ir::Policy& policy, uint32_t node);

// Of all nodes, and the steps of the runtime (TL_ROW_ENTRY) and of what joins (TL_ROW_JOIN).
std::vector<bundle::RuleEntry> all_rules(const ir::Policy& policy);

}  // namespace treeline::analysis
