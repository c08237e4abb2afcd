// SPDX-License-Identifier: Apache-2.0
//
// The AppArmor back end: a checked policy becomes the text of AppArmor profiles (apparmor.d(5)).
//
//   Lowered lowered = backends::apparmor::lower(policy, {});
//   bundle.artifacts.push_back({"apparmor", "apparmor", lowered.text, 0, ""});
//   # apparmor_parser --replace apparmor; then process.apparmorProfile = lowered.entry
//
// The tree as sibling profiles treeline.POLICY.NODE with named exec transitions, nodes that AppArmor cannot tell apart in one,
// or one flat profile treeline.POLICY (shape.h). No abstractions: a profile says all that it grants. The first profile of the text is the one that a runtime
// names for the container.
//
// A profile is never narrower than its node where the language gives a right by path, socket, capability or operation; where
// it is wider, a residual names the rule, and the hooks hold it. Stricter than the language are: an exclusive lock on a file
// that was opened for reading only (AppArmor wants w), opening a deleted file anew through /proc (unless the node holds
// {tmpfile}), and files of another mount namespace.
//
// no_new_privs: the kernel refuses every transition then, and the workload would not start; the flat shape has none. A tree
// for a container with process.noNewPrivileges is refused by treeline-oci.
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/backends/apparmor/rights.h"
#include "policy-compiler/backends/apparmor/shape.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::backends::apparmor {

constexpr std::string_view kArtifact = "apparmor";
constexpr std::string_view kArtifactKind = "apparmor";

struct Options {
  bool no_new_privs = false;  // the workload runs with it
  bool complain = false;      // the kernel reports what it would refuse
};

struct Lowered {
  std::string text;
  std::string entry;     // name of the first profile
  bool tree = false;
  size_t profiles = 0;   // local ones included
  std::vector<Residual> residuals;  // by line
  std::vector<Merge> merges;        // what a person has to know: which nodes share a profile, and why
  std::vector<std::vector<uint32_t>> shared;  // the nodes of each such profile
};

Lowered lower(const ir::Policy& policy, const Options& options);

}  // namespace treeline::backends::apparmor
