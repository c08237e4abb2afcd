// SPDX-License-Identifier: Apache-2.0
//
// What one version of a policy allows and another does not, by place in the tree: by meaning, not by text. Files and steps are decided on the
// product of the two automata (passes/inclusion.h), the network as sets of addresses and ports (network_set.h), the rest as sets of numbers. So
// a rule that is split, joined, reordered, moved into a group or written with another pattern of the same meaning is no difference.
//
//   const Result<Diff> diff = compare({&old_policy, &old_paths}, {&new_policy, &new_paths});
//   for (const NodeDiff& node : diff->nodes)
//     for (const Change& c : node.changes) ...     // c.effect, c.risk, c.what, c.example
//
// Nodes are compared where one and the same chain of execs leads in both versions (tree_pairs.h), whatever the patterns of its steps. A node
// that no chain of the other version leads to is held against the node that it most likely was (same id, same program elsewhere): moved; or it
// is added or removed, and everything it holds is a difference. Of a moved one what it holds is none, but the step that newly leads to it has the
// risk of the gravest that it, or what it may start, holds: an id or a name hides nothing from worst_allowed().
//
// What is too much to be decided is compared as it is written (Spots::make_by_text), and said (Diff::doubts); a name whose kinds were too much to look
// at is critical.
//
// Not compared: the name of the policy, ids, groups, the order of anything; what a bundle has beside the image (diff_fences.h).
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/paths.h"
#include "policy-compiler/support/result.h"

namespace treeline::analysis {

struct Version {
  const ir::Policy* policy = nullptr;
  const passes::Paths* paths = nullptr;  // of a policy that passed check_paths()
};

enum class Effect : uint8_t {
  kAllowed,  // the new version allows it, the old one does not
  kDenied,   // the other way round
  kChanged,  // neither: what a violation costs
};
std::string_view effect_name(Effect effect);  // "allowed" "denied" "changed"

struct Change {
  Effect effect = Effect::kAllowed;
  Risk risk = Risk::kLow;
  std::string kind;     // as in rules.json, and "interpreter", "digest", "on_violation", "reach", "filter", "apparmor"
  std::string words;    // file: access words, "unsafe_write_and_execute"; net: "out tcp"; exec: where it leads to
  std::string what;     // the rule's pattern or word; net: the addresses and ports that differ
  std::string example;  // file, exec: a name that differs; "" where `what` says it
  bool whole = true;    // false: only a part of what the rule matches differs
  std::string why;      // of the risk
  ir::Position position;  // in the new version; of what is denied, in the old one
};

// Allowed first, then by risk, kind, place.
void sort_changes(std::vector<Change>& changes);

struct NodeDiff {
  enum class State : uint8_t { kKept, kMoved, kAdded, kRemoved };
  State state = State::kKept;
  std::string node;      // canonical path in the new version; of a removed one in the old
  std::string old_node;  // "" where it is the same
  ir::Position position;
  std::vector<Change> changes;  // sorted
};
std::string_view state_name(NodeDiff::State state);  // "kept" "moved" "added" "removed"

// What could not be compared by its meaning. What is written otherwise there counts as newly allowed and newly denied: too much, never too little.
struct Doubt {
  ir::Position position;  // in the new version
  std::string what;       // "the network rules of ... are too many to be held against each other"
};

struct Diff {
  std::vector<Doubt> doubts;
  std::vector<NodeDiff> nodes;  // in the order of the new version, removed ones last; only those with something to say
  bool empty() const { return nodes.empty(); }
  size_t count(Effect effect) const;
  // The gravest of what is newly allowed; nullopt: nothing is.
  std::optional<Risk> worst_allowed() const;
};

// Error: more pairs of nodes than the bound, so not even what is written can be compared.
Result<Diff> compare(const Version& before, const Version& after);

}  // namespace treeline::analysis
