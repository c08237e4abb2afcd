// SPDX-License-Identifier: Apache-2.0
//
// What must hold between the paths of a policy, proved on the automaton over all of them:
//
//   - W xor X: no file that any node may write, append to, create, rename to, mknod or link is one that any node may
//   execute,
//     map executable, or that interprets a script. Over the whole workload: an attacker who writes in one node and
//     executes in another has won as well. A file rule with `unsafe_write_and_execute` is exempt, and so is, where it
//     meets such a rule of the same node, one that holds no word which that lacks. Every such signature is reported (warning),
//     met by another rule or not: the kernel asks for it alone. What lies in memory ({memfd}, {sysv-shm}) is written without asking any
//     rule, so there every node that executes or maps has to sign.
//   - One exec, one node: two steps of a node never match the same executable and lead to different nodes.
//
//   if (!check_paths(policy, *paths, diagnostics)) return;   // reported
//
// Each pair of rules that meet is reported once, at the writing rule, with a path that both match. What this does not
// protect against: one file mounted under both names (treeline-oci refuses the start: enforcer/oci/two_names.h), and memory (the hooks' part).
#pragma once

#include "policy-compiler/passes/paths.h"

namespace treeline::passes {

// Whether the contents of an object without a path come by calls that no hook asks about: who executes or maps it has to sign.
bool made_in_memory(uint32_t reserved_class);

// False: an error was reported.
bool check_paths(const ir::Policy& policy, const Paths& paths, Diagnostics& diagnostics);

}  // namespace treeline::passes
