// SPDX-License-Identifier: Apache-2.0
//
// A profile's own cases: what it must allow and must deny, kept beside it and asked at every change.
//
//   treeline-cases: 1
//   cases:
//     - {node: web, act: read, object: /etc/web/web.conf, expect: allow}
//     - {node: web, act: exec, object: /bin/sh, expect: deny}
//     - node: entry
//       act: exec
//       object: /entrypoint.sh
//       expect: allow
//       next: entry > /entrypoint.sh (/bin/sh)     # of an exec that is allowed: where it leads
//
// NODE, ACT and OBJECT are those of `treelinec explain`. YAML or JSON, read as a profile is: no anchors, tags, duplicate keys; the same limits of
// size and depth. All mistakes are reported at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/diagnostics.h"

namespace treeline::analysis {

constexpr int kCasesVersion = 1;

struct Case {
  std::string node, act, object;
  bool allow = false;
  std::string next;   // "": not asked
  Position position;  // of the case
  Position object_position, node_position, act_position, next_position;
};

// What could be read; with errors it is not whole.
std::vector<Case> read_cases(std::string_view text, Diagnostics& diagnostics);

}  // namespace treeline::analysis
