// SPDX-License-Identifier: Apache-2.0
//
// The parts of compare() (diff.h), each for one kind of rule. `changes` has an entry for each pair of nodes.
#pragma once

#include <optional>
#include <vector>

#include "policy-compiler/analysis/diff.h"
#include "policy-compiler/analysis/pattern_kinds.h"
#include "policy-compiler/analysis/spots.h"
#include "policy-compiler/analysis/tree_pairs.h"

namespace treeline::analysis {

using Changes = std::vector<std::vector<Change>>;

struct Comparison {
  const Version& before;
  const Version& after;
  const Spots& spots;
  const TreePairs& tree;
  PatternKinds& kinds;
};

// Where access words, or who may interpret a script, differ: sets the spot's entry in `differing`.
void find_differing_files(const Comparison& comparison, std::vector<Differs>& differing);

// Each reads the sights of what differs.
// Access words on files and objects, and who may interpret a script.
void compare_files(const Comparison& comparison, Changes& changes);
// Steps of the tree.
void compare_steps(const Comparison& comparison, Changes& changes);
// Network, sockets, capabilities, operations, users, system calls, digest, on_violation, acceptances, and shells that the network newly reaches.
// A node's network rules that are too many to be held against each other count as different where they are written otherwise.
void compare_rules(const Comparison& comparison, Changes& changes, std::vector<Doubt>& doubts);

// By row of the new version: the gravest of what it holds, or what it may start holds.
std::vector<Grade> gravest_held(const Comparison& comparison);

// What is not known is not clean.
inline Grade not_graded() { return {Risk::kCritical, "its names are too many to look at: any sensitive one may be among them"}; }

// Canonical path of a row; "entry", "join".
std::string row_name(const ir::Policy& policy, uint32_t row);
const ir::Node* node_at(const ir::Policy& policy, uint32_t row);

}  // namespace treeline::analysis
