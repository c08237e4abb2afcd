// SPDX-License-Identifier: Apache-2.0
//
// The flags of open(2), by their names: what an open with them asks for.
#pragma once

#include <string_view>

#include "policy-compiler/ir/policy.h"

namespace treeline::import_ {

struct OpenFlags {
  ir::AccessSet access = 0;
  bool unnamed = false;  // O_TMPFILE: the path is the directory
  bool known = true;     // false: no access mode among the words
};

// Is this one of open(2)'s flags, whether or not it asks for anything?
bool known_open_flag(std::string_view word);

// "O_RDWR|O_CREAT|O_EXCL, 0600" or "O_RDWR O_CREAT": words separated by anything. O_PATH opens nothing.
OpenFlags open_flags(std::string_view text);

}  // namespace treeline::import_
