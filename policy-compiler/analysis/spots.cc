// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/spots.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "policy-compiler/analysis/label_kinds.h"
#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/passes/inclusion.h"
#include "policy-compiler/passes/joined.h"

namespace treeline::analysis {

namespace {

// Of the product with the sensitive names: above it spot by spot is faster.
constexpr uint32_t kMostTogether = 1'000'000;

}  // namespace

void Spots::add_own(Numbers numbers) {
  own_.push_back(std::move(numbers));
  list_.push_back({&own_.back().first, &own_.back().second});
}

bool Spots::make(const passes::Paths& before, const passes::Paths& after) {
  before_ = &before;
  after_ = &after;
  most_ = passes::most_combinations(before.dfa.states.size() + after.dfa.states.size());
  const passes::Dfa* automata[] = {&before.dfa, &after.dfa};
  passes::Meetings found = passes::meetings(automata, 2, most_);
  if (!found.complete) return false;
  list_.reserve(found.list.size());
  for (passes::Meeting& m : found.list) {
    labels_.emplace_back(m.labels[0], m.labels[1]);
    names_.push_back(std::move(m.text));
    list_.push_back({&before.dfa.sets[m.labels[0]], &after.dfa.sets[m.labels[1]]});
  }

  // Objects without a path: one spot each.
  std::map<uint32_t, Numbers> reserved;
  for (uint32_t p = 0; p < before.patterns.size(); ++p)
    if (before.patterns[p].reserved_class != 0) reserved[before.patterns[p].reserved_class].first.push_back(p);
  for (uint32_t p = 0; p < after.patterns.size(); ++p)
    if (after.patterns[p].reserved_class != 0) reserved[after.patterns[p].reserved_class].second.push_back(p);
  for (auto& [number, sets] : reserved) {
    add_own(std::move(sets));
    names_.push_back(passes::reserved_class_name(number));
  }
  return true;
}

void Spots::make_by_text(const passes::Paths& before, const passes::Paths& after) {
  by_text_ = true;
  before_ = &before;
  after_ = &after;
  std::map<std::string_view, Numbers> texts;
  for (uint32_t p = 0; p < before.patterns.size(); ++p) texts[before.patterns[p].text].first.push_back(p);
  for (uint32_t p = 0; p < after.patterns.size(); ++p) texts[after.patterns[p].text].second.push_back(p);
  for (auto& [text, numbers] : texts) {
    add_own(std::move(numbers));
    names_.emplace_back(text.starts_with('/') || text.starts_with("{abstract}") ? "" : text);
  }
}

void Spots::look_closer(const std::vector<Differs>& wanted, PatternKinds& kinds) {
  passes::Ends ends;
  for (uint32_t s = 0; s < labels_.size(); ++s)
    if (wanted[s] != Differs::kNot) ends[labels_[s]] = s + 1;
  std::optional<passes::Dfa> both;
  if (!ends.empty()) both = passes::joined(before_->dfa, after_->dfa, ends, most_);
  if (!both || !look_together(*both)) look_at_each(both ? &*both : nullptr, wanted, kinds);
  for (uint32_t s = static_cast<uint32_t>(labels_.size()); s < list_.size(); ++s) {
    if (wanted[s] == Differs::kNot) continue;
    if (wanted[s] == Differs::kMore && names_[s].empty())
      look_at_patterns(s, kinds);
    else
      sights_.push_back({s, 0, names_[s]});
  }
}

bool Spots::look_together(const passes::Dfa& both) {
  const passes::Dfa* automata[] = {&both, &sensitive_places(), &sensitive_names()};
  passes::Meetings found = passes::meetings(automata, 1, std::min(most_, kMostTogether));
  if (!found.complete) return false;
  for (passes::Meeting& m : found.list) sights_.push_back({m.labels[0] - 1, kinds_of(m.labels[1], m.labels[2]), std::move(m.text)});
  return true;
}

void Spots::look_at_each(const passes::Dfa* both, const std::vector<Differs>& wanted, PatternKinds& kinds) {
  std::optional<LabelKinds> exact;
  if (both != nullptr) exact.emplace(*both, most_ / 4, uint64_t{2} * most_);
  for (uint32_t s = 0; s < labels_.size(); ++s) {
    if (wanted[s] == Differs::kLess) sights_.push_back({s, 0, names_[s]});
    if (wanted[s] != Differs::kMore) continue;
    PatternKinds::Found found;
    found.complete = exact.has_value();
    if (exact) found = exact->of(s + 1);
    if (!found.complete) {
      look_at_patterns(s, kinds);
      continue;
    }
    for (PatternKinds::Met& met : found.list) sights_.push_back({s, met.kinds, std::move(met.text)});
  }
  std::stable_sort(sights_.begin(), sights_.end(), [](const Sight& a, const Sight& b) { return a.name.size() < b.name.size(); });
}

// No name of the spot has kinds that the names of one of its patterns have not: more than it has at the most.
void Spots::look_at_patterns(uint32_t spot, PatternKinds& kinds) {
  for (const uint32_t number : *list_[spot].after) {
    const PatternKinds::Found found = kinds.of(after_->patterns[number].text);
    if (!found.complete) continue;
    for (const PatternKinds::Met& met : found.list) sights_.push_back({spot, met.kinds, by_text_ ? met.text : names_[spot]});
    return;
  }
  sights_.push_back({spot, 0, names_[spot], false});
}

std::string name_text(const Sight& sight) { return learn::pattern_text(sight.name); }

}  // namespace treeline::analysis
