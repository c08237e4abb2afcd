// SPDX-License-Identifier: Apache-2.0
//
// Traces on disk until they are asked for: DIRECTORY/TIME.jsonl each, whole or not at all. One that is written is read and sent line by line, since it may be
// large and treelined is not.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "policy-compiler/support/result.h"

namespace treeline::recorder {

constexpr size_t kMaxTraces = 1000;  // of one name: a container that ends and is started again each second must not fill the disk

// Paths, the oldest first. An Error: it cannot be seen what waits there.
Result<std::vector<std::string>> spooled(const std::string& directory);
// Full (ENOSPC) where kMaxTraces wait already.
Result<void> spool(const std::string& directory, const std::vector<std::string>& lines);
// False: it cannot be read.
bool read_lines(const std::string& path, const std::function<void(const std::string& line)>& use);

}  // namespace treeline::recorder
