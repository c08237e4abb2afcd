// SPDX-License-Identifier: Apache-2.0
//
// A violation that costs the container: the hook has refused the act (and killed the process, where all are to go) and asks for the rest
// in the container's entry, where a lost event or a daemon that was not there cannot lose it.
#include "bpf/lsm/abi.h"
#include "enforcer/base/log.h"
#include "enforcer/daemon/service.h"

namespace treeline::daemon {

void Service::respond() {
  const std::span<tl_container> table = engine_->maps().container_table();
  for (const auto& [index, container] : containers_->all()) {
    tl_container& entry = table[index];
    if (!entry.kill_asked && !entry.freeze_asked) continue;
    if (container.cgroup.empty()) {  // its file in the runtime directory was lost: which cgroup it is, only the maps know
      entry.kill_asked = entry.freeze_asked = 0;
      log_error("container " + container.id + ": a violation costs the container, but its cgroup is not known any more; stop it by its runtime. "
                "Its violations are refused all the same");
      continue;
    }
    // Cleared before it is done: what is asked for meanwhile is done again, not lost.
    if (entry.kill_asked) {
      entry.kill_asked = 0;
      entry.freeze_asked = 0;
      cgroups_.kill_all(container.cgroup);
      log_warning("killed container " + container.id + ": a violation costs that (on_violation: kill-container)");
    } else if (entry.freeze_asked) {
      entry.freeze_asked = 0;
      if (Result<void> frozen = cgroups_.freeze(container.cgroup, true); !frozen)
        log_error("cannot freeze container " + container.id + ": " + frozen.error().message + "; its violations are refused all the same");
      else
        log_warning("froze container " + container.id + ": a violation costs that (on_violation: freeze-container); treeline thaw " + container.id +
                    " lets it go on");
    }
  }
}

Service::Answer Service::thaw(Peer& peer, const Json& request) {
  const std::string id = text_at(request, "container");
  const workload::Container* container = containers_->find(id);
  if (!container) return Error{"no container " + id + " is bound here; treeline status lists those that are", ENOENT};
  const bool was = cgroups_.frozen(container->cgroup);
  if (Result<void> gone_on = cgroups_.freeze(container->cgroup, false); !gone_on) return gone_on.error();
  audit(peer, request, "let container " + id + " go on");
  return Json{{"container", id}, {"was_frozen", was}};
}

}  // namespace treeline::daemon
