// SPDX-License-Identifier: Apache-2.0
//
// What the enforcer reads of the profiles.
#pragma once

#include <string>

#include "enforcer/confine/apparmor.h"
#include "policy-compiler/backends/apparmor/lower.h"

namespace treeline::backends::apparmor {

// Why it refuses them, or that it takes another profile for the first; "": neither.
inline std::string not_taken(const ir::Policy& policy, const Options& options) {
  const Lowered lowered = lower(policy, options);
  bundle::Bundle bundle;
  bundle.name = policy.name;
  bundle.artifacts.push_back({std::string(kArtifact), std::string(kArtifactKind), lowered.text, 0, ""});
  const Result<std::optional<confine::AppArmor>> taken = confine::apparmor_of(policy.name, bundle);
  if (!taken) return taken.error().message;
  return *taken && (*taken)->name == lowered.entry ? "" : "another first profile";
}

}  // namespace treeline::backends::apparmor
