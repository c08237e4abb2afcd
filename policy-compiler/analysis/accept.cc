// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/accept.h"

#include <algorithm>
#include <map>
#include <set>

#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

// What stands at a place of the profile: the nodes that have it and the rule's text. A rule of a group stands in several nodes.
struct Place {
  std::set<uint32_t> nodes;
  std::set<std::string> texts;
};

std::map<Position, Place> places_of(const ir::Policy& policy) {
  std::map<Position, Place> places;
  const auto add = [&](Position position, uint32_t node, const std::string& text) {
    Place& place = places[position];
    place.nodes.insert(node);
    place.texts.insert(text);
  };
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    const ir::Node& node = policy.nodes[n];
    // A step belongs to the node that may take it, and the accepting node may be either end.
    add(node.position, n, node.executable.text);
    add(node.executable.position, n, node.executable.text);
    for (const bundle::RuleEntry& rule : rules_of(policy, n))
      if (rule.kind != "exec") add(rule.position, n, rule.pattern);
    for (const ir::Node::BackEdge& edge : node.back_edges) add(edge.executable.position, n, edge.executable.text);
  }
  return places;
}

// The first acceptance of the node for this finding; nullptr: none.
const ir::Accepted* acceptance(const ir::Node& node, const Diagnostic& finding, const Place& place) {
  for (const ir::Accepted& accepted : node.accepted)
    if (accepted.code == finding.code && (accepted.about.empty() || place.texts.count(accepted.about) != 0)) return &accepted;
  return nullptr;
}

}  // namespace

void apply_accepted(const ir::Policy& policy, Diagnostics& diagnostics) {
  if (std::all_of(policy.nodes.begin(), policy.nodes.end(), [](const ir::Node& node) { return node.accepted.empty(); })) return;
  const std::map<Position, Place> places = places_of(policy);
  std::set<const ir::Accepted*> used;
  for (size_t i = 0; i < diagnostics.list().size(); ++i) {
    const Diagnostic& finding = diagnostics.list()[i];
    const auto at = places.find(finding.position);
    if (finding.severity == Severity::kError || at == places.end()) continue;
    // What stands in several nodes is accepted where all of them say so.
    std::string reason;
    bool all = true;
    for (const uint32_t n : at->second.nodes) {
      const ir::Accepted* accepted = acceptance(policy.nodes[n], finding, at->second);
      all = all && accepted != nullptr;
      if (accepted == nullptr) continue;
      used.insert(accepted);
      if (reason.empty()) reason = accepted->reason;
    }
    if (all) diagnostics.accept(i, reason);
  }
  std::set<std::string> codes;
  for (const Diagnostic& finding : diagnostics.list()) codes.insert(finding.code);
  const std::vector<std::string_view> known(codes.begin(), codes.end());
  for (const ir::Node& node : policy.nodes)
    for (const ir::Accepted& accepted : node.accepted) {
      if (used.count(&accepted) != 0) continue;
      const std::string guess = codes.count(accepted.code) != 0 ? "" : text::did_you_mean(text::closest(accepted.code, known));
      diagnostics.warning(accepted.position, "accept-unused",
                          "nothing here is found as " + text::quoted(accepted.code) +
                              (accepted.about.empty() ? "" : " about " + text::quoted(accepted.about)),
                          guess.empty() ? "remove it, or name a finding of this node as `check` prints it; mistakes cannot be accepted" : guess);
    }
}

}  // namespace treeline::analysis
