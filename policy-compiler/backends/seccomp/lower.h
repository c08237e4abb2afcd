// SPDX-License-Identifier: Apache-2.0
//
// The closing filter: what no LSM hook answers for, on some kernels or on any, is refused by system call.
//
//   user namespaces (a hook since 6.1), userfaultfd (since 5.12) and io_uring (since 5.16): closed here for older kernels
//   modify_ldt, seccomp listeners: no kernel has a hook
//   what a policy lets nodes `append` to and not `write`: no hook sees a hole punched into it, nor a write that says
//   that it does not append (RWF_NOAPPEND, 6.9)
//
// One filter for the whole workload, since seccomp cannot tell nodes apart: a door stays open where any node of the
// policy, join included, holds its operation; the last is closed by every policy that has such a rule, with EOPNOTSUPP,
// which programs take for a file system that cannot. Everything else passes; this is no list of what the workload may call.
//
//   bundle.artifacts.push_back({"closing.json", "seccomp", backends::seccomp::lower(policy), 0, ""});
//
// The text is an object as config.json's linux.seccomp (OCI runtime specification), byte-stable, with the list of calls
// empty where every door is open. It names the architectures of x86-64 and of arm64 machines: a filter takes what its
// own machine has, and the compiler does not know which that will be.
//
// Who reads it: enforcer/confine (treeline run), enforcer/oci (the wrapper). They take what is written here, no more.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::backends::seccomp {

constexpr std::string_view kArtifact = "closing.json";
constexpr std::string_view kArtifactKind = "seccomp";

std::string lower(const ir::Policy& policy);

// With what the closing filter answers this call, whatever its arguments: an errno; 0 where it passes with some.
int closing_errno(const ir::Policy& policy, std::string_view call);

// A rule that no hook holds, and this filter not by node: it has to stay open for those that do not hold the operation.
struct ClosingResidual {
  ir::Position position;
  std::string message;
};
std::vector<ClosingResidual> closing_residuals(const ir::Policy& policy);

}  // namespace treeline::backends::seccomp
