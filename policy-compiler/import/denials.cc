// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/denials.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/paths.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

// Of each pattern of the policy as the source sees it (as_names), the denials whose patterns share a path with it.
using Meetings = std::map<std::string, std::set<size_t>, std::less<>>;

// What a denied word takes away: writing is creating, renaming and the rest of it for a source that has one word only.
constexpr uint32_t kChanges =
    TL_WRITE | TL_APPEND | TL_CREATE | TL_DELETE | TL_LINK | TL_RENAME_IN | TL_SETATTR | TL_MKDIR | TL_MKNOD;

// The pattern as the source sees it. No wildcard of the language crosses a pseudo component, but a denial of /proc/**
// does mean the files of /proc/{own}: to a source it is a number, and an unnamed file is #NUMBER.
std::string as_names(const std::string& pattern) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNames = {{{"/{own}", "/{digits}"},
                                                                                    {"/{descendant}", "/{digits}"},
                                                                                    {"/{workload}", "/{digits}"},
                                                                                    {"/{other}", "/{digits}"},
                                                                                    {"/{tmpfile}", "/#{digits}"}}};
  std::string out = pattern;
  for (const auto& [pseudo, name] : kNames)
    for (size_t at = out.find(pseudo); at != std::string::npos; at = out.find(pseudo, at + 1)) {
      const size_t end = at + pseudo.size();
      if (end == out.size() || out[end] == '/') out.replace(at, pseudo.size(), name);
    }
  return out;
}

// Removes the subtree of every node for which `gone` says so, and renumbers.
void remove_nodes(ir::Policy& policy, const std::vector<bool>& gone) {
  std::vector<uint32_t> number(policy.nodes.size(), ir::kNoNode);
  std::vector<ir::Node> kept;
  for (uint32_t i = 0; i < policy.nodes.size(); ++i) {
    const uint32_t parent = policy.nodes[i].parent;
    if (gone[i] || (parent != ir::kNoNode && number[parent] == ir::kNoNode)) continue;
    number[i] = static_cast<uint32_t>(kept.size());
    kept.push_back(std::move(policy.nodes[i]));
  }
  const auto renumber = [&](std::vector<uint32_t>& list) {
    for (uint32_t& index : list) index = number[index];
    list.erase(std::remove(list.begin(), list.end(), ir::kNoNode), list.end());
  };
  for (ir::Node& node : kept) {
    if (node.parent != ir::kNoNode) node.parent = number[node.parent];
    renumber(node.children);
    for (ir::Node::BackEdge& edge : node.back_edges) edge.target = number[edge.target];  // an ancestor: kept as well
  }
  renumber(policy.entry);
  renumber(policy.join);
  policy.nodes = std::move(kept);
}

}  // namespace

void Denials::add(std::string pattern, ir::AccessSet words, ir::Position position, std::string only) {
  // To connect takes reading and writing, and who may write may append.
  if (words & (TL_READ | TL_WRITE)) words = static_cast<ir::AccessSet>(words | TL_CONNECT);
  if (words & TL_WRITE) words = static_cast<ir::AccessSet>(words | kChanges);
  if (words & TL_APPEND) words = static_cast<ir::AccessSet>(words | TL_WRITE);
  if (words & TL_READ) words = static_cast<ir::AccessSet>(words | TL_LIST);
  denials_.push_back({std::move(pattern), words, position, std::move(only)});
}

