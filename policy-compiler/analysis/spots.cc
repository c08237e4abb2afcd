// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/spots.h"

#include <map>

#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/passes/inclusion.h"
#include "policy-compiler/passes/joined.h"

namespace treeline::analysis {

bool Spots::make(const passes::Paths& before, const passes::Paths& after) {
  before_ = &before;
  after_ = &after;
  most_ = passes::most_combinations(before.dfa.states.size() + after.dfa.states.size());
  const passes::Dfa* automata[] = {&before.dfa, &after.dfa};
  const passes::Meetings found = passes::meetings(automata, 2, most_);
  if (!found.complete) return false;
  list_.reserve(found.list.size());
  for (const passes::Meeting& m : found.list) {
    labels_.emplace_back(m.labels[0], m.labels[1]);
    list_.push_back({&before.dfa.sets[m.labels[0]], &after.dfa.sets[m.labels[1]]});
  }

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
    list_.push_back({&own_[own_.size() - 2], &own_.back()});
    objects_.push_back(passes::reserved_class_name(number));
  }
  return true;
}

bool Spots::look_closer(const std::vector<bool>& wanted) {
  passes::Ends ends;
  for (uint32_t s = 0; s < labels_.size(); ++s)
    if (wanted[s]) ends[labels_[s]] = s + 1;
  if (!ends.empty()) {
    const std::optional<passes::Dfa> both = passes::joined(before_->dfa, after_->dfa, ends, most_);
    if (!both) return false;
    const passes::Dfa* automata[] = {&*both, &sensitive_places(), &sensitive_names()};
    passes::Meetings found = passes::meetings(automata, 1, most_);
    if (!found.complete) return false;
    for (passes::Meeting& m : found.list) sights_.push_back({m.labels[0] - 1, kinds_of(m.labels[1], m.labels[2]), std::move(m.text)});
  }
  for (uint32_t s = static_cast<uint32_t>(labels_.size()); s < list_.size(); ++s)
    if (wanted[s]) sights_.push_back({s, 0, objects_[s - labels_.size()]});
  return true;
}

std::string name_text(const Sight& sight) { return learn::pattern_text(sight.name); }

}  // namespace treeline::analysis
