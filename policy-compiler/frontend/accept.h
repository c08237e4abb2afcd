// SPDX-License-Identifier: Apache-2.0
//
// `accept:` of a node: which findings of `check` a person took, and why.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "policy-compiler/frontend/document.h"
#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::frontend {

constexpr size_t kMaxAccepted = 1'000;  // of a node
constexpr size_t kMaxReason = 500;      // bytes

// The codes that may stand there: warnings and notes about a node or a rule, by `check` or a back end, sorted.
std::span<const std::string_view> accepted_codes();

// Whether there is such a finding is asked by analysis/accept.h.
void read_accept(const Value& value, std::vector<ir::Accepted>& accepted, Diagnostics& diagnostics);

}  // namespace treeline::frontend
