// SPDX-License-Identifier: Apache-2.0
//
// `on_violation:` of a profile and of a node: a word for all violations, or a mapping by what is violated.
#pragma once

#include <optional>

#include "policy-compiler/frontend/document.h"
#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::frontend {

constexpr size_t kMaxViolationPaths = 10'000;  // of a node, of a profile

struct Violation {
  std::optional<ir::OnViolation> otherwise;  // the word, or `default`
  ir::ViolationCosts costs;
};

// What has a mistake is reported and left out.
Violation read_violation(const Value& value, Diagnostics& diagnostics);

}  // namespace treeline::frontend
