// SPDX-License-Identifier: Apache-2.0
//
// Who is bound, process by process, as the kernel side has it. A tag goes wherever its task goes; a container's cgroup is only where its processes began,
// and what reaches the cgroup (a kill, the freezer) misses who has got away from it (clone3(2) with CLONE_INTO_CGROUP, a write to another cgroup.procs).
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bpf/lsm/abi.h"
#include "enforcer/base/bytes.h"
#include "enforcer/daemon/service.h"
#include "enforcer/events/words.h"
#include "enforcer/workload/process.h"
#include "policy-compiler/support/text.h"

namespace treeline::daemon {

Result<bool> Service::has_left(const tl_task& task, const workload::Container& container) const {
  if (container.cgroup.empty() || task.cgroup == container.cgroup_id) return false;
  Result<std::string> cgroup = helper_.cgroup_of(static_cast<pid_t>(task.pid));
  if (cgroup) return !workload::is_at_or_below(*cgroup, container.cgroup);
  // It has ended meanwhile, unless its cgroup only has such a name: one that a process lives in cannot be removed.
  if (cgroup.error().code == ENOENT || cgroup.error().code == ESRCH) return workload::is_alive(static_cast<pid_t>(task.pid));
  return cgroup.error();
}

Result<void> Service::each_task(const workload::Container& container, Whom whom, const std::function<Result<void>(pid_t)>& act) const {
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {  // who forks meanwhile is met in the next round
    Result<std::vector<tl_task>> tasks = engine_->tasks();
    if (!tasks) return whom == Whom::kWhoLeft && tasks.error().code == ENOTSUP ? Result<void>{} : Result<void>(tasks.error());
    bool none = true;
    Result<void> all = {};
    for (const tl_task& task : *tasks) {
      if (task.container != container.index) continue;
      Result<bool> left = whom == Whom::kAll ? Result<bool>(workload::is_alive(static_cast<pid_t>(task.pid))) : has_left(task, container);
      if (left && !*left) continue;
      none = false;
      if (!left) {
        all = left.error();
        continue;
      }
      if (Result<void> done = act(static_cast<pid_t>(task.pid)); !done) all = done;
    }
    if (none || !all) return all;
    usleep(1000);
  }
  return Error{"processes of container " + container.id + (whom == Whom::kAll ? "" : " outside of its cgroup") + " are left after " + std::to_string(kRounds) + " rounds", EAGAIN};
}

Service::Answer Service::processes(const Json& request) const {
  const std::string only = text_at(request, "only");
  Result<std::vector<tl_task>> tasks = engine_->tasks();
  if (!tasks) return tasks.error();
  Json list = Json::array();
  for (const tl_task& task : *tasks) {
    const store::Policy* policy = registry_->at(task.slot);
    const workload::Container* container = containers_->at(task.container);
    const std::string name = policy ? policy->shown_name() : "", id = container ? container->id : "";
    if (!only.empty() && only != name && only != id) continue;
    // Free until its first exec inside: the container runtime at work. Ended: all that was in its cgroup has, and this was not.
    const char* state = task.flags & TL_TAG_RUNTIME ? "runtime" : !container ? "container-ended" : "bound";
    if (container) {
      Result<bool> left = has_left(task, *container);
      if (!left) state = "cgroup-unknown";
      else if (*left) state = "left-cgroup";
    }
    list.push_back({{"pid", task.pid},
                    {"command", escape_bytes(std::string(task.comm, strnlen(task.comm, sizeof task.comm)))},
                    {"container", escape_bytes(id)},
                    {"policy", name},
                    {"mode", events::mode_word(publisher_->read(task.slot).mode)},
                    {"node", policy ? escape_bytes(policy->node_path(task.node)) : ""},
                    {"state", state}});
  }
  if (list.empty() && !only.empty() && !registry_->find(only) && !containers_->find(only))
    return Error{"there is no policy and no container " + text::quoted(only) + " here; see: treeline status", ENOENT};
  return Json{{"processes", std::move(list)}};
}

}  // namespace treeline::daemon
