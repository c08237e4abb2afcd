// SPDX-License-Identifier: Apache-2.0
//
// Globs of AppArmor (apparmor.d(5)), which KubeArmor and the Security Profiles Operator take over, as patterns of the
// language. `*` crosses no '/', `**` crosses any, `{a,b}` may hold a '/', a name that ends in '/' is a directory.
//
//   translate_glob("/var/log/**.log", {}, Meant::kGranted)      "/var/log/**/*.log"
//   translate_glob("/{usr/,}bin/env", {}, Meant::kGranted)      "/usr/bin/env", "/bin/env"
//   translate_glob("/proc/self/fd/**", {}, Meant::kGranted)     "/proc/{own}/fd/**"; of /proc/1/ none: {own} would be wider
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::import_ {

constexpr size_t kMaxAlternatives = 64;  // that one glob may unfold into

enum class Meant {
  kGranted,  // the patterns are never wider than the glob; narrower where `narrower` says how
  kDenied,   // they are never narrower
};

struct Translated {
  std::string pattern;
  bool directory = false;  // the glob ends in '/': of the words, those for directories
  bool both = false;       // it ends in "**", which matches files and directories
};

struct Translation {
  std::vector<Translated> patterns;
  std::string problem;   // not "": nothing is translated, and why
  std::string narrower;  // not "": what the patterns leave out
};

// `variables`: "@{NAME}" without the signs -> values.
using Variables = std::map<std::string, std::vector<std::string>, std::less<>>;

// Those of /etc/apparmor.d/tunables that are the same everywhere: @{PROC}, @{pid}, @{sys}, @{run}. Homes are not.
Variables usual_variables();

// The glob that matches this path alone.
std::string literal_glob(std::string_view path);

Translation translate_glob(std::string_view glob, const Variables& variables, Meant meant);

// Access words of "rwamlk" for a file of this pattern. A directory is listed where the glob ends in '/' or in "**"; 'l'
// is 'link', which makes symbolic links too: of a grant that is in 'w'; 'k' locks, which no hook judges; 'x' is a step
// of the tree.
ir::AccessSet glob_access(std::string_view permissions, const Translated& pattern);

}  // namespace treeline::import_
