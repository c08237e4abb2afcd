// SPDX-License-Identifier: Apache-2.0
//
// What would run a container past its policy, though it is bound: a payload that the runtime runs in its own process
// (crun with WebAssembly, .NET or libkrun; gVisor) never passes the exec that makes it a node of the tree, so nothing
// of it would be judged; and a filter that an annotation brings is not the one in config.json that was verified.
//
//   Result<void> good = check_payload(config.root());      // of all that is to be bound
//   Result<void> good = check_runtime("/usr/bin/krun");                        // some choose it by their own name
#pragma once

#include <string>

#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

// `config`: the whole of config.json. The Error names the annotation, or the word.
Result<void> check_payload(const json::Value& config);
Result<void> check_runtime(const std::string& path);

}  // namespace treeline::oci
