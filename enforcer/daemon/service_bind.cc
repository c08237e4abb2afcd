// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "enforcer/base/clock.h"
#include "enforcer/daemon/service.h"
#include "enforcer/events/words.h"
#include "enforcer/workload/process.h"
#include "policy-compiler/support/text.h"

namespace treeline::daemon {
namespace {

constexpr int kLooksSoon = 5, kLookEach = 10;  // seconds
constexpr size_t kEndedKept = 256;

// What a runtime or a person may call a container: shown, logged and kept, never used as a path.
bool valid_container_id(const std::string& id) {
  if (id.empty() || id.size() > 255) return false;
  for (char c : id)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) return false;
  return true;
}

Error bad_container_id(const std::string& id) {
  if (id.empty()) return {"the request names no container", EINVAL};
  return {"a container may not be called " + text::quoted(id) + ": 1 to 255 printable ASCII characters and no space; give it another id or name", EINVAL};
}

}  // namespace

Result<Service::Resolved> Service::resolve(const std::string& asked) {
  std::string name = asked;
  if (name.empty()) {
    switch (conf_.default_) {
      case Default::kUnbound: return Resolved{};
      case Default::kPolicy: name = conf_.default_policy; break;
      case Default::kRefuse:
        return Error{"the container names no policy (annotation treeline.policy) and treeline.conf says default = refuse; name one, or set "
                     "default = unbound or default = POLICY there, then: systemctl reload treelined",
                     EPERM};
    }
  }
  if (!valid_policy_name(name)) return Error{text::quoted(name) + " is no name of a policy: " + kPolicyNames, EINVAL};
  if (const store::Policy* learning = registry_->find_learning(name)) return Resolved{learning};
  const store::Policy* policy = registry_->find(name);
  if (!policy || policy->transient) {
    const auto& left_out = registry_->not_in_force();
    if (auto known = left_out.contains(name) ? left_out.find(name) : left_out.find(""); known != left_out.end())
      return Error{"policy '" + name + "' " + known->second.why + ". Mend that, then: systemctl restart treelined; or load it again: treeline policy load BUNDLE --name " + name, EPERM};
    return Error{"there is no policy '" + name + "' here; load it: treeline policy load BUNDLE --name " + name + ", or learn it: treeline learn start " + name, ENOENT};
  }
  // A policy may be in force that was put into enforce on another kernel, or by a treelined that could do more.
  if (policy->mode == TL_MODE_ENFORCE)
    if (std::optional<Error> why = why_not_enforce())
      return Error{"policy '" + name + "' is to be enforced, and here that is not proven: " + why->message + ". See treeline doctor; to let its containers "
                       "start without being stopped from anything: treeline policy mode " + name + " monitor --reason TEXT",
                   ENOTSUP};
  return Resolved{policy};
}

Service::Answer Service::resolve_request(const Json& request) {
  Result<Resolved> resolved = resolve(text_at(request, "policy"));
  if (!resolved) return resolved.error();
  Json answer;
  const store::Policy* policy = resolved->policy;
  answer["action"] = !policy ? "unbound" : policy->learning ? "learn" : "bind";
  answer["policy"] = policy ? policy->state.name : "";
  answer["mode"] = policy ? events::mode_word(policy->mode) : "off";
  answer["directory"] = policy && !policy->learning ? directory_of(*policy) : "";
  answer["closing"] = closing_word();
  return answer;
}

