// SPDX-License-Identifier: Apache-2.0
//
// What a policy's bundle wants in config.json beside the hook: its system call filter and its AppArmor profile. The
// wrapper writes it (a hook cannot), the hook verifies it. They refuse, so they belong to `enforce`: in learn
// and monitor nothing is written. A filter or profile of the engine's goes where the bundle has its own: replaced()
// says so.
//
//   seccomp.json   becomes linux.seccomp, byte for byte
//   closing.json   is merged into linux.seccomp, the engine's or the one above (closing.h); every bundle has it
//   apparmor       text of AppArmor profiles; the first one's name becomes process.apparmorProfile. It has to be loaded
//   by then
#pragma once

#include <optional>
#include <string>

#include "enforcer/confine/apparmor.h"
#include "enforcer/confine/closing.h"
#include "enforcer/oci/config.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

constexpr std::string_view kSeccompArtifact = "seccomp.json";

struct Confinement {
  std::string policy;                       // for messages
  std::string image;                        // what the hooks decide by
  std::optional<std::string> seccomp;       // JSON text of an object
  std::optional<confine::Closing> closing;  // none: compiled before there was one, not to be enforced
  std::optional<confine::AppArmor> apparmor;
};

// Reads the bundle as a whole: a damaged or altered one is an Error.
Result<Confinement> read_confinement(const std::string& policy, const std::string& bundle_directory);
Result<Confinement> confinement_of(const std::string& policy, const bundle::Bundle& bundle);

// The kernel refuses every AppArmor transition at exec under no_new_privs: a tree of profiles would stop the workload.
Result<void> check_pairing(const Confinement& wanted, const Config& config);
Result<void> apply(const Confinement& wanted, Config& config);
// What apply() would take out of config.json that the engine wrote, in words; "" for nothing.
std::string replaced(const Confinement& wanted, const Config& config);
// For a kernel whose hooks refuse what they can see: the filter keeps what they cannot (confine::beside_hooks).
void leave_to_hooks(Confinement& wanted);

// Does the closing filter have to be there? Optional: hooks refuse the most of it (treelined knows), and who set up the hook lets the rest go.
enum class ClosingFilter { kRequired, kOptional };
// config.json carries exactly this; merging the closing filter again would change nothing.
Result<void> verify(const Confinement& wanted, const Config& config, ClosingFilter closing);
// Is the policy's filter there, the closing one and its own, whether it has to be or not?
bool carries_filter(const Confinement& wanted, const Config& config);

}  // namespace treeline::oci
