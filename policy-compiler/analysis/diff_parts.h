// SPDX-License-Identifier: Apache-2.0
//
// The parts of compare() (diff.h), each for one kind of rule. `changes` has an entry for each pair of nodes.
#pragma once

#include <vector>

#include "policy-compiler/analysis/diff.h"
#include "policy-compiler/analysis/spots.h"
#include "policy-compiler/analysis/tree_pairs.h"

namespace treeline::analysis {

using Changes = std::vector<std::vector<Change>>;

struct Comparison {
  const Version& before;
  const Version& after;
  const Spots& spots;
  const TreePairs& tree;
};

// Access words on files and objects, and who may interpret a script.
void compare_files(const Comparison& comparison, Changes& changes);
// Steps of the tree.
void compare_steps(const Comparison& comparison, Changes& changes);
// Network, sockets, capabilities, operations, users, system calls, digest, on_violation, acceptances, and shells that the network newly reaches.
// False: a node's network rules are too many to be held against the other version's.
bool compare_rules(const Comparison& comparison, Changes& changes);

// By row: the gravest of what it holds, or what it may start holds.
std::vector<Grade> gravest_held(const Version& version, const Spots& spots, bool after);

// Canonical path of a row; "entry", "join".
std::string row_name(const ir::Policy& policy, uint32_t row);
const ir::Node* node_at(const ir::Policy& policy, uint32_t row);

}  // namespace treeline::analysis
