// SPDX-License-Identifier: Apache-2.0
//
// The filter of listed calls: what the profile's `syscalls` name passes, under conditions on arguments (arguments.h), and
// so does what the container runtime needs before the entrypoint (runtime_calls.h). All else is refused with EPERM.
//
//   seccomp.json   OCI's linux.seccomp, fields of the runtime specification only: runc, crun, Docker and Podman
//                  (--security-opt seccomp=FILE) and Kubernetes (a localhost profile) take it as it is
//   seccomp.bpf    the program that seccomp(2) takes, of all the architectures named
//   seccomp.pfc    the same for people
//
//   std::optional<CallFilter> filter = lower_calls(policy, {}, diagnostics);
//   if (filter) ... filter->oci ...
//
// One filter for the whole workload: the union over all nodes, join included. nullopt where no node lists a call, or where
// errors were reported: a name that libseccomp does not know, and nothing would enforce or allow.
//
// Both filters have to hold: closing.json (lower.h) refuses nothing that this one lets pass, so that merging it in changes
// nothing. What is weaker than the profile says is in `residuals`: a node may make the other nodes' calls and the
// runtime's; a socket passes by its family; what a call is about is not seen; on 32-bit x86 socketcall hides the family.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/backends/seccomp/architecture.h"
#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::backends::seccomp {

constexpr std::string_view kCallsOci = "seccomp.json", kCallsBpf = "seccomp.bpf", kCallsPfc = "seccomp.pfc";
constexpr std::string_view kCallsOciKind = "seccomp", kCallsBpfKind = "seccomp-bpf", kCallsPfcKind = "seccomp-pfc";

struct CallOptions {
  std::vector<Architecture> architectures = all_architectures();  // never empty
};

// A rule of the profile that this filter holds less exactly than it is written.
struct CallResidual {
  ir::Position position;
  std::string message;
  bool hooks_hold_it = false;  // the bpf back end holds the rule exactly
};

struct CallFilter {
  std::string oci, bpf, pfc;
  std::vector<CallResidual> residuals;
  size_t listed = 0;   // calls of the profile, those too that the filter refuses (reported)
  size_t runtime = 0;  // that pass for the runtime alone
};

// Does any node list calls?
bool lists_calls(const ir::Policy& policy);
// Names that are no system call of any architecture: errors, also where no filter is made.
void report_unknown_calls(const ir::Policy& policy, Diagnostics& diagnostics);

std::optional<CallFilter> lower_calls(const ir::Policy& policy, const CallOptions& options, Diagnostics& diagnostics);

}  // namespace treeline::backends::seccomp
