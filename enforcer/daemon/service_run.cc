// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "enforcer/daemon/service.h"
#include "enforcer/events/words.h"
#include "enforcer/workload/process.h"

namespace treeline::daemon {

Result<store::Policy*> Service::policy_of_run(const Json& request, bool learn, const std::string& name) {
  if (learn) {
    if (std::string workload = text_at(request, "name"); !workload.empty() && !valid_policy_name(workload))
      return Error{std::string("a workload's name is ") + kPolicyNames, EINVAL};
    return registry_->start_learning(name, /*transient=*/true);
  }
  Result<store::Change> change = change_of(request);
  if (!change) return change.error();
  change->name = name;
  change->transient = true;
  const std::string directory = text_at(request, "bundle");
  if (directory.empty() || directory[0] != '/') return Error{"the request names no bundle directory by its absolute path", EINVAL};
  Result<bundle::Bundle> bundle = bundle::read(directory);
  if (!bundle) return bundle.error();
  return registry_->load(*bundle, *change);
}

Service::Answer Service::run(Peer& peer, const Json& request) {
  const int64_t pid = number_at(request, "pid");
  const bool learn = flag_at(request, "learn");
  if (pid <= 1 || pid > INT32_MAX) return Error{"the request names no process", EINVAL};
  const auto process = static_cast<pid_t>(pid);
  if (workload::parent_of(process) != peer.pid())
    return Error{"process " + std::to_string(pid) + " is no child of the command that asks: is that in another pid namespace than treelined?", EPERM};
  Result<workload::Look> look = helper_.look_at(process);
  if (!look) return look.error();
  if (std::string inside = admit(process); !inside.empty()) return Error{inside, EPERM};

  // The cgroup first: another treelined, the private one of a command beside this, counts its runs as well.
  std::string name, cgroup;
  for (bool claimed = false; !claimed;) {
    name = "run-" + std::to_string(next_run_++);
    cgroup = "/treeline/" + name;
    const std::vector<const store::Policy*> all = registry_->all();  // one whose last tasks got away from its cgroup may be left
    if (containers_->find(name) || std::any_of(all.begin(), all.end(), [&](const store::Policy* p) { return p->state.name == name; })) continue;
    Result<bool> made = cgroups_.claim(cgroup);
    if (!made) return made.error();
    claimed = *made;
  }
  Result<store::Policy*> found = policy_of_run(request, learn, name);
  if (!found) {
    (void)!cgroups_.remove(cgroup).has_value();
    return found.error();
  }
  store::Policy* policy = *found;
  const uint32_t slot = policy->slot;
  auto undo = [&](const Error& error) {
    (void)!(learn ? registry_->free_learning(slot) : registry_->unload(name)).has_value();
    (void)!cgroups_.remove(cgroup).has_value();
    return error;
  };
  Result<uint64_t> id = cgroups_.id(cgroup);
  if (!id) return undo(id.error());
  workload::Binding binding;
  binding.id = name;
  binding.cgroup = cgroup;
  binding.cgroup_id = *id;
  binding.slot = slot;
  binding.plain = true;
  binding.own_cgroup = true;
  binding.enforced_at_start = policy->mode == TL_MODE_ENFORCE;
  if (binding.enforced_at_start) binding.filter = filter_words(policy->bundle);
  binding.streams = look->streams;
  if (learn) binding.workload = text_at(request, "name");
  Result<const workload::Container*> bound = containers_->bind(binding);
  if (!bound) return undo(bound.error());
  const uint32_t index = (*bound)->index;
  Result<void> done = learn ? begin_session(**bound) : Result<void>{};
  // Last: the process enters. It has been waiting; its next exec is the entry.
  if (done) done = cgroups_.enter(cgroup, process);
  if (!done) {
    if (learn) (void)end_session(index, -1);
    (void)!containers_->unbind(index).has_value();
    return undo(done.error());
  }
  Run run;
  run.peer = peer.id();
  run.learn = learn;
  runs_[index] = std::move(run);
  log_info(name + ": pid " + std::to_string(pid) + " in " + std::string(events::mode_word(policy->mode)));
  Json answer;
  answer["container"] = name;
  answer["mode"] = events::mode_word(policy->mode);
  answer["closing"] = closing_word();
  if (!learn) answer["policy"] = policy_json(*policy);
  return answer;
}

Service::Answer Service::run_end(Peer& peer, const Json& request, bool& answered) {
  const std::string id = text_at(request, "container"), rest = text_at(request, "rest", "wait");
  const workload::Container* container = containers_->find(id);
  if (!container) return run_of_earlier_daemon(peer, request, answered);
  if (!container->plain) return Error{id + " is no run", EINVAL};
  auto run = runs_.find(container->index);
  if (run == runs_.end()) {  // begun under an earlier daemon
    Run taken_over;
    taken_over.learn = sessions_.contains(container->index);
    run = runs_.emplace(container->index, std::move(taken_over)).first;
  }
  if (rest != "wait" && rest != "kill" && rest != "leave") return Error{"rest is wait, kill or leave", EINVAL};
  const uint32_t index = container->index;
  run->second.peer = peer.id();
  run->second.exit_code = static_cast<int>(number_at(request, "exit", -1));
  run->second.end_request = request;
  run->second.ended = true;
  if (rest == "kill")
    if (Result<void> killed = cgroups_.kill_all(container->cgroup); !killed) log_error(id + ": " + killed.error().message);
  if (rest == "leave" && !cgroups_.ended(container->cgroup)) {
    run->second.peer = 0;
    count_denials(container->slot, run->second);
    Json answer;
    answer["left"] = cgroups_.processes(container->cgroup).size();
    answer["denied"] = run->second.denied;
    answer["would"] = run->second.would;
    answer["traces"] = 0;
    runs_.erase(run);
    return answer;
  }
  answered = true;  // finish_run does, when the tree has ended
  if (cgroups_.ended(container->cgroup)) end_container(index);
  return Json::object();
}

// Its tree ended before this daemon was asked: what was learned lies in the spool.
Service::Answer Service::run_of_earlier_daemon(Peer& peer, const Json& request, bool& answered) {
  const std::string id = text_at(request, "container");
  if (!valid_policy_name(id)) return Error{"no such run", ENOENT};
  Result<std::vector<std::string>> lines = take_spooled(id);
  if (!lines) return lines.error();
  answered = true;
  peer.reply(request, {{"restarted", true}, {"denied", 0}, {"would", 0}, {"traces", lines->empty() ? 0 : 1}});
  for (const std::string& line : *lines) peer.line(line);
  return Json::object();
}

Service::Answer Service::run_kill(const Json& request) {
  const workload::Container* container = containers_->find(text_at(request, "container"));
  if (!container || !container->plain) return Error{"no such run", ENOENT};
  if (Result<void> killed = cgroups_.kill_all(container->cgroup); !killed) return killed.error();
  return Json::object();
}

void Service::finish_run(uint32_t index) {
  auto it = runs_.find(index);
  if (it == runs_.end()) return;
  Run run = std::move(it->second);
  runs_.erase(it);
  Peer* peer = run.peer && server_ ? server_->find(run.peer) : nullptr;
  if (!peer || !run.ended) return;
  Json answer;
  answer["denied"] = run.denied;
  answer["would"] = run.would;
  answer["traces"] = run.learn ? 1 : 0;
  peer->reply(run.end_request, std::move(answer));
  for (const std::string& line : run.trace) peer->line(line);
}

}  // namespace treeline::daemon
