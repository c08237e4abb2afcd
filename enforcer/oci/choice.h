// SPDX-License-Identifier: Apache-2.0
//
// Which policy a container asks for, by its annotations:
//
//   treeline.policy.CONTAINER = NAME   in a pod, for the container of that name
//   treeline.policy = NAME             for this container; in a pod, for each that has none of its own
//   treeline.sandbox-policy = NAME     for the pod's sandbox
//
// The sandbox is no workload: the first two are not taken for it, though it is given all of the pod's annotations.
// Any other key that begins with "treeline", in whatever case, is an Error. What a container is in its pod is read from
// containerd's annotations (io.kubernetes.cri.container-type, -name) or CRI-O's (io.kubernetes.cri-o.ContainerType,
// io.kubernetes.container.name, io.kubernetes.cri-o.Metadata).
//
// Of podman's containers (io.container.manager: libpod) only treeline.policy counts, in its pods too.
//
// Whoever may write a container's annotations chooses among the policies that root has loaded; what a policy allows is
// not theirs to say.
#pragma once

#include <string>

#include "enforcer/base/policy_name.h"
#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/result.h"

namespace treeline::oci {

using treeline::valid_policy_name;  // what the daemon takes as well

// "" when none is asked for: then treeline.conf's `default` decides. `annotations` may be nullptr.
Result<std::string> policy_asked_for(const json::Value* annotations);

}  // namespace treeline::oci
