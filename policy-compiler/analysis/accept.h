// SPDX-License-Identifier: Apache-2.0
//
// What a profile accepts of what `check` finds: `accept:` of a node (LANGUAGE.md) holds the code of a finding, what it is about, and why a
// person took it.
//
//   accept:
//     any-user: the image chooses the id at random
//     shell-behind-network:
//       /bin/sh: renders its templates by envsubst, reviewed 2026-03
//     dangerous-capability:
//       net_raw: ping of the gateway, SEC-12
//     sensitive-file:
//       /etc/shadow read: checks passwords, SEC-14
//     any-egress:
//       out udp any port 0-65535: games
//
// Without a name it covers what is of high risk at most; what is critical is named. Of a file rule it covers the words that it names; without words,
// again what is of high risk at most. What has become more is found again, and the acceptance with it (`accept-outgrown`).
// An accepted finding stays in the list, with its reason (SARIF: a suppression), and counts no more. Only warnings and notes can be accepted, never
// a mistake. An acceptance that meets nothing is a warning itself: it would wait for the day when something else earns that code.
#pragma once

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::analysis {

// `diagnostics` has to list all findings, so made with room for them: what it only counts cannot be signed for.
void apply_accepted(const ir::Policy& policy, Diagnostics& diagnostics);

// The same for `compile`, which finds less than `check`: says nothing of acceptances that meet nothing here.
//   accept:
//     residual: {syscalls: the container's own filter is narrower}
void apply_accepted_residuals(const ir::Policy& policy, Diagnostics& diagnostics);

}  // namespace treeline::analysis
