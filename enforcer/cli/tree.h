// SPDX-License-Identifier: Apache-2.0
//
// The end of a `treeline run` whose private treelined has gone: the programs went with it, so nothing holds the tree any more.
//
//   end_tree("/sys/fs/cgroup", "run-1");
#pragma once

#include <string>

namespace treeline::cli {

// SIGKILL to everything in the cgroup of the run `container`, which is removed then. False: something of it is left after a second.
bool end_tree(const std::string& cgroup2, const std::string& container);

}  // namespace treeline::cli
