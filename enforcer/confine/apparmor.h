// SPDX-License-Identifier: Apache-2.0
//
// The bundle's `apparmor`: text of AppArmor profiles, of which the first is what the entrypoint starts under. Who starts a container or a command
// under it checks that the kernel holds it; `treeline policy` and `treeline run` load it (enforcer/cli/profiles.h).
//
//   Result<std::optional<confine::AppArmor>> wanted = confine::apparmor_of(policy_name, bundle);
//   if (wanted && *wanted) Result<void> held = confine::is_held(**wanted);
//
// A name does not say which text the kernel has under it. Who loads notes that below kLoaded, which goes with the kernel, as what is loaded does: a profile
// that is there without a note, or with another one, is another version of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/support/result.h"

namespace treeline::confine {

constexpr std::string_view kAppArmorArtifact = "apparmor";
constexpr char kLoaded[] = "/run/treeline/profiles";  // a file for each first profile: its name, and SHA-256 of the text it was loaded from

struct AppArmor {
  std::string policy;  // for messages
  std::string name;    // of the first profile
  bool tree = false;   // more than one: an exec moves from one to another
  std::string text;
};

// Nothing: the bundle was compiled without. `policy`: for messages; the profiles' names are made of bundle.name. EBADMSG: a line is none that the back end writes,
// or a profile is not the policy's own, whatever the signature says: it would replace another's.
Result<std::optional<AppArmor>> apparmor_of(const std::string& policy, const bundle::Bundle& bundle);

// `profiles` is the text of /sys/kernel/security/apparmor/profiles: "NAME (MODE)" a line. "" or what is wrong.
std::string why_profile_does_not_hold(const AppArmor& wanted, std::string_view profiles);

// Does this kernel run AppArmor? An Error (ENOTSUP) says how it would.
Result<void> apparmor_runs(const AppArmor& wanted);
// It does, and the first profile is loaded from this text, and enforced. EPERM: it is not; ESTALE: from another text, or nobody noted from which.
Result<void> is_held(const AppArmor& wanted);
// That the kernel has it now. Before it is loaded: forget_loaded(), so that a load that fails leaves no note of another text. One of this text stays: it is
// true before, during and after the load, and containers are started meanwhile.
Result<void> note_loaded(const AppArmor& wanted);
Result<void> forget_loaded(const AppArmor& wanted);

}  // namespace treeline::confine
