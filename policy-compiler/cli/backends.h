// SPDX-License-Identifier: Apache-2.0
//
// What stands in a bundle beside the image: the artifacts of the other back ends, which ones `--backend` chose, and the rule
// that every rule of the profile is enforced exactly by one of them, or refused; unless a person wrote into the node that weaker will do
// (`accept: {residual: ...}`, analysis/accept.h).
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/backends/apparmor/lower.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/seccomp/architecture.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/cli/commands.h"
#include "policy-compiler/support/diagnostics.h"
#include "policy-compiler/support/result.h"

namespace treeline::cli {

struct Chosen {
  bool seccomp = false, apparmor = false;
  std::vector<backends::seccomp::Architecture> architectures;
  backends::apparmor::Options profiles;
};
// An Error is one of the command line.
Result<Chosen> choose_backends(const CompileOptions& options);

struct Beside {
  std::vector<bundle::Artifact> artifacts;
  std::vector<bundle::Residual> residuals;
};
// `strict`: a filter of system calls that is asked for and cannot be made is a mistake too.
Beside lower_beside(const ir::Policy& policy, const Chosen& chosen, const std::vector<backends::bpf::Residual>& of_image,
                    bool strict, Diagnostics& diagnostics);

// For `check`, which does not know the back ends: what the image and the closing filter do not hold, and `compile` will refuse unless it is accepted, is a
// warning; what nothing holds a mistake.
void note_residuals(const ir::Policy& policy, const std::vector<backends::bpf::Residual>& of_image, Diagnostics& diagnostics);

}  // namespace treeline::cli