Service::Answer Service::bind(Peer& peer, const Json& request) {
  const std::string id = text_at(request, "container");
  const int64_t pid = number_at(request, "pid");
  if (!valid_container_id(id)) return bad_container_id(id);
  if (pid <= 1 || pid > INT32_MAX) return Error{"the request names no process", EINVAL};
  Result<Resolved> resolved = resolve(text_at(request, "policy"));
  if (!resolved) return resolved.error();
  // The cgroup is read here, not believed: the binding hangs on it.
  const auto process = static_cast<pid_t>(pid);
  Result<workload::Look> look = helper_.look_at(process);
  if (!look) return look.error();
  const std::string& cgroup = look->cgroup;
  const store::Policy* policy = resolved->policy;
  const std::string whose = shared_with(peer, cgroup);
  if (!policy) {
    list_unbound(id, process, *look, whose.empty());
    return Json{{"bound", false}};
  }
  if (cgroup == "/") return Error{"process " + std::to_string(pid) + " is in the root cgroup: the container needs a cgroup of its own (is the cgroup manager disabled, or is this cgroup v1?)", EPERM};
  if (!whose.empty()) return Error{"cgroup " + cgroup + " also holds " + whose + ": the container needs a cgroup of its own", EPERM};
  const auto related = [&cgroup](const workload::Container& other) {
    return !other.cgroup.empty() && (workload::is_at_or_below(cgroup, other.cgroup) || workload::is_at_or_below(other.cgroup, cgroup));
  };
  // Those alone: a look at every container's cgroup would make each start dearer by each that runs.
  std::set<uint32_t> in_the_way;
  for (const auto& [index, other] : containers_->all())
    if (other.id == id || related(other)) in_the_way.insert(index);
  end_replaced(in_the_way);
  if (std::optional<Json> bound = bound_before(id, cgroup, *policy, text_at(request, "bundle"))) {
    unbound_.forget(cgroup);
    return *bound;
  }
  for (auto& [index, container] : containers_->all())
    if (related(container))
      return Error{"cgroup " + cgroup + " lies inside or around that of '" + container.id + "', which is bound: a policy never replaces another one", EPERM};
  Result<uint64_t> cgroup_id = cgroups_.id(cgroup);
  if (!cgroup_id) return cgroup_id.error();

  workload::Binding binding;
  binding.id = id;
  binding.cgroup = cgroup;
  binding.cgroup_id = *cgroup_id;
  binding.slot = policy->slot;
  binding.streams = look->streams;
  binding.mount_ns = look->mount_ns;
  binding.bundle = text_at(request, "bundle");
  binding.two_names = text_at(request, "two_names");
  // As the hook found config.json. An older one does not say so, and asks for the filter only where no hook stands in for it.
  binding.enforced_at_start =
      request.contains("filter") ? flag_at(request, "filter") : policy->mode == TL_MODE_ENFORCE && std::string_view(closing_word()) == "required";
  if (binding.enforced_at_start && !policy->learning) binding.filter = filter_words(policy->bundle);
  if (workload::start_time(process) != look->start_time) return Error{"process " + std::to_string(pid) + " is gone", ESRCH};
  if (binding.mount_ns == workload::mount_namespace(getpid()))
    return Error{"process " + std::to_string(pid) + " has no mount namespace of its own; for a plain process tree: treeline run --policy BUNDLE -- CMD", EPERM};
  Result<const workload::Container*> bound = containers_->bind(binding);
  if (!bound) return bound.error();
  if (policy->learning)
    if (Result<void> begun = begin_session(**bound); !begun) {
      (void)!containers_->unbind((*bound)->index).has_value();
      return begun.error();
    }
  unbound_.forget(cgroup);
  log_info("bound container " + id + " to " + policy->state.name + " in " + std::string(events::mode_word(policy->mode)));
  return bound_answer(*policy);
}

std::string Service::shared_with(const Peer& peer, const std::string& cgroup) const {
  for (auto [who, whose] : {std::pair(peer.pid(), "the caller"), std::pair(getpid(), "treelined")})
    if (Result<std::string> other = helper_.cgroup_of(who); other && workload::is_at_or_below(*other, cgroup)) return whose;
  return "";
}

// Where the cgroup is not its own, its first process tells how long it runs.
void Service::list_unbound(const std::string& id, pid_t pid, const workload::Look& look, bool own_cgroup) {
  const std::string cgroup = own_cgroup ? look.cgroup : "/";
  const Result<uint64_t> cgroup_id = cgroups_.id(cgroup);
  if (Result<void> kept = unbound_.add({id, cgroup, rfc3339(unix_ns()), pid, look.start_time, cgroup_id ? *cgroup_id : 0}); !kept)
    log_error("the next treelined will not list container " + id + " as unbound: " + kept.error().message);
  log_warning("container " + id + " runs unbound: it names no policy and default = unbound");
}

void Service::start_refused(const Json& request, const std::string& why) {
  const std::string container = text::printable(text_at(request, "container")), policy = text::printable(text_at(request, "policy"));
  log_error("refused the start of " + (container.empty() ? "a container" : "container " + container) + ": " + why);
  refused_starts_.add({container, policy, rfc3339(unix_ns()), why});
}

