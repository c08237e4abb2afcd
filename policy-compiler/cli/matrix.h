// SPDX-License-Identifier: Apache-2.0
//
// Which mechanism enforces which rule: a row for each rule, a column for each mechanism of the bundle (of a profile: those of `compile` without
// further options).
//
//   exact      held as written, by node
//   workload   held, but for all processes alike: the mechanism does not know nodes
//   in part    a residual of the back end names the rule (in bundles that were written before residuals had columns: its line): it cannot say all
//              of it
//   -          not of a kind that the mechanism knows (to AppArmor, what a runtime starts), or nothing of it is held: profiles with --complain only report, a
//              network policy has no rule for what
//              does not leave the pod, an SELinux module none for files of the container
//
// A rule without `exact` in its row is enforced more weakly than it reads; the command says which.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/cli/load.h"
#include "policy-compiler/cli/report.h"

namespace treeline::cli {

// Is this a target of `emit`?
bool is_emitted(std::string_view target);

// `targets`: what `emit` would write, with its options as they are by default, as further columns. Nobody has applied it: it does not count for what a
// rule is enforced by.
void show_matrix(Loaded& loaded, const std::vector<std::string>& targets, Report& report);

}  // namespace treeline::cli
