// SPDX-License-Identifier: Apache-2.0
//
// What is allowed by the language and still deserves a look: the findings of `check`. Each has a stable code, a risk (risk.h) and a remedy;
// critical and high ones are warnings, the others notes.
//
//   analysis::grade(policy, paths, diagnostics);          // of a policy without mistakes
//   analysis::apply_accepted(policy, diagnostics);        // accept.h: what the profile says it knows
//
// Patterns are graded by what they match, not by how they look (sensitive.h). Nothing here is a mistake: a profile with all of these can be
// compiled and enforced.
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/inclusion.h"
#include "policy-compiler/passes/paths.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::analysis {

// All of the below.
void grade(const ir::Policy& policy, const passes::Paths& paths, Diagnostics& diagnostics);

// Users, network, capabilities, operations, sockets, and steps and rules that can never be needed.
void grade_nodes(const ir::Policy& policy, Diagnostics& diagnostics);
// Files and steps: sensitive names, broad patterns, interpreters, shells that the network reaches.
// `most`: combinations with the sensitive names, 0: by the size of the policy; over it each pattern is looked at by itself, and what cannot be is said.
void grade_paths(const ir::Policy& policy, const passes::Paths& paths, Diagnostics& diagnostics, uint32_t most = 0);
// File and network rules that other rules of their node make superfluous.
void find_shadowed(const ir::Policy& policy, const passes::Paths& paths, Diagnostics& diagnostics);

}  // namespace treeline::analysis
