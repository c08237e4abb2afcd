// SPDX-License-Identifier: Apache-2.0
//
// Which names are directories, as far as what was seen tells: it was made or listed as one, or a name lies below it. What a rename moved is not
// recorded, and a directory takes all below it along.
//
//   Directories directories;
//   directories.saw("/srv/app/index.html", TL_READ);
//   directories.hold("/srv/app")      // true
#pragma once

#include <string>
#include <unordered_set>

#include "policy-compiler/ir/policy.h"

namespace treeline::learn {

class Directories {
 public:
  void saw(const std::string& name, ir::AccessSet words);
  bool hold(const std::string& name) const { return names_.contains(name); }

 private:
  std::unordered_set<std::string> names_;
};

}  // namespace treeline::learn
