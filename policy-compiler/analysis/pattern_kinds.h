// SPDX-License-Identifier: Apache-2.0
//
// What one pattern meets of the sensitive names (sensitive.h), pattern by pattern: where a whole policy's automaton and theirs are too many
// combinations together, the patterns one after another seldom are.
//
//   PatternKinds kinds(1'000'000, 10'000'000);
//   const PatternKinds::Found found = kinds.of("/srv/*.key");
//   for (const auto& m : found.list) ...          // each combination of kinds, with a shortest name
//   if (!found.complete) ...                      // what it meets beside these is not known
//
// A literal is one name and costs nothing. Patterns that go on alike behind directories that mean nothing ("/srv/a/**", "/srv/b/**") are looked at
// once.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "policy-compiler/analysis/sensitive.h"

namespace treeline::analysis {

class PatternKinds {
 public:
  struct Met {
    SensitiveSet kinds = 0;
    std::string text;  // a shortest name of these kinds, as the hooks walk it
  };
  struct Found {
    bool complete = true;
    std::vector<Met> list;  // shortest first
    // The kinds that each name has.
    SensitiveSet always() const;
    // Of several names of the same kinds the first stays.
    void add(SensitiveSet kinds, std::string text);
  };

  // Combinations and states: of one pattern, of all of them.
  PatternKinds(uint32_t most_of_one, uint64_t most) : most_of_one_(most_of_one), left_(most) {}

  // Of a pattern that can be read and is no object without a path.
  Found of(const std::string& pattern);

  // Nothing is left for further patterns: of() looks at literals only.
  bool spent() const { return left_ == 0; }

 private:
  using Rest = std::tuple<std::string, uint32_t, uint32_t>;  // from the first wildcard's component on; where the two automata stand before it
  Found look_at(const std::string& pattern);
  void spend(uint64_t work) { left_ -= work < left_ ? work : left_; }

  uint32_t most_of_one_;
  uint64_t left_;
  std::map<Rest, Found> known_;  // texts without what stands before the rest
};

}  // namespace treeline::analysis
