// SPDX-License-Identifier: Apache-2.0
//
// Where treelined may still write, by Landlock (5.13, and "landlock" among the active LSMs): uid 0 owns most files of a machine, with or without
// capabilities. Reading is not limited; starting programs, making devices, and TCP are, everywhere. A process within may not look into one outside as a
// tracer would, either: the helper does (enforcer/helper).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "policy-compiler/support/result.h"

namespace treeline::sandbox {

enum class Writes {
  kFiles,     // files and directories below: made, written, renamed, removed
  kControls,  // files that are there are written, directories made and removed: a cgroup hierarchy
  kRemoval,   // entries below are removed, no more
  kEmptied,   // empty directories below are removed, no more: what holds a directory that is ours
};

struct Place {
  std::string path;
  Writes what;
};

// Needs no_new_privs. Landlock's version, 0 where the kernel has none in force. A place that is not there is left out. An Error: nothing is limited.
Result<int> limit_writes(std::span<const Place> places);

}  // namespace treeline::sandbox
