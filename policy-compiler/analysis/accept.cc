// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/accept.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

// What stands at a place of the profile: the nodes that have it and the rule's text, of a file rule its words. A rule of a group stands in
// several nodes.
struct Place {
  std::set<uint32_t> nodes;
  std::set<uint32_t> starters;  // of a step: the nodes that may take it
  std::set<std::string> texts;
  ir::AccessSet words = 0;
};

// What a person calls a rule. A peer and its ports say nothing without the direction and the protocol.
std::string name_of(const bundle::RuleEntry& rule) { return rule.kind == "net" ? rule.words + " " + rule.pattern : rule.pattern; }

std::map<Position, Place> places_of(const ir::Policy& policy) {
  std::map<Position, Place> places;
  const auto add = [&](Position position, uint32_t node, const std::string& text) {
    Place& place = places[position];
    place.nodes.insert(node);
    place.texts.insert(text);
  };
  for (uint32_t n = 0; n < policy.nodes.size(); ++n) {
    const ir::Node& node = policy.nodes[n];
    add(node.position, n, node.executable.text);
    // A step is accepted by either end: by the node that it leads to, or by the one that may take it.
    add(node.executable.position, n, node.executable.text);
    if (node.parent != ir::kNoNode) places[node.executable.position].starters.insert(node.parent);
    for (const bundle::RuleEntry& rule : rules_of(policy, n))
      if (rule.kind != "exec") add(rule.position, n, name_of(rule));
    for (const ir::FileRule& rule : node.files) {
      ir::AccessSet& words = places[rule.path.position].words;
      words = static_cast<ir::AccessSet>(words | rule.access);
    }
    for (const ir::Node::BackEdge& edge : node.back_edges) add(edge.executable.position, n, edge.executable.text);
    if (!node.syscalls.empty()) add(node.syscalls[0].position, n, "syscalls");  // all of them, as a residual names them
  }
  return places;
}

// "/etc/shadow read write" -> the pattern, and the words.
ir::AccessSet take_words(std::string_view& about) {
  ir::AccessSet words = 0;
  for (size_t space = about.rfind(' '); space != std::string_view::npos && space != 0; space = about.rfind(' ')) {
    const auto word = ir::names::access_words().find(about.substr(space + 1));
    if (!word) break;
    words = static_cast<ir::AccessSet>(words | *word);
    about = about.substr(0, space);
  }
  return (words & TL_WRITE) != 0 ? static_cast<ir::AccessSet>(words | TL_APPEND) : words;
}

enum class Covers : uint8_t { kNo, kOutgrown, kYes };

// Without a name an acceptance holds up to what is of high risk, and so it does for a file without words; with words for these.
Covers covers(const ir::Accepted& accepted, const Diagnostic& finding, const Place& place) {
  if (accepted.code != finding.code) return Covers::kNo;
  if (accepted.about.empty() || place.texts.count(accepted.about) != 0) {
    const bool named = !accepted.about.empty() && place.words == 0;
    return !named && finding.risk == risk_name(Risk::kCritical) ? Covers::kOutgrown : Covers::kYes;
  }
  std::string_view pattern = accepted.about;
  const ir::AccessSet words = take_words(pattern);
  if (words == 0 || place.texts.count(std::string(pattern)) == 0) return Covers::kNo;
  return (place.words & ~words) != 0 ? Covers::kOutgrown : Covers::kYes;
}

// The best acceptance of the node for this finding; nullptr: none.
const ir::Accepted* acceptance(const ir::Node& node, const Diagnostic& finding, const Place& place, Covers& how) {
  const ir::Accepted* best = nullptr;
  how = Covers::kNo;
  for (const ir::Accepted& accepted : node.accepted) {
    const Covers here = covers(accepted, finding, place);
    if (here <= how) continue;
    how = here;
    best = &accepted;
  }
  return best;
}

