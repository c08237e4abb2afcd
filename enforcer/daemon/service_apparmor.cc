// SPDX-License-Identifier: Apache-2.0
//
// What AppArmor enforces of a policy: a profile in the kernel, under a name that the whole machine shares. `treeline policy` loads it, treelined looks.
#include <cerrno>

#include "enforcer/confine/apparmor.h"
#include "enforcer/daemon/service.h"

namespace treeline::daemon {

std::optional<Error> Service::why_not_held(const store::Policy& policy) {
  Result<std::optional<confine::AppArmor>> wanted = confine::apparmor_of(policy.state.name, policy.bundle);
  if (!wanted) return wanted.error();
  if (!*wanted) return std::nullopt;
  if (Result<void> runs = confine::apparmor_runs(**wanted); !runs) return runs.error();
  if (Result<void> held = confine::is_held(**wanted); !held) return held.error();
  return std::nullopt;
}

// A second text under the name would hold the containers of the first, from the moment at which it is loaded.
Result<void> Service::profile_is_its_own(const std::string& name, uint32_t mode, const bundle::Bundle& bundle) const {
  Result<std::optional<confine::AppArmor>> wanted = confine::apparmor_of(name, bundle);
  if (!wanted) return wanted.error();
  if (!*wanted || (mode ? mode : registry_->mode_of(name)) != TL_MODE_ENFORCE) return {};
  for (const store::Policy* other : registry_->all()) {
    if (other->learning || other->transient || other->state.name == name || other->state.mode != TL_MODE_ENFORCE) continue;
    Result<std::optional<confine::AppArmor>> theirs = confine::apparmor_of(other->state.name, other->bundle);
    if (theirs && *theirs && (*theirs)->name == (*wanted)->name && (*theirs)->text != (*wanted)->text)
      return Error{"its AppArmor profile is called '" + (*wanted)->name + "', and so is that of policy '" + other->state.name + "', which is enforced and has another text: the kernel "
                       "holds one of them, for the containers of both. Compile it from a profile with another `name:`, or enforce one of them only",
                   EEXIST};
  }
  return {};
}

}  // namespace treeline::daemon
