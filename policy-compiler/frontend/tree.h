// SPDX-License-Identifier: Apache-2.0
//
// The process tree of a profile while it is read: nodes as they come, and what can only be resolved when all are there.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy-compiler/frontend/document.h"
#include "policy-compiler/ir/policy.h"

namespace treeline::frontend {

// Rules under a name; `rules` uses the node's lists only.
struct Group {
  ir::Node rules;
  Position position;
  bool used = false;
};
using Groups = std::map<std::string, Group, std::less<>>;

struct Tree {
  ir::Policy& policy;
  Groups groups;
  bool complete = true;  // the text was read to its end: what is not there is missing
  size_t rules = 0;      // of every kind so far, copies of groups included

  struct Label {
    uint32_t node;
    Position position;
  };
  std::vector<Label> labels;

  struct BackEdge {  // `executable`, started by `node`, leads to the ancestor labelled `label`
    uint32_t node;
    ir::Pattern executable;
    std::string label;
    Position position;  // of the label
  };
  std::vector<BackEdge> back_edges;
  size_t guesses = 0;  // which group was meant
};

// node.cc: `groups`, then the lists of roots under `entry` and `join`.
void read_groups(const Value& value, Tree& tree, Diagnostics& diagnostics);
void read_roots(const Entry& entry, Tree& tree, std::vector<uint32_t>& roots, Diagnostics& diagnostics);

// structure.cc: resolves back edges and reports what is wrong with the tree as a whole.
void check_structure(Tree& tree, Diagnostics& diagnostics);

}  // namespace treeline::frontend
