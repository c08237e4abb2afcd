// SPDX-License-Identifier: Apache-2.0
//
// Names of profiles: treeline.POLICY for the flat one, treeline.POLICY.NODE in a tree. NODE is the node's id, else the last
// name of its executable and its key: another node that is added or removed changes no name. A dot within POLICY is written
// twice, so that the node `a` of policy `shop` and the policy `shop.a` are two names; NODE begins with none.
#pragma once

#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::backends::apparmor {

std::string flat_name(const ir::Policy& policy);
// Of the profile that several roots share.
std::string roots_name(const ir::Policy& policy);
// Of one that other nodes share; `key` is made of their paths.
std::string shared_name(const ir::Policy& policy, uint64_t key);
// By node.
std::vector<std::string> node_names(const ir::Policy& policy);

}  // namespace treeline::backends::apparmor
