// SPDX-License-Identifier: Apache-2.0
//
// An SELinux module in CIL for the container of a workload, in the style that udica made usual: a block that inherits
// `container`, and beside it what this workload needs.
//
//   selinux::Lowered lowered = selinux::lower(policy, {{{"/var/log/web", ""}}});
//   semodule -i treeline_web.cil /usr/share/udica/templates/base_container.cil
//   podman run --security-opt label=type:treeline_web.process ...
//
// SELinux knows labels, not paths, and one domain for all programs of the container. All files of a container have one
// label, so file rules can only be held for what is mounted from the host (`mounts`); ports are held by their type,
// which may hold other ports too. So this is a fence around the workload, behind the image, which holds the profile;
// each residual says what the fence does not hold.
//
// Sources of fact: the CIL reference guide; classes and permissions of the kernel's
// security/selinux/include/classmap.h; types of ports and directories as the reference policy and Fedora's name them
// (types.cc).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::backends::selinux {

constexpr std::string_view kArtifact = "selinux.cil";
constexpr std::string_view kArtifactKind = "selinux";

// A directory of the host, by its path in the container, and the type of what lies there.
struct Mount {
  std::string path;
  std::string type;  // "": the usual one of that path; where there is none, a residual
};

struct Options {
  std::vector<Mount> mounts;
};

struct Residual {
  ir::Position position;  // line 0: holds for every rule
  std::string message;
  std::string_view remedy = {};  // "": the image holds it
};

struct Lowered {
  std::string text;
  std::string label;  // "treeline_web.process"; of "web-x": "treeline_web_x_HASH.process"
  std::vector<Residual> residuals;
  std::set<ir::Position> not_held;  // rules of which the text holds nothing
};

Lowered lower(const ir::Policy& policy, const Options& options = {});

}  // namespace treeline::backends::selinux
