// SPDX-License-Identifier: Apache-2.0
//
// Recursion: a program that starts itself (sh > make > sh > make > ...) gives an ever deeper tree; the profile gets a
// back edge.
//
// Folded is a cycle of up to kMaxCycle steps that was seen to turn twice (k-tails with k = 2: A > .. > A > .. > A, each
// step with equal executable and interpreter), and only if the nodes that become one differ in nothing that matters: no
// node gets an exec edge, a capability or a special operation that it was not seen to use itself. One exception lies in
// the nature of it: the last turn, behind which nothing was seen, may turn once more. Never folded: a shell below a
// node that listens on the network into one above that node. What may not be folded stays unrolled, as deep as it was
// seen, and is a question.
//
// Files, addresses and users of the folded nodes are united; `added` counts what that gives to nodes that did not use
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy-compiler/learn/observed.h"
#include "policy-compiler/learn/question.h"

namespace treeline::learn {

constexpr uint32_t kMaxCycle = 8;

struct TreeFold {
  struct Added {
    uint64_t exec_edges = 0, file_rights = 0, peers = 0, users = 0, calls = 0;
  } added;
  std::vector<std::string> folded;  // "entry > /bin/make > /bin/sh back to entry > /bin/make": for the summary
};

// Idempotent. Nodes that became part of another one stay in the vector, with merged_into set.
TreeFold fold_tree(Observed& observed, std::vector<Question>& questions);

// "entry > /entrypoint.sh (/bin/sh) > /usr/sbin/nginx"
std::string observed_path(const Observed& observed, uint32_t node);

// The node that `node` is now part of.
uint32_t current_node(const Observed& observed, uint32_t node);

// A node that answered to the network: it listened, or was reached.
bool is_network_facing(const ObservedNode& node);

}  // namespace treeline::learn
