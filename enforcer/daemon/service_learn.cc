// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>

#include "enforcer/base/clock.h"
#include "enforcer/base/files.h"
#include "enforcer/daemon/service.h"
#include "enforcer/recorder/spool.h"
#include "enforcer/recorder/trace.h"
#include "policy-compiler/support/text.h"

namespace treeline::daemon {
namespace {

constexpr std::chrono::milliseconds kTextsOfASession{1000};  // a full ring is read in less; what is not counts as lost texts

}  // namespace

std::string Service::spool_directory(const std::string& name) const {
  return (options_.ephemeral ? conf_.runtime : conf_.store) + "/learn/" + name;
}

// The hooks skip the recorder of system calls while nobody learns; so does every process of the machine.
void Service::count_tracing() {
  engine_->maps().control_word().tracing = static_cast<uint32_t>(sessions_.size());
  if (Result<void> set = engine_->record_syscalls(!sessions_.empty()); !set) log_error("system calls are not recorded: " + set.error().message);
}

Result<void> Service::begin_session(const workload::Container& container, bool resumed) {
  const store::Policy* policy = registry_->at(container.slot);
  recorder::SessionInfo info;
  info.workload = !container.workload.empty() || !policy ? container.workload : policy->state.name;
  info.container = container.id;
  info.index = container.index;
  info.kernel = facts_.release;
  info.resumed = resumed;
  info.started = rfc3339(unix_ns());
  if (!resumed) forget_learned(container.index);  // an earlier container's of that number: it would pass for this one's
  sessions_[container.index] = {std::make_unique<recorder::Session>(std::move(info)), losses(), container.slot};
  count_tracing();
  return {};
}

// What the hooks counted for this entry of the table.
void Service::forget_learned(uint32_t index) const {
  forget_learned_of([index](uint32_t container) { return container == index; });
}

void Service::forget_unbound_learned() const {
  forget_learned_of([this](uint32_t container) { return !containers_->at(container); });
}

void Service::forget_learned_of(const std::function<bool(uint32_t container)>& gone) const {
  const int learned = engine_->maps().learned.get(), syscalls = engine_->maps().syscalls.get();
  std::vector<tl_learned_key> learned_keys;
  std::vector<tl_syscalls_key> syscall_keys;
  kernel::for_each<tl_learned_key, tl_learned>(learned, 1 << 20, [&](const tl_learned_key& key, const tl_learned&) {
    if (gone(key.container)) learned_keys.push_back(key);
  });
  kernel::for_each<tl_syscalls_key, tl_syscalls>(syscalls, 1 << 20, [&](const tl_syscalls_key& key, const tl_syscalls&) {
    if (gone(key.container)) syscall_keys.push_back(key);
  });
  for (const tl_learned_key& key : learned_keys) bpf_map_delete_elem(learned, &key);
  for (const tl_syscalls_key& key : syscall_keys) bpf_map_delete_elem(syscalls, &key);
}

// After a restart the texts that the earlier daemon saw are gone: forgetting that they were told makes the kernel side send them again
// at the next sight. What is never seen again is counted as lost.
Result<void> Service::resume_sessions() {
  free_ended();  // the earlier daemon died before it had freed them
  for (auto& [index, container] : containers_->all()) {
    const store::Policy* policy = registry_->at(container.slot);
    if (!policy || !policy->learning || policy->stopped) continue;
    if (Result<void> begun = begin_session(container, true); !begun) return begun;
    const int map = engine_->maps().learned.get();
    std::vector<std::pair<tl_learned_key, tl_learned>> told;
    kernel::for_each<tl_learned_key, tl_learned>(map, 1 << 20, [&, wanted = index](const tl_learned_key& key, const tl_learned& value) {
      if (key.container == wanted) told.emplace_back(key, value);
    });
    for (auto& [key, value] : told) {
      value.told = 0;
      bpf_map_update_elem(map, &key, &value, BPF_EXIST);
    }
  }
  return {};
}

// Of containers that run on. The next daemon goes on with them; after a detach it would find nothing to go on with.
void Service::leave_sessions() {
  if (!detached() || options_.ephemeral) {
    for (const auto& [index, session] : sessions_)
      if (!runs_.contains(index))
        log_warning("learning of " + session.recorder->info().container + " is interrupted: texts seen so far are kept by the next daemon's request for them");
    return;
  }
  while (!sessions_.empty()) {
    const auto [index, slot, id] = std::tuple(sessions_.begin()->first, sessions_.begin()->second.slot, sessions_.begin()->second.recorder->info().container);
    spool(slot, id, end_session(index, -1));
    const store::Policy* policy = registry_->at(slot);
    log_notice("the trace of " + id + " ends with the detach; when treelined runs again: treeline learn stop " + (policy ? policy->state.name : "NAME") + " -o FILE");
  }
}

std::vector<std::string> Service::end_session(uint32_t index, int exit_code) {
  auto it = sessions_.find(index);
  if (it == sessions_.end()) return {};
  source_->consume(kTextsOfASession);
  const int learned = engine_->maps().learned.get(), syscalls = engine_->maps().syscalls.get();
  recorder::Counters counters;
  counters.learned = [&](const std::function<void(const tl_learned_key&, const tl_learned&)>& use) {
    kernel::for_each<tl_learned_key, tl_learned>(learned, 1 << 20, [&](const tl_learned_key& key, const tl_learned& value) {
      if (key.container == index) use(key, value);
    });
  };
  counters.syscalls = [&](const std::function<void(const tl_syscalls_key&, const tl_syscalls&)>& use) {
    kernel::for_each<tl_syscalls_key, tl_syscalls>(syscalls, 1 << 20, [&](const tl_syscalls_key& key, const tl_syscalls& value) {
      if (key.container == index) use(key, value);
    });
  };
  recorder::TraceEnd end;
  end.stopped = rfc3339(unix_ns());
  end.exit_code = exit_code;
  for (auto& [what, count] : losses()) end.losses[what] = count - it->second.losses_before[what];
  std::vector<std::string> trace = recorder::write_trace(*it->second.recorder, counters, end);
  // Only now that it is written may it go: the entry's number will be another container's.
  forget_learned(index);
  sessions_.erase(it);
  count_tracing();
  return trace;
}

void Service::spool(uint32_t slot, const std::string& container, const std::vector<std::string>& trace) {
  const store::Policy* policy = registry_->at(slot);
  if (!policy || trace.empty()) return;
  if (Result<void> kept = recorder::spool(spool_directory(policy->state.name), trace); !kept) {
    ++lost_traces_;
    ++lost_of_[policy->state.name];
    log_error("the trace of " + container + " is lost: " + kept.error().message);
  }
}

Result<std::vector<std::string>> Service::take_spooled(const std::string& name) {
  std::vector<std::string> lines;
  Result<std::vector<std::string>> files = recorder::spooled(spool_directory(name));
  if (!files) return files;
  for (const std::string& file : *files) {
    lines.clear();
    if (recorder::read_lines(file, [&](const std::string& line) { lines.push_back(line); })) continue;
    lines.clear();
    ++lost_traces_;
    log_error("the trace of " + name + " is lost: cannot read " + file);
  }
  (void)!remove_flat_directory(spool_directory(name)).has_value();
  return lines;
}

Service::Answer Service::learn_start(Peer& peer, const Json& request) {
  const std::string name = text_at(request, "name");
  if (!valid_policy_name(name)) return Error{std::string("a name is ") + kPolicyNames, EINVAL};
  if (registry_->find_learning(name)) return Error{"'" + name + "' is being learned already; treeline learn status shows it", EEXIST};
  if (registry_->mode_of(name) == TL_MODE_ENFORCE && text_at(request, "reason").empty())
    return Error{"'" + name + "' is enforced, and what starts while it is learned is refused nothing: say why, with --reason TEXT (it is kept in the log)", EPERM};
  Result<std::vector<std::string>> left = recorder::spooled(spool_directory(name));
  if (!left) return left.error();
  if (!left->empty() && !flag_at(request, "discard"))
    return Error{std::to_string(left->size()) + " traces of an earlier learning of '" + name + "' were never written out: treeline learn stop " + name +
                     " -o trace.jsonl writes them; --discard removes them",
                 EEXIST};
  Result<store::Policy*> policy = registry_->start_learning(name);
  if (!policy) return policy.error();
  (void)!remove_flat_directory(spool_directory(name)).has_value();
  lost_of_.erase(name);
  audit(peer, request, "started learning " + name);
  Json answer;
  answer["name"] = name;
  answer["records"] = {"files", "exec", "network", "sockets", "capabilities", "operations", "users", "system calls"};
  answer["cannot_see"] = {"metadata reads (stat, access, readlink)", "arguments of programs", "what runs before it is bound"};
  return answer;
}

Service::Answer Service::learn_stop(Peer& peer, const Json& request, bool& answered) {
  const std::string name = text_at(request, "name");
  store::Policy* policy = registry_->find_learning(name);
  if (!policy) {
    Result<std::vector<std::string>> waiting = recorder::spooled(spool_directory(name));
    if (!waiting) return waiting.error();
    if (!waiting->empty() || lost_of_.contains(name)) {  // asked for before, and not written out
      if (Result<void> sent = send_traces(peer, request, 0); !sent) return sent.error();
      answered = true;
      return Json::object();
    }
  }
  if (!policy) return Error{"'" + name + "' is not being learned; treeline learn status shows what is", ENOENT};
  const uint32_t slot = policy->slot;
  std::vector<uint32_t> running;
  for (auto& [index, session] : sessions_)
    if (session.slot == slot) running.push_back(index);
  for (uint32_t index : running) {
    const workload::Container* container = containers_->at(index);
    spool(slot, container ? container->id : name, end_session(index, -1));
  }
  // The traces first: whoever dies in between is followed by one that goes on learning, and loses none of them.
  if (Result<void> stopped = registry_->stop_learning(slot); !stopped) {
    for (uint32_t index : running)
      if (const workload::Container* container = containers_->at(index); container) (void)!begin_session(*container, true).has_value();
    return stopped.error();
  }
  free_ended();
  audit(peer, request, "stopped learning " + name);
  if (Result<void> sent = send_traces(peer, request, running.size()); !sent) return sent.error();
  answered = true;
  return Json::object();
}

// They stay until the client says that it has written them (learn.collected).
Result<void> Service::send_traces(Peer& peer, const Json& request, size_t still_running) {
  const std::string name = text_at(request, "name");
  Result<std::vector<std::string>> files = recorder::spooled(spool_directory(name));
  if (!files) return files.error();
  const auto lost = lost_of_.find(name);
  Json answer;
  answer["traces"] = files->size();
  answer["lost"] = lost == lost_of_.end() ? 0 : lost->second;
  answer["still_running"] = still_running;
  peer.reply(request, std::move(answer));
  peer.stream([files = std::move(*files), next = size_t{0}](Peer& to) mutable {
    if (next == files.size()) return false;
    const std::string& file = files[next++];
    if (recorder::read_lines(file, [&](const std::string& line) { to.line(line); })) return true;
    to.line(R"({"type":"end","incomplete":true})");
    log_error("cannot read the trace " + file);
    return true;
  });
  return {};
}

Service::Answer Service::learn_collected(const Json& request) {
  const std::string name = text_at(request, "name");
  if (!valid_policy_name(name) || registry_->find_learning(name)) return Error{"nothing of that name was stopped", ENOENT};
  lost_of_.erase(name);
  if (Result<void> removed = remove_flat_directory(spool_directory(name)); !removed) return removed.error();
  return Json::object();
}

Service::Answer Service::learn_status() const {
  Json list = Json::array();
  for (const store::Policy* policy : registry_->all()) {
    if (!policy->learning) continue;
    Json entry;
    entry["name"] = policy->state.name;
    entry["state"] = policy->stopped ? "stopped" : "recording";
    entry["since"] = policy->state.changed;
    entry["running"] = Json::array();
    for (auto& [index, session] : sessions_) {
      if (session.slot != policy->slot) continue;
      entry["running"].push_back({{"container", session.recorder->info().container}, {"since", session.recorder->info().started},
                                  {"behaviours", session.recorder->seen().size()}, {"started", containers_->started(index)}});
    }
    const Result<std::vector<std::string>> finished = recorder::spooled(spool_directory(policy->state.name));
    if (finished) entry["finished"] = finished->size();
    else entry["finished_unknown"] = finished.error().message;
    list.push_back(std::move(entry));
  }
  return Json{{"learning", list}};
}

}  // namespace treeline::daemon
