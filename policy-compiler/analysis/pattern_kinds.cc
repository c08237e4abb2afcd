// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/pattern_kinds.h"

#include <algorithm>
#include <optional>

#include "policy-compiler/passes/inclusion.h"
#include "policy-compiler/passes/nfa.h"

namespace treeline::analysis {
namespace {

std::optional<passes::Dfa> automaton_of(const std::string& text, uint32_t most_states) {
  std::vector<passes::PatternError> errors;
  const auto pattern = passes::parse_pattern(text, errors);
  passes::Nfa nfa;
  if (!pattern || !nfa.add(*pattern, 0) || !nfa.finish()) return std::nullopt;
  passes::Budget budget;
  budget.states = most_states;
  budget.members = budget.effort = uint64_t{most_states} * 64;
  return passes::determinise(nfa, budget).dfa;
}

uint32_t label_after(const passes::Dfa& dfa, std::string_view text) { return dfa.states[dfa.run(text)].label; }

}  // namespace

SensitiveSet PatternKinds::Found::always() const {
  auto all = static_cast<SensitiveSet>(~SensitiveSet{0});
  for (const Met& met : list) all = static_cast<SensitiveSet>(all & met.kinds);
  return all;
}

void PatternKinds::Found::add(SensitiveSet kinds, std::string text) {
  if (std::none_of(list.begin(), list.end(), [&](const Met& known) { return known.kinds == kinds; })) list.push_back({kinds, std::move(text)});
}

PatternKinds::Found PatternKinds::of(const std::string& pattern) {
  const size_t wild = pattern.find_first_of("\\*?[]{}");
  if (wild == std::string::npos)
    return {true, {{kinds_of(label_after(sensitive_places(), pattern), label_after(sensitive_names(), pattern)), pattern}}};
  // What stands before the last '/' in front of it is walked as it is written. Of an abstract name ("{abstract}/...") nothing does.
  const size_t slash = pattern.rfind('/', wild);
  const std::string before = slash == std::string::npos ? "" : pattern.substr(0, slash);
  const auto [at, fresh] = known_.try_emplace({pattern.substr(before.size()), sensitive_places().run(before), sensitive_names().run(before)});
  if (fresh) {
    at->second = look_at(pattern);
    for (Met& met : at->second.list) met.text.erase(0, before.size());
  }
  Found found = at->second;
  for (Met& met : found.list) met.text.insert(0, before);
  return found;
}

PatternKinds::Found PatternKinds::look_at(const std::string& pattern) {
  Found found;
  found.complete = false;
  const auto most = static_cast<uint32_t>(std::min<uint64_t>(left_, most_of_one_));
  const std::optional<passes::Dfa> alone = most == 0 ? std::nullopt : automaton_of(pattern, most_of_one_);
  if (!alone) {
    spend(most_of_one_);
    return found;
  }
  const passes::Dfa* automata[] = {&*alone, &sensitive_places(), &sensitive_names()};
  passes::Meetings met = passes::meetings(automata, 1, most);
  spend(uint64_t{met.combinations} + alone->states.size());
  found.complete = met.complete;
  for (passes::Meeting& m : met.list) found.add(kinds_of(m.labels[1], m.labels[2]), std::move(m.text));
  return found;
}

}  // namespace treeline::analysis