Service::Answer Service::start_answer(const Json& request, Answer answer) {
  if (!answer) start_refused(request, answer.error().message);
  return answer;
}

Service::Answer Service::refused(const Json& request) {
  constexpr size_t kMaxWhy = 4000;
  const std::string why = text::printable(text_at(request, "why"), kMaxWhy);
  if (why.empty()) return Error{"say why it was refused: \"why\"", EINVAL};
  start_refused(request, why);
  return Json::object();
}

// A treelined that was restarted may have bound it, and died before it answered.
std::optional<Json> Service::bound_before(const std::string& id, const std::string& cgroup, const store::Policy& policy, const std::string& bundle) const {
  const workload::Container* container = containers_->find(id);
  if (!container || container->cgroup != cgroup || container->slot != policy.slot || container->bundle != bundle || container->plain || containers_->started(container->index) ||
      !containers_->held(container->index))
    return std::nullopt;
  return bound_answer(policy);
}

Json Service::bound_answer(const store::Policy& policy) const {
  return {{"bound", true},
          {"policy", policy.state.name},
          {"mode", events::mode_word(policy.mode)},
          {"generation", publisher_->read(policy.slot).generation},
          {"directory", policy.learning ? "" : directory_of(policy)},
          {"closing", closing_word()}};
}

Service::Answer Service::unbind(const Json& request) {
  const std::string id = text_at(request, "container");
  const workload::Container* container = containers_->find(id);
  if (!container) {
    unbound_.sweep(cgroups_);  // not by its id alone: another runtime's root may have the same one, and a runtime that says "gone" too early hides nobody
    return Json{{"bound", false}};
  }
  // A runtime that says "gone" too early frees nobody: the binding goes when the cgroup holds no process.
  const uint32_t index = container->index;
  if (cgroups_.ended(container->cgroup) && !(may_be_left(*container) && living().contains(index))) end_container(index);
  return Json{{"bound", containers_->at(index) != nullptr}};
}

// Where its processes have left its cgroup, and that is still there for the next `exec` or probe: unbound, that would run free in what they have made of it.
bool Service::may_be_left(const workload::Container& container) const {
  if (container.plain || container.cgroup.empty()) return false;
  const Result<uint64_t> id = cgroups_.id(container.cgroup);
  return id ? *id == container.cgroup_id : id.error().code != ENOENT;  // in doubt it is there
}

// The container's cgroup is empty or gone.
void Service::end_container(uint32_t index) {
  const workload::Container* found = containers_->at(index);
  if (!found) return;
  const workload::Container container = *found;
  source_->consume();
  report_not_shown(container);
  auto run = runs_.find(index);
  const bool has_session = sessions_.contains(index);
  std::vector<std::string> trace = has_session ? end_session(index, run == runs_.end() ? -1 : run->second.exit_code) : std::vector<std::string>();
  if (run != runs_.end()) {
    run->second.trace = std::move(trace);
    if (!run->second.learn) count_denials(container.slot, run->second);
  } else if (has_session) {
    spool(container.slot, container.id, trace);
  }
  ended_.push_back({index, containers_->bound_at(index), container.id});
  if (ended_.size() > kEndedKept) ended_.pop_front();
  if (Result<void> unbound = containers_->unbind(index); !unbound) log_error(unbound.error().message);
  kills_.erase(index);
  freezes_.erase(index);
  unbegun_.erase(index);
  left_.erase(index);
  not_shown_told_.erase(index);
  if (container.own_cgroup && !cgroups_.replaced(container.cgroup, container.cgroup_id))
    if (Result<void> removed = cgroups_.remove(container.cgroup); !removed) log_warning(removed.error().message);
  log_info("container " + container.id + " has ended");

  const store::Policy* policy = registry_->at(container.slot);
  if (policy && policy->learning && !has_session) forget_learned(index);  // counted after `learn stop`, for nobody
  look_for_ended_ = kLooksSoon;
  free_ended();
  finish_run(index);
}

void Service::free_ended() {
  if (!registry_->has_ended()) return;
  for (uint32_t slot : registry_->free_ended()) forget_denials(slot);
  forget_unbound_learned();  // what left its cgroup while it was learned went on counting, for nobody
}

