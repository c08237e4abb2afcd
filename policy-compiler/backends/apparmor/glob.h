// SPDX-License-Identifier: Apache-2.0
//
// A path pattern in AppArmor's language (apparmor.d(5), "Globbing"), in double quotes as a rule wants it.
//
//   Glob glob = make_glob(*passes::parse_pattern("/srv/**/{hex:8}.log", errors));
//   glob.file == "\"/srv/{,**/}[0-9a-f][0-9a-f]...[0-9a-f].log\""    glob.why == ""
//
// AppArmor writes a directory with a '/' at its end, so that a file and a directory of one name are two texts: `file` and
// `directory`. Its `**` takes whatever comes, a '/' at the end too; both texts are bounded so that they match nothing else.
// Where AppArmor matches more than the pattern, `why` says what; it never matches less.
#pragma once

#include <string>

#include "policy-compiler/passes/pattern.h"

namespace treeline::backends::apparmor {

struct Glob {
  std::string file, directory;  // "" for an object without a path, and for an abstract socket
  std::string both;             // set where one text matches exactly what the two match together
  std::string why;              // "": exact
  bool deleted = false;         // names of unnamed temporary files: the profile has to mediate deleted ones
};

Glob make_glob(const passes::Pattern& pattern);

}  // namespace treeline::backends::apparmor
