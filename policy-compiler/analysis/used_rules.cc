// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/used_rules.h"

#include <bit>

#include "bpf/lsm/decide.h"
#include "policy-compiler/analysis/diff_parts.h"
#include "policy-compiler/ir/names.h"

namespace treeline::analysis {

void UsedRules::mark(uint32_t row, const char* kind, std::string_view pattern, ir::Position position, ir::AccessSet words) {
  ir::AccessSet& known = used_[{row, kind, position.line, position.column, std::string(pattern)}];
  known = static_cast<ir::AccessSet>(known | words);
}

const std::vector<uint32_t>& UsedRules::patterns_at(std::string_view name) {
  if (name.empty() || name.front() != '{') {
    const passes::Dfa& dfa = policy_.paths->dfa;
    return dfa.sets[dfa.states[dfa.run(name)].label];
  }
  of_object_.clear();
  const auto number = ir::names::reserved_classes().find(name.substr(1, name.size() - 2));
  for (uint32_t p = 0; number && p < policy_.paths->patterns.size(); ++p)
    if (policy_.paths->patterns[p].reserved_class == *number) of_object_.push_back(p);
  return of_object_;
}

void UsedRules::file(uint32_t row, std::string_view name, ir::AccessSet words) {
  for (const uint32_t number : patterns_at(name)) {
    const passes::PathPattern& pattern = policy_.paths->patterns[number];
    for (const passes::Use& use : pattern.uses) {
      if (use.row != row || use.kind != passes::UseKind::kFile) continue;
      ir::AccessSet by_this = static_cast<ir::AccessSet>(use.access & words);
      // To append is what a rule to write was used for.
      if ((words & TL_APPEND) != 0 && (use.access & TL_WRITE) != 0) by_this = static_cast<ir::AccessSet>(by_this | TL_WRITE);
      if (by_this != 0) mark(row, "file", pattern.text, use.position, by_this);
    }
  }
}

void UsedRules::step(uint32_t row, std::string_view name) {
  for (const uint32_t number : patterns_at(name)) {
    const passes::PathPattern& pattern = policy_.paths->patterns[number];
    for (const passes::Use& use : pattern.uses)
      if (use.row == row && use.kind == passes::UseKind::kStep) mark(row, "exec", pattern.text, use.position, 0);
  }
}

void UsedRules::network(uint32_t row, ir::Direction direction, ir::Protocol protocol, const ir::Cidr& address, uint32_t port) {
  const ir::Node* node = node_at(*policy_.policy, row);
  if (node == nullptr) return;
  passes::Address peer;
  peer.v6 = address.v6;
  peer.bytes = address.address;
  const auto at = networks_.try_emplace(row, node->network).first;
  for (const ir::NetworkRule* rule : at->second.take(direction, protocol, peer, port)) mark(row, "net", "", rule->position, 0);
}

void UsedRules::operation(uint32_t row, uint32_t asked) {
  const ir::Node* node = node_at(*policy_.policy, row);
  if (node == nullptr) return;
  // Of two in one family the narrower one is granted by more.
  const auto granting = [](uint32_t operation) { return std::popcount(uint64_t{tl_operations_granting(operation)}); };
  const ir::NumberRule* narrowest = nullptr;
  for (const ir::NumberRule& held : node->operations) {
    if (held.value >= TL_OP_COUNT || (tl_operations_granting(asked) >> held.value & 1) == 0) continue;
    if (narrowest == nullptr || granting(held.value) > granting(narrowest->value)) narrowest = &held;
  }
  if (narrowest != nullptr) word(row, "operation", ir::names::operations().name(narrowest->value));
}

void UsedRules::word(uint32_t row, const char* kind, std::string_view name) {
  words_.emplace(row, kind, std::string(name));
}

std::optional<ir::AccessSet> UsedRules::used(const bundle::RuleEntry& rule) const {
  if (rule.kind != "file" && rule.kind != "exec" && rule.kind != "net")
    return words_.count({rule.row, rule.kind, rule.pattern}) != 0 ? std::optional<ir::AccessSet>(ir::AccessSet{0})
                                                                   : std::nullopt;
  const std::string pattern = rule.kind == "net" ? "" : rule.pattern;
  const auto at = used_.find({rule.row, rule.kind, rule.position.line, rule.position.column, pattern});
  return at == used_.end() ? std::nullopt : std::optional<ir::AccessSet>(at->second);
}

}  // namespace treeline::analysis
