// SPDX-License-Identifier: Apache-2.0
//
// A runtime of an ordinary user, or one inside a user namespace, cannot bind: treelined takes orders from root only,
// and such a container's cgroup is the user's to move processes out of.
#pragma once

#include <string_view>

#include "policy-compiler/support/result.h"

namespace treeline::oci {

// `uid_map` is the text of /proc/self/uid_map: root of the machine's own user namespace has all ids, mapped to
// themselves.
bool is_initial_user_namespace(std::string_view uid_map);
Result<void> check_not_rootless();  // else ENOTSUP: from there nothing can be enforced

}  // namespace treeline::oci
