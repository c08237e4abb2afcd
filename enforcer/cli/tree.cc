// SPDX-License-Identifier: Apache-2.0
#include "enforcer/cli/tree.h"

#include <unistd.h>

#include "enforcer/workload/cgroup.h"

namespace treeline::cli {

bool end_tree(const std::string& cgroup2, const std::string& container) {
  const workload::Cgroups cgroups(cgroup2);
  const std::string path = "/treeline/" + container;
  (void)!cgroups.kill_all(path).has_value();  // whether it has ended is looked at
  for (int i = 0; i < 100 && !cgroups.ended(path); ++i) usleep(10'000);
  const bool ended = cgroups.ended(path);
  if (ended) (void)!cgroups.remove(path).has_value();
  return ended;
}

}  // namespace treeline::cli
