// SPDX-License-Identifier: Apache-2.0
//
// A spot: all objects that the rules of two policies do not tell apart. Every object lies in one; the few thousand spots of two policies stand
// for all paths.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/analysis/sensitive.h"
#include "policy-compiler/passes/paths.h"

namespace treeline::analysis {

struct Spot {
  const std::vector<uint32_t>* before;  // numbers of the old policy's patterns that match here
  const std::vector<uint32_t>* after;   // of the new one's
  SensitiveSet kinds = 0;
  std::string name;  // an example, as the hooks walk it; an object without a path: "{pipe}"
};

// Spots that no pattern of either policy meets are left out. Owns the sets that are not the automata's.
class Spots {
 public:
  // False: the two have so little in common that the bound of the product was hit.
  bool make(const passes::Paths& before, const passes::Paths& after);
  const std::vector<Spot>& list() const { return list_; }

 private:
  std::vector<Spot> list_;
  std::vector<std::vector<uint32_t>> own_;
};

// The name as a profile writes it.
std::string name_text(const Spot& spot);

}  // namespace treeline::analysis
