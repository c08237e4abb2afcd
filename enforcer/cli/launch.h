// SPDX-License-Identifier: Apache-2.0
//
// A private treelined for one command, where no daemon runs: nothing pinned, nothing of it is left when the command's tree has ended.
#pragma once

#include <string>

#include "policy-compiler/support/result.h"

namespace treeline::cli {

// Starts it and waits until it answers. The socket's path; an Error with code ENOTSUP when this machine cannot enforce.
// `arena_mib`: room for policy images.
Result<std::string> launch_daemon(unsigned arena_mib);

}  // namespace treeline::cli
