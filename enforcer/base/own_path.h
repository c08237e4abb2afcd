// SPDX-License-Identifier: Apache-2.0
//
// Programs that root executes: this one by its name, and others that only root may have written.
#pragma once

#include <string>

#include "policy-compiler/support/result.h"

namespace treeline {

// The executable of this process; an Error when it was replaced or removed meanwhile, so that its name is another file's or nobody's.
Result<std::string> own_path();

// An executable file. As root also: it belongs to root and nobody else may write it. ENOENT: there is none.
Result<void> check_executable(const std::string& path);

}  // namespace treeline
