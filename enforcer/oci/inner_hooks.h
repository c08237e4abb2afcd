// SPDX-License-Identifier: Apache-2.0
//
// Hooks of the runtime that run inside the container (config.json, `hooks`): they are the runtime's children, so free.
#pragma once

#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

// EPERM: `startContainer` is not empty. Its programs are the image's, which whoever wrote to the image before chooses.
// (createContainer's are the host's: they run before the root is changed.) `root` is the whole of config.json.
Result<void> check_inner_hooks(const json::Value& root);

}  // namespace treeline::oci
