// SPDX-License-Identifier: Apache-2.0
//
// A spot: all objects that the rules of two policies do not tell apart. Every object lies in one; the few thousand spots of two policies stand
// for all paths.
//
//   Spots spots;
//   if (!spots.make(old_paths, new_paths)) ...        // too many
//   std::vector<bool> differing = ...                 // of spots.list()
//   if (!spots.look_closer(differing)) ...            // too many
//   for (const Sight& sight : spots.sights()) ...     // what the sensitive names make of those: grades, examples
//
// Two steps, as the sensitive names multiply: each tree of a policy times all of them. They are asked of what differs only.
#pragma once

#include <string>
#include <vector>

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
  std::string name;  // an example, as the hooks walk it; an object without a path: "{pipe}"
};

// Spots that no pattern of either policy meets are left out. Owns the sets that are not the automata's. The paths must outlive it.
class Spots {
 public:
  // False: the two have so little in common that the bound of the product was hit.
  bool make(const passes::Paths& before, const passes::Paths& after);
  const std::vector<Spot>& list() const { return list_; }

  // False: what differs meets the sensitive names in more ways than the bound.
  bool look_closer(const std::vector<bool>& wanted);
  const std::vector<Sight>& sights() const { return sights_; }  // shortest names first

 private:
  const passes::Paths* before_ = nullptr;
  const passes::Paths* after_ = nullptr;
  uint32_t most_ = 0;
  std::vector<std::pair<uint32_t, uint32_t>> labels_;  // of the spots that have a path, which come first
  std::vector<std::string> objects_;                   // names of the others
  std::vector<Spot> list_;
  std::vector<Sight> sights_;
  std::vector<std::vector<uint32_t>> own_;
};

// The name as a profile writes it.
std::string name_text(const Sight& sight);

}  // namespace treeline::analysis