// The names of the node's network rules that were called by peer and ports alone.
std::string fuller_names(const ir::Policy& policy, uint32_t node, const std::string& about) {
  std::set<std::string> names;
  for (const bundle::RuleEntry& rule : rules_of(policy, node))
    if (rule.kind == "net" && rule.pattern == about) names.insert(text::quoted(name_of(rule)));
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : " or ") + name;
  return out;
}

bool accepts_nothing(const ir::Policy& policy) {
  return std::all_of(policy.nodes.begin(), policy.nodes.end(), [](const ir::Node& node) { return node.accepted.empty(); });
}

// What is accepted is marked; where the acceptances stand that met something (of a group: in several nodes), and, in `more`, those that something has
// outgrown.
std::set<Position> mark_accepted(const ir::Policy& policy, Diagnostics& diagnostics, Diagnostics& more) {
  const std::map<Position, Place> places = places_of(policy);
  std::set<Position> used, outgrown;
  const auto outgrew = [&](const ir::Accepted& accepted, const Diagnostic& finding, const Place& place) {
    if (!outgrown.insert(accepted.position).second) return;
    const std::string name = place.texts.empty() ? "" : *place.texts.begin();
    const std::string whole = place.words == 0 ? name : name + " " + ir::names::access_text(place.words);
    more.warning(accepted.position, "accept-outgrown",
                 "what was accepted as " + text::quoted(accepted.code) + " has become more: now it is " +
                     (finding.risk.empty() ? "" : finding.risk + ", ") + text::quoted(whole, 4096),
                 "look at it again; if it is right, write what it is about as well: " + text::quoted(whole, 4096) + ": why");
  };
  for (size_t i = 0; i < diagnostics.list().size(); ++i) {
    const Diagnostic& finding = diagnostics.list()[i];
    const auto at = places.find(finding.position);
    if (finding.severity == Severity::kError || at == places.end()) continue;
    // What stands in several nodes is accepted where all of them say so. The first one's reason; nullopt: some does not.
    const auto all_of = [&](const std::set<uint32_t>& nodes) {
      std::string reason;
      bool all = !nodes.empty();
      for (const uint32_t n : nodes) {
        Covers how = Covers::kNo;
        const ir::Accepted* accepted = acceptance(policy.nodes[n], finding, at->second, how);
        all = all && how == Covers::kYes;
        if (accepted == nullptr) continue;
        used.insert(accepted->position);
        if (how == Covers::kOutgrown) outgrew(*accepted, finding, at->second);
        if (reason.empty()) reason = accepted->reason;
      }
      return all ? std::optional(reason) : std::nullopt;
    };
    const std::optional<std::string> own = all_of(at->second.nodes), above = all_of(at->second.starters);
    if (own || above) diagnostics.accept(i, own ? *own : *above);
  }
  return used;
}

}  // namespace

void apply_accepted_residuals(const ir::Policy& policy, Diagnostics& diagnostics) {
  Diagnostics more;
  if (!accepts_nothing(policy)) (void)mark_accepted(policy, diagnostics, more);
}

void apply_accepted(const ir::Policy& policy, Diagnostics& diagnostics) {
  if (accepts_nothing(policy)) return;
  Diagnostics more(diagnostics.file());
  std::set<Position> told = mark_accepted(policy, diagnostics, more);
  diagnostics.take(more);
  for (uint32_t n = 0; n < policy.nodes.size(); ++n)
    for (const ir::Accepted& accepted : policy.nodes[n].accepted) {
      if (!told.insert(accepted.position).second) continue;
      const std::string names = fuller_names(policy, n, accepted.about);
      diagnostics.warning(accepted.position, "accept-unused",
                          "nothing here is found as " + text::quoted(accepted.code) +
                              (accepted.about.empty() ? "" : " about " + text::quoted(accepted.about)),
                          names.empty() ? "remove it, or name a finding of this node as `check` prints it"
                                        : "a network rule is named with its direction and protocol: " + names);
    }
}

}  // namespace treeline::analysis
