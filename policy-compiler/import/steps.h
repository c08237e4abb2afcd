// SPDX-License-Identifier: Apache-2.0
//
// An exec leads to one node. Where several steps of a source match the same program, which of them the draft has.
//
//   /usr/bin/** ix,  /usr/bin/sh px -> shell,      the second: of a pattern the language leaves out nothing
//   /usr/bin/** ix,  /usr/bin/id ix,               the first: both lead to the same rights
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/support/diagnostics.h"

namespace treeline::import_ {

struct Candidate {
  std::string pattern;  // "": one that could not be said, and may match any program
  const void* rights;   // equal: those who get there may do the same
  Position position;
  bool step = true;  // false: the draft has no step for it, and no other one may match what goes there
};

// For each whether it stays. One that goes is noted, unless another one that stays matches all that it does.
std::vector<bool> disjoint(const std::vector<Candidate>& candidates, Diagnostics& diagnostics);

}  // namespace treeline::import_
