// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/denials.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr size_t kMostGroups = 16;  // of denials by their words: an automaton each

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

// Only what shares a word is held against each other: a denial of writing says nothing of what may be read.
Meetings Denials::meetings(const ir::Policy& policy) const {
  struct Group {
    Meetings::Set patterns;
    std::set<std::string_view> only;  // executables; "": any
  };
  std::map<ir::AccessSet, Group> groups;
  for (const Denial& denial : denials_) {
    Group& group = groups[denial.words];
    group.patterns.insert(as_names(denial.pattern));
    group.only.insert(denial.only);
  }
  if (groups.size() > kMostGroups) {
    ir::AccessSet words = 0;
    Group whole;
    for (auto& [of, group] : groups) {
      words = static_cast<ir::AccessSet>(words | of);
      whole.patterns.merge(group.patterns);
      whole.only.merge(group.only);
    }
    groups = {{words, std::move(whole)}};
  }
  Meetings out;
  for (const auto& [words, group] : groups) {
    Meetings::Set granted;
    for (const ir::Node& node : policy.nodes) {
      if ((words & TL_EXECUTE) != 0) {
        granted.insert(as_names(node.executable.text));
        for (const ir::Node::BackEdge& edge : node.back_edges) granted.insert(as_names(edge.executable.text));
      }
      if (!group.only.contains("") && !group.only.contains(node.executable.text)) continue;
      for (const ir::FileRule& rule : node.files)
        if ((rule.access & words) != 0) granted.insert(as_names(rule.path.text));
    }
    out.find(granted, group.patterns);
  }
  return out;
}

void Denials::apply(ir::Policy& policy, Diagnostics& diagnostics) const {
  if (denials_.empty() || policy.nodes.empty()) return;
  const Meetings meetings = this->meetings(policy);
  std::map<std::string, std::vector<size_t>, std::less<>> by_text;
  for (size_t i = 0; i < denials_.size(); ++i) by_text[as_names(denials_[i].pattern)].push_back(i);
  std::vector<bool> met(denials_.size()), took(denials_.size());  // a step of the draft, each

  // Of a list that could not be compared: by whose acts are meant, what its denials take together.
  struct Doubtful {
    ir::AccessSet words = 0;
    uint32_t first = UINT32_MAX;  // line
    std::vector<size_t> steps;    // denials of them, until they are noted as taken
  };
  using ByWhom = std::map<std::string_view, Doubtful>;
  std::map<const Meetings::Set*, ByWhom> doubtful;
  const auto together = [&](const Meetings::Set* texts) -> ByWhom& {
    const auto [known, fresh] = doubtful.try_emplace(texts);
    for (const std::string& one : fresh ? *texts : Meetings::Set())
      for (const size_t i : by_text[one]) {
        Doubtful& of = known->second[denials_[i].only];
        of.words = static_cast<ir::AccessSet>(of.words | denials_[i].words);
        of.first = std::min(of.first, denials_[i].position.line);
        if ((denials_[i].words & TL_EXECUTE) != 0) of.steps.push_back(i);
      }
    return known->second;
  };

  // The words of `access` that denials take from what `who` may do with the pattern; said.
  const auto taken = [&](const ir::Pattern& pattern, const std::string& what, ir::AccessSet access,
                         const std::string* who) {
    const std::string text = as_names(pattern.text);
    const bool step = (access & TL_EXECUTE) != 0;
    ir::AccessSet lost = 0;
    std::set<size_t> order;
    if (const Meetings::Views* texts = meetings.of(text))
      for (const std::string_view one : *texts) {
        const std::vector<size_t>& same = by_text.find(one)->second;
        order.insert(same.begin(), same.end());
      }
    for (const size_t i : order) {
      const Denial& denial = denials_[i];
      if ((denial.words & access) == 0) continue;
      if (step) met[i] = true;
      if (!denial.only.empty() && (who == nullptr || denial.only != *who)) continue;
      if (step) took[i] = true;
      if ((denial.words & access & ~lost) == 0) continue;
      lost = static_cast<ir::AccessSet>(lost | (denial.words & access));
      diagnostics.warning(pattern.position, "not-carried",
                          what + " meets what line " + std::to_string(denial.position.line) + " denies (" +
                              text::quoted(denial.pattern) + ")",
                          "grant by hand what is needed beside it: the language has no denials");
    }
    for (const Meetings::Set* texts : meetings.in_doubt(text)) {
      for (auto& [only, of] : together(texts)) {
        const bool meant = only.empty() || (who != nullptr && only == *who);
        if (step)
          for (const size_t i : of.steps) met[i] = true, took[i] = took[i] || meant;
        if (step && meant) of.steps.clear();
        if (!meant || (of.words & access & ~lost) == 0) continue;
        lost = static_cast<ir::AccessSet>(lost | (of.words & access));
        diagnostics.warning(pattern.position, "not-carried",
                            what + " may meet what the source's denials say (the first on line " + std::to_string(of.first) +
                                "): together they are too much to be compared",
                            "grant by hand what none of them denies");
      }
    }
    return lost;
  };

  std::vector<bool> gone(policy.nodes.size());
  for (size_t n = 0; n < policy.nodes.size(); ++n) {
    ir::Node& node = policy.nodes[n];
    const std::string* parent = node.parent == ir::kNoNode ? nullptr : &policy.nodes[node.parent].executable.text;
    gone[n] = taken(node.executable, "program " + text::quoted(node.executable.text), TL_EXECUTE, parent) != 0;
    for (ir::FileRule& rule : node.files)
      rule.access = static_cast<ir::AccessSet>(
          rule.access & ~taken(rule.path, text::quoted(rule.path.text), rule.access, &node.executable.text));
    std::erase_if(node.files, [](const ir::FileRule& rule) { return rule.access == 0; });
    std::erase_if(node.back_edges, [&](const ir::Node::BackEdge& edge) {
      return taken(edge.executable, "program " + text::quoted(edge.executable.text), TL_EXECUTE, &node.executable.text) != 0;
    });
  }
  // What was no step of the draft yet is not denied by it: a person who adds steps has to know.
  std::set<std::pair<ir::Position, std::string>> said;
  for (size_t i = 0; i < denials_.size(); ++i)
    if (took[i]) said.emplace(denials_[i].position, denials_[i].pattern);
  for (size_t i = 0; i < denials_.size(); ++i) {
    const Denial& denial = denials_[i];
    if (!met[i] || !said.emplace(denial.position, denial.pattern).second) continue;
    diagnostics.warning(denial.position, "not-carried",
                        text::quoted(denial.only) + " may not start " + text::quoted(denial.pattern) +
                            ": the draft has no such step, and no denial of it",
                        "do not put the one below the other where you write 'children'");
  }
  remove_nodes(policy, gone);
}

}  // namespace treeline::import_
