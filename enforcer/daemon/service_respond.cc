// SPDX-License-Identifier: Apache-2.0
//
// A violation that costs the container: the hook has refused the act (and killed the process, where all are to go) and asks for the rest
// in the container's entry, where a lost event or a daemon that was not there cannot lose it.
#include <csignal>

#include <unistd.h>

#include <cerrno>

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
    } else if (cgroups_.replaced(container.cgroup, container.cgroup_id)) {
      entry.kill_asked = entry.freeze_asked = 0;  // it has ended, and the path is another one's: sweep() ends it
    } else if (entry.kill_asked) {
      entry.freeze_asked = 0;
      kill_for_violation(container);
    } else {
      entry.freeze_asked = 0;  // before it is done: what is asked for meanwhile is done again, not lost
      freeze_for_violation(container);
    }
  }
}

// Asked for until its cgroup is empty: a kill that could not be made, or that somebody survived, is made again each second.
void Service::kill_for_violation(const workload::Container& container) {
  Result<void> killed = cgroups_.kill_all(container.cgroup);
  // By its tasks where not by its cgroup: before 5.14 that is walked, and how deep it is made is the container's to say.
  Result<void> others = each_task(container, killed ? Whom::kWhoLeft : Whom::kAll, [](pid_t pid) { return kill(pid, SIGKILL) == 0 || errno == ESRCH ? Result<void>{} : system_error("cannot kill process " + std::to_string(pid), errno); });
  if (killed || others) killed = others;
  if (killed && cgroups_.ended(container.cgroup)) engine_->maps().container_table()[container.index].kill_asked = 0;
  const std::string now = killed ? "killed container " + container.id + ": a violation costs that (on_violation: kill-container)"
                                 : "cannot kill container " + container.id + ", tried again each second: " + killed.error().message + "; its violations are refused all the same";
  std::string& told = kills_[container.index];
  if (told != now) killed ? log_warning(now) : log_error(now);
  told = now;
}

void Service::freeze_for_violation(const workload::Container& container) {
  // The freezer is the cgroup's. A cgroup that hands controllers down holds no processes itself (cgroups(7)): then into one below.
  Result<void> back = each_task(container, Whom::kWhoLeft, [&](pid_t pid) {
    Result<void> entered = cgroups_.enter(container.cgroup, pid);
    if (entered || entered.error().code == ESRCH) return Result<void>{};
    const std::string below = container.cgroup + "/treeline-left";
    if (Result<void> made = cgroups_.create(below); !made) return made;
    entered = cgroups_.enter(below, pid);
    return entered || entered.error().code == ESRCH ? Result<void>{} : entered;
  });
  const Result<void> frozen = cgroups_.freeze(container.cgroup, true);
  if (!frozen || !back) engine_->maps().container_table()[container.index].freeze_asked = 1;  // again, each second
  const std::string still = "; tried again each second, and its violations are refused all the same";
  const std::string now =
      !frozen ? "cannot freeze container " + container.id + ": " + frozen.error().message + still
      : !back ? "container " + container.id + " is frozen without all of its processes: " + back.error().message + still
              : "froze container " + container.id + ": a violation costs that (on_violation: freeze-container); treeline thaw " + container.id + " lets it go on";
  std::string& told = freezes_[container.index];
  if (told != now) frozen && back ? log_warning(now) : log_error(now);
  told = now;
  if (!frozen) return;
  if (Result<void> kept = containers_->set_frozen(container.index, true); !kept) log_error(kept.error().message);
}

// An engine that unpauses it lets go on what a violation froze.
void Service::watch_frozen() {
  std::vector<uint32_t> loose;
  for (const auto& [index, container] : containers_->all())
    if (container.frozen_by_violation && !container.cgroup.empty() && cgroups_.exists(container.cgroup) && !cgroups_.frozen(container.cgroup)) loose.push_back(index);
  for (uint32_t index : loose) {
    log_warning("container " + containers_->at(index)->id + " was frozen by a violation, and somebody else than treeline thaw let it go on");
    freezes_.erase(index);
    (void)!containers_->set_frozen(index, false).has_value();
  }
}

Service::Answer Service::thaw(Peer& peer, const Json& request) {
  const std::string id = text_at(request, "container");
  const workload::Container* container = containers_->find(id);
  if (!container) return thaw_unbound(peer, request);
  const bool was = cgroups_.frozen(container->cgroup);
  engine_->maps().container_table()[container->index].freeze_asked = 0;
  freezes_.erase(container->index);
  if (Result<void> gone_on = cgroups_.freeze(container->cgroup, false); !gone_on) return gone_on.error();
  if (Result<void> kept = containers_->set_frozen(container->index, false); !kept) log_error(kept.error().message);
  audit(peer, request, "let container " + id + " go on");
  return Json{{"container", id}, {"was_frozen", was}};
}

// What a violation froze stays so over a detach: it is evidence, and a person lets it go on. One id may be two runtimes'.
Service::Answer Service::thaw_unbound(Peer& peer, const Json& request) {
  const std::string id = text_at(request, "container");
  bool known = false, was = false;
  for (const auto& [number, container] : unbound_.all()) {
    if (container.id != id || container.cgroup == "/") continue;
    known = true;
    was |= cgroups_.frozen(container.cgroup);
    if (Result<void> gone_on = cgroups_.freeze(container.cgroup, false); !gone_on) return gone_on.error();
  }
  if (!known) return Error{"no container " + id + " is known here; treeline status lists those that are", ENOENT};
  audit(peer, request, "let container " + id + " go on, which runs unbound");
  return Json{{"container", id}, {"was_frozen", was}};
}

}  // namespace treeline::daemon
