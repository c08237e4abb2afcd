// SPDX-License-Identifier: Apache-2.0
//
// Which profiles there are, and which exec leads from one to another.
//
//   tree   a profile for each node; an exec takes a named transition (px -> NAME). The parser takes kMostNamed names in one
//          profile; a node with more steps has children as local profiles, which are found by their path (cx) and need no
//          name. A local profile has no local ones of its own, so that a node that needs some is never local itself.
//          Several roots (entry and join) become one profile, since a runtime names one for all that it starts: the union of
//          their rights and steps.
//   flat   one profile for all nodes, and every exec of the tree stays in it (ix); the hooks hold the tree. For workloads
//          under no_new_privs, where the kernel refuses every transition; and where a tree cannot be said exactly, with the
//          reason as a residual.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy-compiler/backends/apparmor/rights.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::backends::apparmor {

constexpr size_t kMostNamed = 12;  // AA_EXEC_COUNT less the fixed ones, parser 3.0

struct Profile {
  std::string name;                          // a local one: without its parent's
  std::string attachment;                    // of a local one: the glob that leads to it
  Rights rights;
  std::map<std::string, std::string> steps;  // glob of the executable -> "px -> NAME", "cx", "ix"
  std::vector<Profile> local;
};

struct Shape {
  bool tree = false;
  std::vector<Profile> profiles;    // the first one is the entry's
  std::vector<Residual> residuals;  // of the shape itself
};

Shape make_shape(const ir::Policy& policy, bool no_new_privs);

}  // namespace treeline::backends::apparmor
