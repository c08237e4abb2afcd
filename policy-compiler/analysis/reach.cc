// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/reach.h"

#include <algorithm>

#include "bpf/lsm/abi.h"

namespace treeline::analysis {

bool faces_network(const ir::Node& node) {
  return std::any_of(node.network.begin(), node.network.end(), [](const ir::NetworkRule& rule) { return rule.direction == ir::Direction::kIn; }) ||
         std::any_of(node.sockets.begin(), node.sockets.end(), [](const ir::NumberRule& socket) {
           return socket.value == TL_SOCK_VSOCK || socket.value == TL_SOCK_PACKET || socket.value == TL_SOCK_XDP;
         });
}

Reach reach_from_network(const ir::Policy& policy) {
  Reach reach;
  reach.from.assign(policy.nodes.size(), ir::kNoNode);
  std::vector<uint32_t> queue;
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    if (!faces_network(policy.nodes[n])) continue;
    reach.from[n] = n;
    queue.push_back(n);
  }
  for (size_t at = 0; at < queue.size(); ++at) {
    const uint32_t n = queue[at];
    const auto go = [&](uint32_t to) {
      if (to >= policy.nodes.size() || reach.from[to] != ir::kNoNode) return;
      reach.from[to] = reach.from[n];
      queue.push_back(to);
    };
    for (const uint32_t child : policy.nodes[n].children) go(child);
    for (const ir::Node::BackEdge& edge : policy.nodes[n].back_edges) go(edge.target);
  }
  return reach;
}

}  // namespace treeline::analysis
