// SPDX-License-Identifier: Apache-2.0
//
// Finding the runtime behind the wrapper. (The wrapper itself, which the hooks in config.json have to name by an absolute
// path: base/own_path.h.)
#pragma once

#include <string>

#include "policy-compiler/support/result.h"

namespace treeline::oci {

// Executed as root, so nobody else may write the file. A name is looked for in PATH (and, for engines that hand none on, in the usual places). The wrapper itself is
// refused: it would start itself for ever.
Result<std::string> find_runtime(const std::string& name);

}  // namespace treeline::oci
