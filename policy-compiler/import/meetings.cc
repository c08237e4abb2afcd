// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/meetings.h"

#include <algorithm>
#include <iterator>

#include "bpf/lsm/abi.h"
#include "policy-compiler/passes/paths.h"
#include "policy-compiler/passes/pattern.h"

namespace treeline::import_ {
namespace {

constexpr size_t kMostFailed = 8;  // automata that are too large: each costs a second, the first one more
constexpr passes::Budget kPart = {1'000'000, 12'000'000, 24'000'000, 40'000'000};

bool well_formed(const std::string& text) {
  std::vector<passes::PatternError> errors;
  return passes::parse_pattern(text, errors).has_value();
}

// What every path of the pattern starts with.
std::string_view start(std::string_view pattern) { return pattern.substr(0, pattern.find_first_of("*?[{\\")); }

// Those whose start is one that a path of `theirs` may have.
Meetings::Texts near(const Meetings::Texts& ours, const Meetings::Texts& theirs) {
  Meetings::Views starts;
  for (const std::string& text : theirs) starts.insert(start(text));
  Meetings::Texts out;
  std::copy_if(ours.begin(), ours.end(), std::back_inserter(out), [&](const std::string& text) {
    const std::string_view own = start(text);
    const auto longer = starts.lower_bound(own);
    bool found = longer != starts.end() && longer->starts_with(own);
    for (size_t length = 0; length < own.size() && !found; ++length) found = starts.contains(own.substr(0, length));
    return found;
  });
  return out;
}

}  // namespace

void Meetings::find(const Set& ours, const Set& theirs) {
  Texts known, others;
  Set malformed;
  std::copy_if(ours.begin(), ours.end(), std::back_inserter(known), well_formed);  // the rest is said of the draft
  for (const std::string& text : theirs) well_formed(text) ? others.push_back(text) : void(malformed.insert(text));
  if (!malformed.empty()) doubts_.push_back({{known.begin(), known.end()}, std::move(malformed)});
  if (!known.empty() && !others.empty()) decide(known, others);
}

const Meetings::Views* Meetings::of(std::string_view ours) const {
  const auto found = meetings_.find(ours);
  return found == meetings_.end() ? nullptr : &found->second;
}

std::vector<const Meetings::Set*> Meetings::in_doubt(std::string_view ours) const {
  std::vector<const Set*> out;
  for (const Doubt& doubt : doubts_)
    if (doubt.ours.contains(ours)) out.push_back(&doubt.theirs);
  return out;
}

// The longer list is halved.
void Meetings::decide(const Texts& all, const Texts& theirs) {
  const Texts ours = near(all, theirs);
  if (ours.empty()) return;
  if (failed_ < kMostFailed && compare(ours, theirs)) return;
  if (failed_ >= kMostFailed || (ours.size() == 1 && theirs.size() == 1)) {
    doubts_.push_back({{ours.begin(), ours.end()}, {theirs.begin(), theirs.end()}});
    return;
  }
  const bool first = ours.size() > theirs.size();
  const Texts& longer = first ? ours : theirs;
  const auto middle = longer.begin() + static_cast<std::ptrdiff_t>(longer.size() / 2);
  for (const Texts& half : {Texts(longer.begin(), middle), Texts(middle, longer.end())})
    first ? decide(half, theirs) : decide(ours, half);
}

bool Meetings::compare(const Texts& ours, const Texts& theirs) {
  ir::Policy policy;
  ir::Node& node = policy.nodes.emplace_back();
  node.executable = {"/", {}};
  for (const Texts* list : {&ours, &theirs})
    for (const std::string& text : *list) node.files.push_back({{text, {}}, TL_READ, false});
  policy.entry.push_back(0);
  Diagnostics unheard;
  const auto paths = passes::compile_paths(policy, unheard, failed_ == 0 ? passes::Budget{} : kPart);
  if (!paths) {
    ++failed_;
    return false;
  }
  std::vector<bool> of_ours(paths->patterns.size()), of_theirs(paths->patterns.size());
  for (uint32_t i = 0; i < paths->patterns.size(); ++i) {
    of_ours[i] = std::binary_search(ours.begin(), ours.end(), paths->patterns[i].text);
    of_theirs[i] = std::binary_search(theirs.begin(), theirs.end(), paths->patterns[i].text);
  }
  const auto meet = [&](uint32_t a, uint32_t b) {
    if (of_ours[a] && of_theirs[b]) meetings_[paths->patterns[a].text].insert(*texts_.insert(paths->patterns[b].text).first);
  };
  for (uint32_t i = 0; i < paths->patterns.size(); ++i) meet(i, i);
  for (const std::vector<uint32_t>& set : paths->dfa.sets)
    for (const uint32_t b : set)
      if (of_theirs[b])
        for (const uint32_t a : set) meet(a, b);
  return true;
}

}  // namespace treeline::import_
