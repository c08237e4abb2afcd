// SPDX-License-Identifier: Apache-2.0
//
// Directories that only spread names: git's objects/5f/0b72..., a cache's c/29/b7f5...29c (the first or last digits of a
// digest). A name of one or two digits is no class by itself; these are
//   - directories of one or two lower-case hex digits that the workload made (mkdir),
//   - each with a name of 24 hex digits or more in it, or again such a directory,
//   - three or more of them beside one another.
// What a start does not meet the next one will: there are 16 or 256 of them.
#pragma once

#include <set>
#include <string>

#include "policy-compiler/learn/observed.h"

namespace treeline::learn {

class FanOut {
 public:
  explicit FanOut(const Observed& observed);
  bool holds(const std::string& directory) const { return members_.contains(directory); }

 private:
  std::set<std::string> members_;
};

}  // namespace treeline::learn
