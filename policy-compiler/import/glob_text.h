// SPDX-License-Identifier: Apache-2.0
//
// The text of a glob of AppArmor, as its parser reads it before it knows of components: escapes, variables, doubled
// slashes, alternatives, sets that match '/'. What is left are texts of `*`, `**`, `?`, sets within one name, and
// escaped characters.
//
//   unfold_glob("/{usr/,}bin/\\x61\\052", {}, Meant::kGranted, out)   out.texts "/usr/bin/a\\*", "/bin/a\\*"
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/import/glob.h"

namespace treeline::import_ {

constexpr size_t kMaxGlob = 4096;

struct Unfolded {
  std::vector<std::string> texts;
  std::string problem;   // not "": there are no texts, and why
  std::string narrower;  // not "": what the texts leave out
};

Unfolded unfold_glob(std::string_view glob, const Variables& variables, Meant meant);

}  // namespace treeline::import_
