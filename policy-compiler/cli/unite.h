// SPDX-License-Identifier: Apache-2.0
//
// The union of profiles of one policy: what any of them allows at a place of the tree, the result allows there. Nodes
// are the same where their canonical paths are (ir::canonical_path); rules of equal pattern add their words up.
//
//   Union all;
//   for (const Profile& profile : profiles) all.add(profile.policy, diagnostics_of_that_profile);
//   ir::Policy policy = all.finish();
//
// What has no union is reported, in the diagnostics of the profile that came later, with the place in the other:
// digests, what a violation costs, exemptions (a signed rule takes in an unsigned one of equal pattern whose words it
// holds; other words nobody signed for), an exec that leads to two places. `accept` is carried over for what it names;
// for all findings of a code where every profile with the node says so. A profile that lists no system calls lets any
// pass, and so does a result with it: the lists of the others are dropped. That is said, as it is of an id that another
// node has. What the union may not hold (a file that one may write and the other may execute) is not asked here: the
// result has to pass the checks as any profile does.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::cli {

class Union {
 public:
  // `costs`: where its text says what a violation costs.
  void add(const ir::Policy& policy, Diagnostics& diagnostics, ir::Position costs = {});
  // Once. Positions of the result are those of the first profile that has the rule; they say nothing of the file.
  ir::Policy finish();

  // Where things came from, "a.yaml:3:5, b.yaml:7:5"; by the places that they have in `reread`, which is the result's
  // text read again.
  std::map<ir::Position, std::string> origins(const ir::Policy& reread) const;

 private:
  struct Places {  // of a node; the lists are parallel to the node's
    std::string node;
    std::vector<std::string> files, network, back_edges;
    std::map<std::string, size_t> file_index, network_index, back_edge_index;
  };

  std::string place(ir::Position position) const;
  uint32_t node_for(const ir::Node& from, uint32_t parent, std::vector<uint32_t>& siblings, Diagnostics& diagnostics);
  void add_list(const std::vector<uint32_t>& from, uint32_t parent, std::vector<uint32_t>& siblings,
                Diagnostics& diagnostics);
  void unite_node(const ir::Node& from, uint32_t into, bool fresh, Diagnostics& diagnostics);
  void unite_lists_of_calls(const ir::Policy& policy, Diagnostics& diagnostics);
  void unite_id(const ir::Node& from, uint32_t into, Diagnostics& diagnostics);
  void unite_accepted(const ir::Node& from, uint32_t into, bool fresh, Diagnostics& diagnostics);
  void unite_files(const ir::Node& from, uint32_t into, Diagnostics& diagnostics);
  void unite_network(const ir::Node& from, uint32_t into);
  void unite_back_edges(uint32_t from, Diagnostics& diagnostics);
  void walk(const ir::Policy& reread, const std::vector<uint32_t>& theirs, const std::vector<uint32_t>& ours,
            std::map<ir::Position, std::string>& out) const;

  ir::Policy all_;
  std::vector<Places> places_;        // by node of all_
  std::map<std::pair<uint32_t, std::string>, std::vector<uint32_t>> steps_;  // parent (or list of roots) and executable
  uint32_t roots_ = ir::kNoNode;      // which list of roots is being added
  const ir::Policy* from_ = nullptr;  // the profile that is being added
  std::string file_;
  std::vector<uint32_t> became_;  // its nodes -> those of all_
  bool any_call_ = false;         // a profile lists no system calls, so that all of them pass
  std::map<std::string, uint32_t> ids_;  // of the result -> its node
  std::set<std::string> ids_here_;       // of the profile that is being added
  std::set<uint32_t> targets_here_;      // its nodes that a back edge leads to
  size_t added_ = 0;
  std::string first_file_;
};

}  // namespace treeline::cli
