// SPDX-License-Identifier: Apache-2.0
//
// Which profiles there are, and which exec leads from one to another.
//
//   tree   a profile for each node; an exec takes a named transition (px -> NAME). The parser takes kMostNamed names in one
//          profile; a node with more steps has children as local profiles, which are found by their path (cx) and need no
//          name. A local profile has no local ones of its own, so that a node that needs some is never local itself.
//          Several roots (entry and join) become one profile, since a runtime names one for all that it starts: the union of
//          their rights and steps. From there on two nodes share a profile only where they have to: where one program may lead
//          to both, from nodes that share one themselves (steps.h). Where a step cannot be said exactly, or more names are needed than
//          there are, the node shares one profile with all that is reached from it, and every exec stays in that (ix).
//   flat   one profile for all nodes, and every exec of the tree stays in it (ix); the hooks hold the tree. For workloads
//          under no_new_privs, where the kernel refuses every transition; where the first program's own steps cannot be
//          said; and where the tree would have more profiles than the policy has nodes, or hold several times its rules.
//
// Each sharing is a residual of the rules that it widens, and a Merge that names the nodes and the reason.
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

// Nodes that share a profile.
struct Merge {
  ir::Position position;
  std::string message;
};

struct Shape {
  bool tree = false;
  std::vector<Profile> profiles;    // the first one is the entry's
  std::vector<Residual> residuals;  // of the shape itself
  std::vector<Merge> merges;        // but for what no_new_privs asks for
  std::vector<std::vector<uint32_t>> shared;  // nodes of a profile that holds more than one; a node may be in several
  size_t effort = 0;  // steps looked at to find the profiles
};

Shape make_shape(const ir::Policy& policy, bool no_new_privs);

}  // namespace treeline::backends::apparmor
