// SPDX-License-Identifier: Apache-2.0
//
// What a runtime tells a hook on its standard input: the container's state (OCI runtime specification, "State").
#pragma once

#include <sys/types.h>

#include <string>

#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

constexpr size_t kMaxState = 4 << 20;  // Kubernetes allows 256 KiB of annotations, engines add theirs

struct State {
  std::string id;
  std::string status;  // "creating", "running", "stopped"; while it is being created crun says "created" or "creating" by version
  pid_t pid = 0;       // in the runtime's pid namespace; 0 when it is stopped
  std::string bundle;  // absolute
  json::Value whole;   // with "annotations"
};

// A text that was cut is no JSON and is refused as such.
Result<State> parse_state(std::string_view text);

}  // namespace treeline::oci
