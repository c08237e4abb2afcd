// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "bpf/lsm/abi.h"
#include "policy-compiler/analysis/grade.h"
#include "policy-compiler/analysis/network_set.h"
#include "policy-compiler/analysis/risk.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

constexpr size_t kMostComparisons = 20'000'000;  // of a node's network: each rule is held against the blocks of all

ir::AccessSet granted(const passes::Use& use) {
  return static_cast<ir::AccessSet>((use.access & TL_WRITE) != 0 ? use.access | TL_APPEND : use.access);
}

struct Shadow {
  size_t uses = 0, shadowed = 0;  // a rule of a group has a use in each node
  std::string text;
  std::string by;
  ir::Position by_position;
};

class FileShadows {
 public:
  explicit FileShadows(const passes::Paths& paths) : paths_(paths), labels_(paths.patterns.size()), state_(paths.patterns.size()) {
    const std::vector<std::vector<uint32_t>>& sets = paths.dfa.sets;
    for (uint32_t label = 1; label < sets.size(); ++label)
      for (const uint32_t number : sets[label]) labels_[number].push_back(label);
    for (uint32_t number = 0; number < paths.patterns.size(); ++number) {
      const std::vector<passes::Use>& uses = paths.patterns[number].uses;
      state_[number].assign(uses.size(), true);
      for (uint32_t u = 0; u < uses.size(); ++u)
        if (uses[u].kind == passes::UseKind::kFile) of_row_[key(number, uses[u].row)].push_back(u);
    }
  }

  void run(std::map<ir::Position, Shadow>& shadows) {
    std::vector<std::pair<uint32_t, uint32_t>> candidates;  // pattern, use
    for (uint32_t number = 0; number < paths_.patterns.size(); ++number)
      for (uint32_t u = 0; u < paths_.patterns[number].uses.size(); ++u)
        if (paths_.patterns[number].uses[u].kind == passes::UseKind::kFile) candidates.emplace_back(number, u);
    // The narrower rule is the superfluous one; of equal ones the later.
    std::sort(candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) {
      const auto order = [&](const auto& c) {
        const ir::Position at = paths_.patterns[c.first].uses[c.second].position;
        return std::tuple(labels_[c.first].size(), ~at.line, ~at.column, ~c.first, ~c.second);
      };
      return order(a) < order(b);
    });
    for (const auto& [number, u] : candidates) {
      const passes::Use& use = paths_.patterns[number].uses[u];
      Shadow& shadow = shadows[use.position];
      ++shadow.uses;
      shadow.text = paths_.patterns[number].text;
      const auto by = covered(number, u);
      if (!by) continue;
      state_[number][u] = false;
      ++shadow.shadowed;
      shadow.by = paths_.patterns[by->first].text;
      shadow.by_position = paths_.patterns[by->first].uses[by->second].position;
    }
  }

 private:
  static uint64_t key(uint32_t number, uint32_t row) { return uint64_t{number} << 32 | row; }

  // Another rule that covers it (the first, where it takes several); nullopt: it is needed somewhere.
  std::optional<std::pair<uint32_t, uint32_t>> covered(uint32_t number, uint32_t u) const {
    const passes::Use& use = paths_.patterns[number].uses[u];
    if (use.unsafe || labels_[number].empty()) return std::nullopt;  // a signature is no superfluous text
    std::optional<std::pair<uint32_t, uint32_t>> by;
    for (const uint32_t label : labels_[number]) {
      ir::AccessSet missing = granted(use);
      for (const uint32_t other : paths_.dfa.sets[label]) {
        const auto at = of_row_.find(key(other, use.row));
        if (at == of_row_.end()) continue;
        for (const uint32_t v : at->second) {
          if ((other == number && v == u) || !state_[other][v]) continue;
          const ir::AccessSet words = granted(paths_.patterns[other].uses[v]);
          if ((words & missing) != 0 && !by) by = {other, v};
          missing = static_cast<ir::AccessSet>(missing & ~words);
        }
      }
      if (missing != 0) return std::nullopt;
    }
    return by;
  }

  const passes::Paths& paths_;
  std::vector<std::vector<uint32_t>> labels_;              // by pattern: the accept sets that hold it
  std::vector<std::vector<bool>> state_;                   // by pattern and use: still counts
  std::unordered_map<uint64_t, std::vector<uint32_t>> of_row_;
};

void network_shadows(const ir::Policy& policy, std::map<ir::Position, Shadow>& shadows, Diagnostics& diagnostics) {
  for (const ir::Node& node : policy.nodes) {
    size_t blocks = 0;
    for (const ir::NetworkRule& rule : node.network) blocks += std::max<size_t>(rule.peer.blocks.size(), 8) + rule.ports.size();
    if (blocks * node.network.size() > kMostComparisons) {
      diagnostics.note(node.position, "check-incomplete", "this node's network rules are too many to be held against each other",
                       "what is listed is right; rules that others make superfluous are not");
      continue;
    }
    std::vector<ir::NetworkRule> left = node.network;
    // From the last on, so that of two equal ones the first stays.
    for (size_t i = node.network.size(); i-- > 0;) {
      const ir::NetworkRule& rule = node.network[i];
      Shadow& shadow = shadows[rule.position];
      ++shadow.uses;
      shadow.text = network_left(rule, {}).text();
      if (!network_left(rule, left, i).empty()) continue;
      ++shadow.shadowed;
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}

}  // namespace

void find_shadowed(const ir::Policy& policy, const passes::Paths& paths, Diagnostics& diagnostics) {
  std::map<ir::Position, Shadow> shadows;
  FileShadows(paths).run(shadows);
  network_shadows(policy, shadows, diagnostics);
  for (const auto& [position, shadow] : shadows) {
    if (shadow.shadowed == 0 || shadow.shadowed != shadow.uses) continue;
    const std::string by = shadow.by.empty() ? "other rules of the node grant" : text::quoted(shadow.by) +
        (shadow.by_position.line == 0 ? "" : " (line " + std::to_string(shadow.by_position.line) + ")") + " grants";
    diagnostics.finding(Severity::kNote, position, "shadowed-rule", text::quoted(shadow.text) + " adds nothing: " + by + " all of it",
                        "remove it, or narrow the other", risk_name(Risk::kLow));
  }
}

}  // namespace treeline::analysis
