// SPDX-License-Identifier: Apache-2.0
//
// Which policy a container asks for, by its annotations:
//
//   treeline.policy.CONTAINER = NAME   in a pod, for the container of that name (io.kubernetes.cri.container-name)
//   treeline.policy = NAME             for this container; in a pod, for each that has none of its own
//   treeline.sandbox-policy = NAME     for the pod's sandbox (io.kubernetes.cri.container-type = sandbox), which is no
//   workload: the two
//                                      above are not taken for it, though it is given all of the pod's annotations
//
// Whoever may write a container's annotations chooses among the policies that root has loaded; what a policy allows is
// not theirs to say.
#pragma once

#include <string>

#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

// [a-z0-9._-]{1,63}, not starting with '.' or '-': what the daemon takes as well.
bool valid_policy_name(std::string_view name);

// "" when none is asked for: then treeline.conf's `default` decides. `annotations` may be nullptr.
Result<std::string> policy_asked_for(const json::Value* annotations);

}  // namespace treeline::oci