// Those to look at in this second: all, but of very many a part, so that what a look costs has a bound; a `treeline run` waits for its own.
std::set<uint32_t> Service::due_containers() {
  constexpr size_t kEachSecond = 256;
  const std::map<uint32_t, workload::Container>& all = containers_->all();
  std::set<uint32_t> due;
  auto next = all.upper_bound(swept_);
  for (size_t looked = 0; looked < std::min(kEachSecond, all.size()); ++looked, ++next) {
    if (next == all.end()) next = all.begin();
    due.insert(swept_ = next->first);
  }
  for (const auto& [index, run] : runs_) due.insert(index);
  return due;
}

// Their path is another cgroup's now: they ended while nobody looked.
void Service::end_replaced(const std::set<uint32_t>& those) {
  for (uint32_t index : those)
    if (const workload::Container* container = containers_->at(index); container && !container->cgroup.empty() && cgroups_.replaced(container->cgroup, container->cgroup_id))
      end_container(index);
}

// A runtime that runs the payload in its own process executes nothing under the policy. (`runc create` without a start waits, and uses no CPU.)
void Service::watch_unbegun(const std::set<uint32_t>& those) {
  constexpr uint64_t kBeginsWithin = 30'000'000'000, kIdle = 100'000;  // ns, µs
  for (uint32_t index : those) {
    const workload::Container* found = containers_->at(index);
    if (!found) continue;
    const workload::Container& container = *found;
    if (container.plain || container.cgroup.empty() || containers_->started(index) || boot_ns() - containers_->bound_at(index) < kBeginsWithin) continue;
    const std::optional<uint64_t> used = cgroups_.cpu_time(container.cgroup);
    if (!used) continue;
    Unbegun& unbegun = unbegun_.try_emplace(index, Unbegun{*used, false}).first->second;
    if (unbegun.works || *used < unbegun.cpu_time + kIdle) continue;
    unbegun.works = true;
    log_error("container " + container.id + " works, but nothing was executed in it under its policy, which holds it to nothing: does its runtime run the payload in its own process?");
  }
}

// The look is at every task, once for all (`living`). The tags of the dead go soon after them.
bool Service::is_left(uint32_t index, std::optional<std::set<uint32_t>>& living) {
  const workload::Container& container = *containers_->at(index);
  const bool there = may_be_left(container);
  if (there && !living) living = this->living();
  if (!there || !living->contains(index)) return false;
  if (++left_[index] == kLooksSoon)
    log_warning("container " + container.id + ": its cgroup is empty, and processes of it live outside of it (treeline ps " + container.id + "): it stays bound");
  return true;
}

void Service::sweep(const std::set<uint32_t>& those) {
  end_replaced(those);
  std::vector<uint32_t> empty;
  size_t unknown = 0;
  Error why;
  for (uint32_t index : those) {
    const workload::Container* container = containers_->at(index);
    if (!container || container->cgroup.empty()) continue;
    Result<bool> somebody = cgroups_.populated(container->cgroup);
    if (!somebody) ++unknown, why = somebody.error();
    else if (!*somebody) empty.push_back(index);
    else left_.erase(index);
  }
  if (unknown && !unknown_told_)
    log_error("cannot see whether " + std::to_string(unknown) + " bound containers still run: " + why.message + "; they stay bound until it can be seen");
  unknown_told_ = unknown != 0;
  std::optional<std::set<uint32_t>> living;
  for (uint32_t index : empty) {
    // A command that has not told its child's exit status yet still wants it in the trace.
    auto run = runs_.find(index);
    if (run != runs_.end() && run->second.peer != 0 && !run->second.ended) continue;
    if (engine_->maps().container_table()[index].kill_asked) continue;  // who has left its cgroup is not dead yet (respond())
    if (is_left(index, living)) continue;
    end_container(index);
  }
  unbound_.sweep(cgroups_);
  // A task's tag goes with the task, soon after its cgroup is empty; what got away from that may stand there for long, and the look is at every tag.
  if (look_for_ended_ > 0) --look_for_ended_;
  if (look_for_ended_ > 0 || ++ticks_ % kLookEach == 0) free_ended();
}

}  // namespace treeline::daemon
