// SPDX-License-Identifier: Apache-2.0
//
// Finding programs: the runtime behind the wrapper, and the wrapper itself, which the hooks in config.json have to name
// by an absolute path.
#pragma once

#include <string>

#include "policy-compiler/support/result.h"

namespace treeline::oci {

// The executable of this process; an Error when it has been replaced or removed.
Result<std::string> own_path();
// A name is looked for in PATH (and, for engines that hand none on, in the usual places). The wrapper itself is
// refused: it would start itself for ever.
Result<std::string> find_runtime(const std::string& name);

}  // namespace treeline::oci
