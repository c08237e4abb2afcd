// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/spots.h"

#include <map>

#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/passes/inclusion.h"

namespace treeline::analysis {

bool Spots::make(const passes::Paths& before, const passes::Paths& after) {
  const passes::Dfa* automata[] = {&before.dfa, &after.dfa, &sensitive_places(), &sensitive_names()};
  passes::Meetings found = passes::meetings(automata, 2, passes::most_combinations(before.dfa.states.size() + after.dfa.states.size()));
  if (!found.complete) return false;
  list_.reserve(found.list.size());
  for (passes::Meeting& m : found.list)
    list_.push_back({&before.dfa.sets[m.labels[0]], &after.dfa.sets[m.labels[1]], kinds_of(m.labels[2], m.labels[3]), std::move(m.text)});

  // Objects without a path: one spot each.
  std::map<uint32_t, std::pair<std::vector<uint32_t>, std::vector<uint32_t>>> reserved;
  for (uint32_t p = 0; p < before.patterns.size(); ++p)
    if (before.patterns[p].reserved_class != 0) reserved[before.patterns[p].reserved_class].first.push_back(p);
  for (uint32_t p = 0; p < after.patterns.size(); ++p)
    if (after.patterns[p].reserved_class != 0) reserved[after.patterns[p].reserved_class].second.push_back(p);
  own_.reserve(2 * reserved.size());
  for (auto& [number, sets] : reserved) {
    own_.push_back(std::move(sets.first));
    own_.push_back(std::move(sets.second));
    list_.push_back({&own_[own_.size() - 2], &own_.back(), 0, passes::reserved_class_name(number)});
  }
  return true;
}

std::string name_text(const Spot& spot) { return learn::pattern_text(spot.name); }

}  // namespace treeline::analysis
