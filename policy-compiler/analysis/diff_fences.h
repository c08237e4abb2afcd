// SPDX-License-Identifier: Apache-2.0
//
// What of two bundles differs beside the image: the filter of listed system calls, the AppArmor profiles. The profile does not say which of
// them there are, nor whether they only report: that hangs on options of `compile`, so the artifacts are compared.
//
//   std::vector<Change> changes = compare_fences({&old_policy, old_calls, old_profiles}, {&new_policy, new_calls, new_profiles});
//
// A difference that the profiles explain (calls that a node lists or lists no more) is compare()'s (diff.h), and is not said twice. Not
// compared: the closing filter, which follows from the profile alone.
#pragma once

#include <string_view>
#include <vector>

#include "policy-compiler/analysis/diff.h"

namespace treeline::analysis {

struct Fences {
  const ir::Policy* policy = nullptr;
  std::string_view calls;     // the artifact's bytes; "": the bundle has none
  std::string_view profiles;  // of AppArmor
};

// Error: an artifact is not what `compile` writes.
Result<std::vector<Change>> compare_fences(const Fences& before, const Fences& after);

// Puts them at the node `entry`, as they are of the whole workload.
void add_fences(std::vector<Change> changes, Diff& diff);

}  // namespace treeline::analysis
