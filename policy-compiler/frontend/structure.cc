// SPDX-License-Identifier: Apache-2.0
//
// What is asked of the tree as a whole, without knowing what a pattern matches.
#include <algorithm>
#include <unordered_map>

#include "bpf/lsm/abi.h"
#include "policy-compiler/frontend/tree.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

using Labels = std::unordered_map<std::string_view, uint32_t>;

Labels check_labels(const Tree& tree, Diagnostics& diagnostics) {
  Labels labels;
  std::unordered_map<std::string_view, uint32_t> lines;
  for (const Tree::Label& label : tree.labels) {
    const std::string& id = tree.policy.nodes[label.node].id;
    const auto [seen, fresh] = lines.emplace(id, label.position.line);
    if (fresh)
      labels.emplace(id, label.node);
    else
      diagnostics.error(label.position, "duplicate-id",
                        "id " + text::quoted(id) + " is taken, on line " + std::to_string(seen->second),
                        "give one of the two nodes another id");
  }
  return labels;
}

bool is_above(const ir::Policy& policy, uint32_t ancestor, uint32_t node) {
  for (uint32_t at = node; at != ir::kNoNode; at = policy.nodes[at].parent)
    if (at == ancestor) return true;
  return false;
}

void resolve_back_edges(Tree& tree, const Labels& labels, Diagnostics& diagnostics) {
  for (const Tree::BackEdge& edge : tree.back_edges) {
    const auto label = labels.find(edge.label);
    if (label == labels.end()) {
      std::vector<std::string_view> above;
      for (uint32_t at = edge.node; at != ir::kNoNode; at = tree.policy.nodes[at].parent)
        if (!tree.policy.nodes[at].id.empty()) above.push_back(tree.policy.nodes[at].id);
      const std::string guess = text::did_you_mean(text::closest(edge.label, above));
      diagnostics.error(edge.position, "back-edge-unknown", "no node has the id " + text::quoted(edge.label),
                        guess.empty() ? "give the node above that it means 'id: " + edge.label + "'" : guess);
      continue;
    }
    if (!is_above(tree.policy, label->second, edge.node)) {
      diagnostics.error(edge.position, "back-edge-not-above",
                        "node " + text::quoted(edge.label) + " is not above this place",
                        "'back_to' leads to an ancestor; give this child rules of its own");
      continue;
    }
    const ir::Node& target = tree.policy.nodes[label->second];
    if (edge.executable.text != target.executable.text &&
        (!target.interpreter || edge.executable.text != target.interpreter->text))
      diagnostics.warning(edge.position, "back-edge-program",
                          text::quoted(edge.executable.text) + " gets the rights of node " + text::quoted(edge.label) +
                              ", which is " + text::quoted(target.executable.text),
                          "give it rules of its own unless that is meant");
    tree.policy.nodes[edge.node].back_edges.push_back({edge.executable, label->second});
  }
}

struct Siblings {
  std::unordered_map<std::string_view, uint32_t> lines;
  Diagnostics& diagnostics;

  void add(const ir::Pattern& executable) {
    if (executable.text.empty()) return;
    const auto [seen, fresh] = lines.emplace(executable.text, executable.position.line);
    if (!fresh)
      diagnostics.error(
          executable.position, "duplicate-sibling",
          text::quoted(executable.text) + " is started here already, on line " + std::to_string(seen->second),
          "an exec leads to one node: merge the two");
  }
};

void check_siblings(const Tree& tree, Diagnostics& diagnostics) {
  const auto roots = [&](const std::vector<uint32_t>& list) {
    Siblings siblings{{}, diagnostics};
    for (const uint32_t index : list) siblings.add(tree.policy.nodes[index].executable);
  };
  roots(tree.policy.entry);
  roots(tree.policy.join);
  // Of equal places the back edge is reported, whichever comes first: its target has the rules.
  std::vector<Siblings> all(tree.policy.nodes.size(), Siblings{{}, diagnostics});
  for (const ir::Node& node : tree.policy.nodes)
    if (node.parent != ir::kNoNode) all[node.parent].add(node.executable);
  for (const Tree::BackEdge& edge : tree.back_edges) all[edge.node].add(edge.executable);
}

// One pattern may come from two places of a node (its own list and a group, two groups). Its words add up; an exemption
// must not spread from one place to the other unseen.
void check_exemptions(const ir::Node& node, Diagnostics& diagnostics) {
  if (std::none_of(node.files.begin(), node.files.end(),
                   [](const ir::FileRule& rule) { return rule.unsafe_write_and_execute; }))
    return;
  std::unordered_map<std::string_view, const ir::FileRule*> first;
  for (const ir::FileRule& rule : node.files) {
    const auto [seen, fresh] = first.emplace(rule.path.text, &rule);
    if (fresh || seen->second->unsafe_write_and_execute == rule.unsafe_write_and_execute) continue;
    diagnostics.error(rule.path.position, "exemption",
                      "this node has " + text::quoted(rule.path.text) +
                          " with and without 'unsafe_write_and_execute', also on line " +
                          std::to_string(seen->second->path.position.line),
                      "say the same in both places, or remove one");
  }
}

void check_netlink(const ir::Node& node, Diagnostics& diagnostics) {
  const auto socket = std::find_if(node.sockets.begin(), node.sockets.end(),
                                   [](const ir::NumberRule& rule) { return rule.value == TL_SOCK_NETLINK; });
  if (!node.netlink.empty() && socket == node.sockets.end())
    diagnostics.warning(node.netlink.front().position, "netlink-socket",
                        "netlink protocols are listed, but no netlink socket can be made",
                        "add 'netlink' to this node's 'sockets', or remove 'netlink'");
  if (node.netlink.empty() && socket != node.sockets.end())
    diagnostics.warning(socket->position, "netlink-protocol", "netlink sockets are allowed, but no netlink protocol is",
                        "list the protocols, such as 'netlink: [route]', or remove 'netlink' from 'sockets'");
}

}  // namespace

void check_structure(Tree& tree, Diagnostics& diagnostics) {
  const Labels labels = check_labels(tree, diagnostics);
  resolve_back_edges(tree, labels, diagnostics);
  check_siblings(tree, diagnostics);
  for (const ir::Node& node : tree.policy.nodes) {
    check_exemptions(node, diagnostics);
    check_netlink(node, diagnostics);
  }
  for (const auto& [name, group] : tree.groups)
    if (!group.used)
      diagnostics.warning(group.position, "unused-group", "no node uses group " + text::quoted(name),
                          "remove it, or name it under 'use'");
}

}  // namespace treeline::frontend