void take_protocol(ir::Node& node, const std::string& name) {
  std::string lower;
  for (const char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto protocol = ir::names::protocols().find(lower);
  if (!protocol || lower == "other") {
    node.network.clear();
    node.sockets.clear();
    return;
  }
  std::erase_if(node.network,
                [&](const ir::NetworkRule& rule) { return static_cast<uint32_t>(rule.protocol) == *protocol; });
  std::erase_if(node.sockets, [&](const ir::NumberRule& rule) {
    switch (rule.value) {
      case TL_SOCK_INET_STREAM:
        return lower == "tcp";
      case TL_SOCK_INET_DGRAM:
        return lower == "udp";
      case TL_SOCK_INET_SCTP:
        return lower == "sctp";
      case TL_SOCK_INET_PING:
        return lower == "icmp";
      case TL_SOCK_INET_RAW:
        return lower == "raw" || lower == "icmp";
      default:
        return false;
    }
  });
}

bool Denials::apply(ir::Policy& policy, Diagnostics& diagnostics) const {
  if (denials_.empty() || policy.nodes.empty()) return true;
  ir::Policy all = policy;
  ir::Node denied;
  denied.executable.text = policy.nodes[0].executable.text;
  denied.parent = 0;
  for (const Denial& denial : denials_) denied.files.push_back({{denial.pattern, denial.position}, TL_READ, false});
  all.nodes.push_back(std::move(denied));
  all.nodes[0].children.push_back(static_cast<uint32_t>(all.nodes.size() - 1));
  for (ir::Node& node : all.nodes) {
    node.executable.text = as_names(node.executable.text);
    for (ir::FileRule& rule : node.files) rule.path.text = as_names(rule.path.text);
    for (ir::Node::BackEdge& edge : node.back_edges) edge.executable.text = as_names(edge.executable.text);
  }
  const auto paths = passes::compile_paths(all, diagnostics);
  if (!paths) return false;

  std::map<std::string, std::vector<size_t>, std::less<>> by_text;
  for (size_t i = 0; i < denials_.size(); ++i) by_text[as_names(denials_[i].pattern)].push_back(i);
  Meetings meetings;
  const auto meet = [&](uint32_t a, uint32_t b) {
    const auto found = by_text.find(paths->patterns[b].text);
    if (found != by_text.end()) meetings[paths->patterns[a].text].insert(found->second.begin(), found->second.end());
  };
  for (uint32_t i = 0; i < paths->patterns.size(); ++i) meet(i, i);
  for (const std::vector<uint32_t>& set : paths->dfa.sets)
    for (const uint32_t b : set)
      if (by_text.count(paths->patterns[b].text) != 0)
        for (const uint32_t a : set) meet(a, b);

  const auto refuse = [&](ir::Position position, const std::string& what, const Denial& denial) {
    diagnostics.warning(position, "not-carried",
                        what + " meets what line " + std::to_string(denial.position.line) + " denies (" +
                            text::quoted(denial.pattern) + ")",
                        "grant by hand what is needed beside it: the language has no denials");
  };
  std::vector<bool> gone(policy.nodes.size());
  for (size_t n = 0; n < policy.nodes.size(); ++n) {
    ir::Node& node = policy.nodes[n];
    const auto touched = [&](const std::string& text) -> const std::set<size_t>* {
      const auto found = meetings.find(as_names(text));
      return found == meetings.end() ? nullptr : &found->second;
    };
    if (const auto* met = touched(node.executable.text)) {
      for (const size_t i : *met) {
        const Denial& denial = denials_[i];
        const bool meant = denial.only.empty() ||
                           (node.parent != ir::kNoNode && policy.nodes[node.parent].executable.text == denial.only);
        if ((denial.words & TL_EXECUTE) == 0 || !meant || gone[n]) continue;
        gone[n] = true;
        refuse(node.executable.position, "program " + text::quoted(node.executable.text), denial);
      }
    }
    for (ir::FileRule& rule : node.files) {
      const auto* met = touched(rule.path.text);
      if (met == nullptr) continue;
      for (const size_t i : *met) {
        const Denial& denial = denials_[i];
        if ((denial.words & rule.access) == 0 || (!denial.only.empty() && denial.only != node.executable.text))
          continue;
        rule.access = static_cast<ir::AccessSet>(rule.access & ~denial.words);
        refuse(rule.path.position, text::quoted(rule.path.text), denial);
      }
    }
    node.files.erase(
        std::remove_if(node.files.begin(), node.files.end(), [](const ir::FileRule& rule) { return rule.access == 0; }),
        node.files.end());
    node.back_edges.erase(
        std::remove_if(node.back_edges.begin(), node.back_edges.end(),
                       [&](const ir::Node::BackEdge& edge) {
                         const auto* met = touched(edge.executable.text);
                         return met != nullptr && std::any_of(met->begin(), met->end(), [&](size_t i) {
                                  return (denials_[i].words & TL_EXECUTE) != 0 &&
                                         (denials_[i].only.empty() || denials_[i].only == node.executable.text);
                                });
                       }),
        node.back_edges.end());
  }
  remove_nodes(policy, gone);
  return true;
}

}  // namespace treeline::import_
