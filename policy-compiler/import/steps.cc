// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/steps.h"

#include <cstdint>
#include <map>

#include "bpf/lsm/abi.h"
#include "policy-compiler/passes/paths.h"
#include "policy-compiler/passes/pattern.h"
#include "policy-compiler/support/text.h"

namespace treeline::import_ {
namespace {

constexpr size_t kMostSteps = 4'000;
constexpr passes::Budget kBudget = {200'000, 4'000'000, 4'000'000, 10'000'000};

// Which patterns share a path, and which hold all paths of another, by the accept sets of the automaton over all.
class Overlaps {
 public:
  explicit Overlaps(const std::vector<Candidate>& candidates) : literal_(candidates.size(), true) {
    bool wildcards = false;
    std::map<std::string, std::vector<size_t>, std::less<>> by_text;
    ir::Policy policy;
    ir::Node node;
    node.executable.text = "/";
    for (size_t i = 0; i < candidates.size(); ++i) {
      std::vector<passes::PatternError> errors;
      const auto pattern = passes::parse_pattern(candidates[i].pattern, errors);
      if (!pattern) continue;
      literal_[i] = pattern->literal;
      wildcards |= !pattern->literal;
      std::vector<size_t>& same = by_text[candidates[i].pattern];
      if (same.empty()) node.files.push_back({{candidates[i].pattern, {}}, TL_READ, false});
      same.push_back(i);
    }
    words_ = (candidates.size() + 63) / 64;
    met_.resize(candidates.size());
    common_.resize(candidates.size());
    if (candidates.size() > kMostSteps) return;  // more than a draft may have
    if (!wildcards) {
      for (const auto& [text, same] : by_text) together(same);
      return;
    }
    policy.nodes.push_back(std::move(node));
    policy.entry.push_back(0);
    Diagnostics unheard;  // what cannot be compiled is said of the draft
    const auto paths = passes::compile_paths(policy, unheard, kBudget);
    if (!paths) return;
    for (const std::vector<uint32_t>& set : paths->dfa.sets) {
      std::vector<size_t> members;
      for (const uint32_t number : set)
        if (const auto found = by_text.find(paths->patterns[number].text); found != by_text.end())
          members.insert(members.end(), found->second.begin(), found->second.end());
      together(members);
    }
  }

  bool literal(size_t a) const { return literal_[a]; }
  bool meet(size_t a, size_t b) const { return holds(met_[a], b); }
  bool covers(size_t a, size_t b) const { return holds(common_[b], a); }  // each path of b is one of a

 private:
  using Row = std::vector<uint64_t>;  // a bit for each candidate

  static bool holds(const Row& row, size_t i) { return !row.empty() && (row[i / 64] >> (i % 64) & 1) != 0; }

  void together(const std::vector<size_t>& members) {
    Row set(words_);
    for (const size_t member : members) set[member / 64] |= uint64_t{1} << (member % 64);
    for (const size_t member : members) {
      if (met_[member].empty()) met_[member] = common_[member] = set;
      for (size_t i = 0; i < words_; ++i) {
        met_[member][i] |= set[i];
        common_[member][i] &= set[i];
      }
    }
  }

  std::vector<bool> literal_;
  size_t words_ = 0;
  std::vector<Row> met_, common_;
};

}  // namespace

std::vector<bool> disjoint(const std::vector<Candidate>& candidates, Diagnostics& diagnostics) {
  const size_t count = candidates.size();
  std::vector<bool> stays(count, true);
  if (count < 2) return stays;
  const Overlaps overlaps(candidates);
  const auto gone = [&](size_t i, size_t other, const std::string& why) {
    stays[i] = false;
    if (!candidates[i].step) return;
    diagnostics.note(candidates[i].position, "narrower",
                     text::quoted(candidates[i].pattern) + " is left out as a program: line " +
                         std::to_string(candidates[other].position.line) + why,
                     "add the programs that it is meant for, without those that go elsewhere");
  };
  for (size_t i = 0; i < count; ++i)
    for (size_t other = 0; other < count && stays[i]; ++other) {
      if (candidates[other].pattern.empty()) {
        if (!overlaps.literal(i)) gone(i, other, ", which is not carried over, may lead some of it elsewhere");
        continue;
      }
      if (candidates[i].rights == candidates[other].rights || !overlaps.meet(i, other)) continue;
      // The narrower of two wins in AppArmor; of others neither is known to.
      if (!overlaps.covers(other, i) || overlaps.covers(i, other))
        gone(i, other, " leads some of it elsewhere, by " + text::quoted(candidates[other].pattern));
    }
  for (size_t i = 0; i < count; ++i)
    for (size_t other = 0; other < count && stays[i]; ++other) {
      if (other == i || !stays[other] || !overlaps.meet(i, other)) continue;
      if (!candidates[i].step || !candidates[other].step) continue;
      if (candidates[i].rights != candidates[other].rights) continue;
      if (overlaps.covers(other, i))
        stays[i] = false;
      else if (!overlaps.covers(i, other) && other < i)
        gone(i, other, " leads to the same where they meet, by " + text::quoted(candidates[other].pattern));
    }
  return stays;
}

}  // namespace treeline::import_
