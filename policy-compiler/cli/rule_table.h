// SPDX-License-Identifier: Apache-2.0
//
// The list of a policy's rules that the commands print and write; it stands in analysis/rule_table.h.
#pragma once

#include "policy-compiler/analysis/rule_table.h"

namespace treeline::cli {

using analysis::all_rules;
using analysis::rules_of;

}  // namespace treeline::cli
