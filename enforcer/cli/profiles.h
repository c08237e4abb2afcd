// SPDX-License-Identifier: Apache-2.0
//
// AppArmor profiles of bundles, in the kernel: by apparmor_parser (Debian's package apparmor), which compiles them for what this kernel knows.
#pragma once

#include <optional>

#include "enforcer/cli/ask.h"
#include "enforcer/confine/apparmor.h"

namespace treeline::cli {

// Loads all of them, in place of those of the same names: what runs under one is under the new one at once. An Error with code ENOTSUP where this
// machine cannot.
Result<void> load_profiles(const confine::AppArmor& wanted);

// Those of a policy that treelined knows, if it is to be enforced and its bundle has some. Says what is wrong; what to exit with.
int hold_profiles(const Context& context, const std::string& policy);

}  // namespace treeline::cli
