// SPDX-License-Identifier: Apache-2.0
//
// What each label of an automaton meets of the sensitive names, label by label: where all of them together are too many combinations, one after
// another they seldom are. As PatternKinds (pattern_kinds.h) of patterns: what goes on alike behind a literal part ("/srv/a/**" less "/srv/a/x",
// "/srv/b/**" less "/srv/b/x") is looked at once.
//
//   LabelKinds kinds(joined, 250'000, 2'000'000);
//   const PatternKinds::Found found = kinds.of(7);     // of the texts that end in label 7
//   if (!found.complete) ...                           // nothing is known of them
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "policy-compiler/analysis/pattern_kinds.h"

namespace treeline::analysis {

class LabelKinds {
 public:
  // Combinations and states: of one label, of all of them. The automaton must outlive it; each of its states leads to a label.
  LabelKinds(const passes::Dfa& dfa, uint32_t most_of_one, uint64_t most);

  PatternKinds::Found of(uint32_t label);

 private:
  // Rows of the states behind the literal part; where the two automata of the sensitive names stand before them.
  using Rest = std::tuple<std::vector<uint32_t>, uint32_t, uint32_t>;

  bool mark(uint32_t label);                            // the states that lead to it; false: too many
  passes::Dfa only(uint32_t label) const;               // of marked states, numbered as they are reached
  PatternKinds::Found look_at(const passes::Dfa& dfa, uint32_t most);
  void spend(uint64_t work) { left_ -= work < left_ ? work : left_; }

  const passes::Dfa& dfa_;
  uint32_t most_of_one_;
  uint64_t left_;
  std::vector<uint32_t> begin_, from_;                  // who leads to a state: its part of `from_`
  std::map<uint32_t, std::vector<uint32_t>> ends_;      // by label
  std::vector<uint32_t> marked_;                        // by state: the label that it was marked for last
  std::map<Rest, PatternKinds::Found> known_;           // texts without the literal part
};

}  // namespace treeline::analysis
