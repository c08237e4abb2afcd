// SPDX-License-Identifier: Apache-2.0
//
// What the image holds, as it was before any start: such names are not born at run time, and no class may take them in.
// A directory in which the workload has run holds the names that are asked about.
//
//   Result<ImageHolds> image = image_directory("/var/tmp/rootfs");
//   image->path("/etc/hosts")      // true
//   image->names("/etc")           // {"hosts", ...}
//
// It never follows a symbolic link: a path that the hooks read has none in its middle, so one that stands there is
// replaced at run time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/support/result.h"

namespace treeline::learn {

struct ImageHolds {
  std::function<bool(const std::string& path)> path;  // in doubt (an unreadable directory) it does
  // Of a directory, in any order; none where there is no such directory. nullopt: in doubt.
  std::function<std::optional<std::vector<std::string>>(const std::string& directory)> names;
  explicit operator bool() const { return path != nullptr; }
};

Result<ImageHolds> image_directory(const std::string& directory);

}  // namespace treeline::learn
