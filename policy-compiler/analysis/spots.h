// SPDX-License-Identifier: Apache-2.0
//
// A spot: all objects that the rules of two policies do not tell apart. Every object lies in one; the few thousand spots of two policies stand
// for all paths.
//
//   Spots spots;
//   if (!spots.make(old_paths, new_paths)) spots.make_by_text(old_paths, new_paths);
//   std::vector<Differs> differing = ...              // of spots.list()
//   spots.look_closer(differing, kinds);
//   for (const Sight& sight : spots.sights()) ...     // what the sensitive names make of those: grades, examples
//
// Two steps, as the sensitive names multiply: each tree of a policy times all of them. They are asked of what differs only; together, and where
// that is too much, spot by spot.
//
// By text, a pattern is a spot of its own, and is the other version's only where that has the very same: no name that the new version allows and
// the old one does not is missed; some that both allow count as different.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "policy-compiler/analysis/pattern_kinds.h"
#include "policy-compiler/analysis/sensitive.h"
#include "policy-compiler/passes/paths.h"

namespace treeline::analysis {

struct Spot {
  const std::vector<uint32_t>* before;  // numbers of the old policy's patterns that match here
  const std::vector<uint32_t>* after;   // of the new one's
};

// Objects of a spot that are of the same kinds.
struct Sight {
  uint32_t spot = 0;
  SensitiveSet kinds = 0;
  std::string name;  // an example, as the hooks walk it; an object without a path: "{pipe}"; "": none is known
  bool known = true;  // false: the kinds of its names were too much to look at, so they may be any
};

// What differs at a spot: what is less there needs no grade, so no kinds.
enum class Differs : uint8_t { kNot, kLess, kMore };

// Spots that no pattern of either policy meets are left out. Owns the sets that are not the automata's. The paths must outlive it.
class Spots {
 public:
  // False: the two have so little in common that the bound of the product was hit.
  bool make(const passes::Paths& before, const passes::Paths& after);
  void make_by_text(const passes::Paths& before, const passes::Paths& after);
  bool by_text() const { return by_text_; }
  const std::vector<Spot>& list() const { return list_; }

  // `kinds`: of single patterns of the new version, for what cannot be looked at otherwise.
  void look_closer(const std::vector<Differs>& wanted, PatternKinds& kinds);
  const std::vector<Sight>& sights() const { return sights_; }  // shortest names first

 private:
  using Numbers = std::pair<std::vector<uint32_t>, std::vector<uint32_t>>;  // of the patterns before and after

  void add_own(Numbers numbers);
  bool look_together(const passes::Dfa& both);
  void look_at_each(const passes::Dfa* both, const std::vector<Differs>& wanted, PatternKinds& kinds);
  void look_at_patterns(uint32_t spot, PatternKinds& kinds);

  const passes::Paths* before_ = nullptr;
  const passes::Paths* after_ = nullptr;
  uint32_t most_ = 0;
  std::vector<std::pair<uint32_t, uint32_t>> labels_;  // of the spots that have a path, which come first
  std::vector<std::string> names_;                     // of each spot: a shortest one; by text of an object without a path only
  std::vector<Spot> list_;
  std::vector<Sight> sights_;
  std::deque<Numbers> own_;
  bool by_text_ = false;
};

// The name as a profile writes it.
std::string name_text(const Sight& sight);

}  // namespace treeline::analysis
