// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/inner_hooks.h"

#include <cerrno>

namespace treeline::oci {

Result<void> check_inner_hooks(const json::Value& root) {
  const json::Value* hooks = root.at({"hooks", "startContainer"});
  if (!hooks || hooks->is(json::Kind::kNull) || (hooks->is(json::Kind::kArray) && hooks->elements.empty())) return {};
  return Error{
      "config.json has hooks of the stage startContainer: their programs are the image's and would run beside the policy, unheld; "
      "use createRuntime or createContainer, or let the container run unbound (default = unbound in treeline.conf, systemctl "
      "reload treelined, and no treeline.policy)",
      EPERM};
}

}  // namespace treeline::oci
