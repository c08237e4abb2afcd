// SPDX-License-Identifier: Apache-2.0
//
// Containers that a violation froze while the treelined that knows them is not the one at the usual socket: the private one of a `treeline run`, or none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/support/result.h"

namespace treeline::cli {

// Sockets of private treelineds below `runtime` ("/run/treeline/one-Xy12ab/treeline.sock"), sorted.
std::vector<std::string> private_sockets(const std::string& runtime);

// The cgroup of a container by what treelineds have left on disk: the tables of what is bound and unbound below `runtime`, and the names of trees
// ("/treeline/run-7"). Nothing: no such container. `cgroup2`: where the hierarchy is mounted.
std::optional<std::string> cgroup_of_container(const std::string& runtime, const std::string& cgroup2, const std::string& container);

}  // namespace treeline::cli
