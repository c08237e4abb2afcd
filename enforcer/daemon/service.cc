// SPDX-License-Identifier: Apache-2.0
#include "enforcer/daemon/service.h"

#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "enforcer/base/clock.h"
#include "enforcer/base/files.h"
#include "enforcer/daemon/own_files.h"
#include "enforcer/daemon/protocol.h"
#include "policy-compiler/support/text.h"

namespace treeline::daemon {

Service::Service(Loop& loop, Conf conf, ServiceOptions options, kernel::Facts facts, helper::Helper& helper)
    : loop_(loop),
      conf_(std::move(conf)),
      options_(std::move(options)),
      facts_(std::move(facts)),
      helper_(helper),
      kept_(options_.ephemeral ? conf_.runtime + "/none" : conf_.store + "/policies"),
      transient_(conf_.runtime + "/policies"),
      cgroups_(facts_.cgroup2),
      unbound_(conf_.runtime + "/unbound") {}

// Whoever has the pid next, after a start that failed as well, is not treelined.
Service::~Service() {
  if (engine_) engine_->maps().control_word().daemon = 0;
}

bool Service::skips_now() const { return facts_.skips_preempted && preemption_.is_full(); }

std::optional<Error> Service::why_not_enforce() const {
  if (auto why = kernel::why_not_enforce(facts_)) return why;
  if (switch_.is_off())
    return Error{"kernel.ftrace_enabled is 0, which takes BPF programs off the LSM hooks: nothing is refused on this machine. sysctl kernel.ftrace_enabled=1", ENOTSUP};
  if (skips_now())
    return Error{"preemption has been made full since treelined was started, on a kernel that skips a BPF program while a preempted one holds it: "
                     "echo voluntary > /sys/kernel/debug/sched/preempt",
                 ENOTSUP};
  if (!proof_.passed()) return Error{proof_.why(), ENOTSUP};
  if (const std::vector<std::string> missing = engine_->missing_pins(); !missing.empty())
    return Error{std::to_string(missing.size()) + " pins are gone (" + missing.front() + "): these hooks are held by this treelined alone and end with it. Stop the "
                     "bound containers, then: treelined --detach --reason repair; systemctl start treelined",
                 ENOTSUP};
  return std::nullopt;
}

Result<void> Service::open() {
  if (auto why = kernel::why_not_load(facts_)) return *why;
  if (Result<void> made = require_private_directory(conf_.runtime, 0755); !made) return made;
  if (!options_.ephemeral)
    for (const std::string& directory : {conf_.store, conf_.store + "/policies", conf_.store + "/learn"})
      if (Result<void> made = require_private_directory(directory); !made) return made;
  if (Result<void> opened = transient_.open(); !opened) return opened;

  kernel::EngineOptions engine;
  engine.ephemeral = options_.ephemeral;
  engine.arena_elements = conf_.arena_mib * (1u << 20) / TL_ELEMENT;
  engine.ring_bytes = conf_.ring_kib << 10;
  engine.without_task_storage = options_.without_task_storage;
  engine.without_ring_buffer = options_.without_ring_buffer;
  Result<std::unique_ptr<kernel::Engine>> opened = kernel::Engine::open(engine, facts_);
  if (!opened) return opened.error();
  engine_ = std::move(*opened);
  kernel::Maps& maps = engine_->maps();

  tl_control& control = maps.control_word();
  if (control.seed == 0 && getrandom(&control.seed, sizeof control.seed, 0) != sizeof control.seed) return system_error("cannot draw a random seed", errno);
  control.daemon = static_cast<uint32_t>(getpid());
  tell_again();
  if (Result<void> kept = keep_own_files(); !kept) return kept;

  Result<kernel::Grace> grace = kernel::Grace::create();
  if (!grace) return grace.error();
  grace_ = std::move(*grace);
  publisher_ = std::make_unique<store::Publisher>(
      store::Publisher::Memory{maps.slots(), maps.arena_bytes(), [this] { return grace_->wait(); }});
  const auto tags = [this](const std::function<void(const tl_tag&)>& use) { walk_tags(use); };
  const auto tasks = [this](const std::function<void(const tl_task&)>& use) { walk_tasks(use); };
  registry_ = std::make_unique<store::Registry>(
      *publisher_, kept_, transient_,
      store::Registry::World{tags, [this] { return why_not_enforce(); },
                             [this](uint32_t mode) { return mode == TL_MODE_ENFORCE && facts_.boot_parameter == "monitor" ? uint32_t{TL_MODE_MONITOR} : mode; },
                             [this](uint32_t slot) { return containers_ ? containers_->bound_to(slot) : 0; }, conf_.runtime + "/slots.json",
                             store::Admission({.required = conf_.require_signature, .keys = conf_.trusted_keys, .guarded = true, .now = {}}),
                             [this](uint32_t slot) { forget_denials(slot); }, tasks});
  workload::Containers::Memory bound;
  bound.table = maps.container_table();
  bound.buckets = maps.bucket_table();
  bound.control = &control;
  bound.insert = [&maps](uint64_t cgroup, uint32_t index) -> Result<void> {
    if (bpf_map_update_elem(maps.bindings.get(), &cgroup, &index, BPF_NOEXIST) != 0) return system_error("cannot bind the cgroup", errno);
    return {};
  };
  bound.erase = [&maps](uint64_t cgroup) { bpf_map_delete_elem(maps.bindings.get(), &cgroup); };
  bound.look_up = [&maps](uint64_t cgroup) -> std::optional<uint32_t> {
    uint32_t index = 0;
    if (bpf_map_lookup_elem(maps.bindings.get(), &cgroup, &index) != 0) return std::nullopt;
    return index;
  };
  bound.tagged = [this](uint32_t index) {
    bool found = false;
    walk_tags([&](const tl_tag& tag) { found |= tag.container == index; });
    return found || living().contains(index);
  };
  containers_ = std::make_unique<workload::Containers>(std::move(bound), conf_.runtime + "/containers");
  if (Result<void> restored = containers_->restore(); !restored) return restored;
  if (Result<void> restored = unbound_.restore(); !restored) return restored;
  list_freed();
  const std::vector<uint32_t> ended = find_lost_cgroups();

  // Before the canary: a perf buffer that nobody has opened loses its events.
  Result<std::unique_ptr<kernel::EventSource>> source =
      kernel::EventSource::open(maps, [this](const void* record, size_t size) { on_record(record, size); });
  if (!source) return source.error();
  source_ = std::move(*source);
  losses_told_ = losses();
  for (const auto& [index, container] : containers_->all()) not_shown_told_[index] = not_shown(index);

  prove();  // before any policy is put in force: what is said about it must be known
  std::vector<std::string> complaints;
  if (Result<void> restored = registry_->restore(complaints); !restored) return restored;
  for (const std::string& complaint : complaints) log_error(complaint);

  if (Result<void> resumed = resume_sessions(); !resumed) return resumed;
  for (uint32_t index : ended) end_container(index);
  return loop_.add(source_->poll_fd(), EPOLLIN, [this](uint32_t) { source_->consume(); });
}

void Service::walk_tags(const std::function<void(const tl_tag&)>& use) const {
  kernel::for_each<uint64_t, tl_tag>(engine_->maps().tags_by_task.get(), 1 << 20, [&](uint64_t, const tl_tag& tag) { use(tag); });
}

void Service::walk_tasks(const std::function<void(const tl_task&)>& use) const {
  if (Result<std::vector<tl_task>> tasks = engine_->tasks(); tasks)
    for (const tl_task& task : *tasks) use(task);
}

// By pid where the kernel lists them: a chain of forks runs ahead of a walk over the tags, and the tag of who died while the hooks were off stays.
std::set<uint32_t> Service::living() const {
  std::set<uint32_t> containers;
  if (Result<std::vector<tl_task>> tasks = engine_->tasks(); tasks)
    for (const tl_task& task : *tasks) containers.insert(task.container);
  else
    walk_tags([&](const tl_tag& tag) { containers.insert(tag.container); });
  return containers;
}

// From bound processes. What the store or the configuration says is in force at the next start, so whoever could write there would need no hole.
Result<void> Service::keep_own_files() {
  const std::string standard = std::filesystem::path(kDefaultConf).parent_path();
  OwnFiles files{{conf_.runtime, conf_.store, standard, conf_.trusted_keys}, own_programs()};
  files.files.push_back(options_.conf);
  Result<std::vector<tl_own>> own = find_own(files);
  if (!own) return own.error();
  const std::vector<uint32_t> devices = devices_of(*own);
  tl_control& control = engine_->maps().control_word();
  for (size_t i = 0; i < TL_OWN_MAX; ++i) control.own[i] = i < own->size() ? (*own)[i] : tl_own{};
  for (size_t i = 0; i < TL_OWN_DEVICES; ++i) control.own_devices[i] = i < devices.size() ? devices[i] : 0;
  return {};
}

// By a detach that no daemon saw, or by one that died over it: they run without a policy, and the status says so.
void Service::list_freed() {
  for (const workload::Container& container : containers_->freed()) {
    const bool runs = !container.cgroup.empty() && !cgroups_.ended(container.cgroup) && !(container.cgroup_id && cgroups_.replaced(container.cgroup, container.cgroup_id));
    if (runs) {
      log_warning("container " + container.id + " runs unbound: it was bound, and what held it was detached");
      if (Result<void> kept = unbound_.add({container.id, container.cgroup, rfc3339(unix_ns()), 0, 0, container.cgroup_id}); !kept) log_error(kept.error().message);
    }
    containers_->forget_freed(container.index);
  }
}

// Bound by a daemon that died before it had written so, or whose table is gone: without its cgroup a container is never seen to end, nor killed, nor kept from
// the socket. The entries whose cgroup is nowhere have ended.
std::vector<uint32_t> Service::find_lost_cgroups() {
  std::vector<std::pair<uint32_t, std::string>> found;
  std::vector<uint32_t> ended;
  for (const auto& [index, container] : containers_->all()) {
    if (!container.cgroup.empty()) continue;
    Result<std::string> cgroup = cgroups_.find(container.cgroup_id);
    if (!cgroup) log_error("container " + container.id + " stays bound, and its end will not be seen: " + cgroup.error().message);
    else if (cgroup->empty()) ended.push_back(index);
    else found.emplace_back(index, *cgroup);
  }
  for (const auto& [index, cgroup] : found)
    if (Result<void> kept = containers_->found_at(index, cgroup); !kept) log_error(kept.error().message);
  return ended;
}

std::string Service::admit(pid_t pid) const {
  if (pid <= 0) return "you are in another pid namespace than treelined, which cannot see whether you are inside a bound container: ask from the host's";
  Result<std::string> cgroup = helper_.cgroup_of(pid);
  if (!cgroup && cgroup.error().code == EPIPE) return cgroup.error().message;
  if (!cgroup && cgroup.error().code == ENOTSUP) return "";  // without a v2 hierarchy nothing is bound
  if (!cgroup) return "it cannot be seen whether you are inside a bound container: " + cgroup.error().message;
  for (auto& [index, container] : containers_->all())
    if (!container.cgroup.empty() && workload::is_at_or_below(*cgroup, container.cgroup))
      return "you are inside '" + container.id + "', which is bound to a policy: ask from outside";
  return "";
}

std::vector<sandbox::Place> Service::places() const {
  using sandbox::Writes;
  std::vector<sandbox::Place> all = {{conf_.runtime, Writes::kFiles}, {cgroups_.mount(), Writes::kControls}};
  if (options_.ephemeral) {
    all.push_back({conf_.runtime + "/..", Writes::kEmptied});  // the runtime directory goes with the daemon
  } else {
    all.push_back({conf_.store, Writes::kFiles});
    all.push_back({std::string(kPins), Writes::kRemoval});  // --detach
    all.push_back({std::string(kPins) + "/..", Writes::kEmptied});
  }
  return all;
}

void Service::audit(const Peer& peer, const Json& request, const std::string& what) const {
  std::string text = what;
  for (auto [key, word] : {std::pair("on_violation", "on violation "), std::pair("orphans", "orphans "), std::pair("bundle", "bundle ")})
    if (const std::string value = text_at(request, key); !value.empty()) text += std::string(", ") + word + value;
  if (flag_at(request, "without_filter")) text += ", without the filter";
  text += ", asked by pid " + std::to_string(peer.pid());
  if (const std::string person = workload::login_uid(peer.pid()); !person.empty()) text += " of login uid " + person;
  if (const std::string reason = text_at(request, "reason"); !reason.empty()) text += ", reason: " + reason;
  log_audit(text);
}

void Service::handle(Peer& peer, const Json& request) {
  bool answered = false;
  Answer answer = dispatch(peer, request, answered);
  if (!answer) peer.refuse(request, answer.error());
  else if (!answered) peer.reply(request, std::move(*answer));
  if (detach_asked_) loop_.stop();
}

Service::Answer Service::dispatch(Peer& peer, const Json& request, bool& answered) {
  const std::string what = text_at(request, "do");
  if (what == "status") return status();
  if (what == "doctor") return doctor();
  if (what == "containers") return containers();
  if (what == "denials") return denials(request);
  if (what == "processes") return processes(request);
  if (what == "events") {
    answered = true;
    return subscribe(peer, request);
  }
  if (what == "policy.load") return policy_load(peer, request);
  if (what == "policy.list") return policy_list();
  if (what == "policy.show") return policy_show(request);
  if (what == "policy.mode") return policy_mode(peer, request);
  if (what == "policy.rollback") return policy_rollback(peer, request);
  if (what == "policy.unload") return policy_unload(peer, request);
  if (what == "learn.start") return learn_start(peer, request);
  if (what == "learn.stop") return learn_stop(peer, request, answered);
  if (what == "learn.collected") return learn_collected(request);
  if (what == "learn.status") return learn_status();
  if (what == "run") return run(peer, request);
  if (what == "run.end") return run_end(peer, request, answered);
  if (what == "run.kill") return run_kill(request);
  if (what == "resolve") return start_answer(request, resolve_request(request));
  if (what == "bind") return start_answer(request, bind(peer, request));
  if (what == "refused") return refused(request);
  if (what == "unbind") return unbind(request);
  if (what == "thaw") return thaw(peer, request);
  if (what == "detach") {
    if (text_at(request, "reason").empty()) return Error{"say why: --reason TEXT", EINVAL};
    audit(peer, request, "detached everything, " + std::to_string(containers_->all().size()) + " containers go free");
    detach_asked_ = true;
    Json answer;
    answer["filtered"] = std::count_if(containers_->all().begin(), containers_->all().end(), [](const auto& each) { return each.second.enforced_at_start; });
    answer["freed"] = containers_->all().size();
    answer["pinned"] = !options_.ephemeral;
    return answer;
  }
  return Error{"this treelined does not know the request " + text::quoted(what) + "; is the command of another version?", EINVAL};
}

void Service::gone(uint64_t peer) {
  subscribers_.erase(peer);
  for (auto& [index, run] : runs_)
    if (run.peer == peer) run.peer = 0;
}

void Service::reload(const Conf& conf) {
  const std::pair<const char*, bool> kept[] = {{"arena_mib", conf.arena_mib != conf_.arena_mib},
                                               {"ring_kib", conf.ring_kib != conf_.ring_kib},
                                               {"store", conf.store != conf_.store}};
  for (const auto& [name, changed] : kept)
    if (changed) log_warning(std::string(name) + " in treeline.conf has changed: that counts from the next start of treelined on");
  if (conf.runtime != conf_.runtime)
    log_warning("runtime in treeline.conf has changed: put it back and detach first (treelined --detach --reason TEXT), else the next start knows nothing of what is bound");
  if (conf.trusted_keys != conf_.trusted_keys) log_warning("bound processes are kept from " + conf.trusted_keys + " from the next start of treelined on");
  std::string changed;
  const auto note = [&changed](const char* name, const std::string& before, const std::string& now) {
    if (before != now) changed += (changed.empty() ? ": " : ", ") + std::string(name) + " from " + before + " to " + now;
  };
  note("default", default_word(conf_), default_word(conf));
  note("require_signature", conf_.require_signature ? "yes" : "no", conf.require_signature ? "yes" : "no");
  note("trusted_keys", conf_.trusted_keys, conf.trusted_keys);
  conf_.default_ = conf.default_;
  conf_.default_policy = conf.default_policy;
  conf_.require_signature = conf.require_signature;
  conf_.trusted_keys = conf.trusted_keys;
  registry_->admit_by(store::Admission({.required = conf_.require_signature, .keys = conf_.trusted_keys, .guarded = true, .now = {}}));
  set_log_level(conf.log);
  log_audit("treeline.conf read again" + (changed.empty() ? std::string(": what can change meanwhile has not") : changed));
}

// Told once when it begins; status tells it as long as it lasts.
void Service::watch_hooks() {
  const bool weaker = switch_.is_off() || skips_now() || !engine_->missing_pins().empty();
  if (weaker && !hooks_weaker_)
    if (std::optional<Error> why = why_not_enforce()) log_error("not enforced: " + why->message);
  hooks_weaker_ = weaker;
}

void Service::tick() {
  source_->consume();
  watch_hooks();
  respond();
  watch_frozen();
  const std::set<uint32_t> due = due_containers();
  sweep(due);
  watch_unbegun(due);
  report_losses();
  prove_again();
  registry_->write_again();
  if (options_.ephemeral && server_) end_when_unused();
}

// An ephemeral daemon is there for one command: it goes when nobody asks and nothing is bound, also where the command was broken off before it asked.
void Service::end_when_unused() {
  constexpr uint64_t kFirstWithin = 30'000'000'000;  // ns
  if (ready_since_ == 0) ready_since_ = boot_ns();
  const bool used = server_->had_peers() || boot_ns() - ready_since_ < kFirstWithin;
  if (server_->peers() == 0 && containers_->all().empty() && (server_->had_peers() || !used)) loop_.stop();
}

Result<void> Service::close() {
  source_->consume();
  leave_sessions();
  rmdir((cgroups_.mount() + "/treeline").c_str());  // fails while a tree is in it
  if (!detached() || options_.ephemeral) return {};
  if (Result<void> removed = engine_->detach(); !removed) return removed;
  for (const auto& [index, container] : containers_->all())  // the next treelined lists those that still run
    if (!container.cgroup.empty())
      if (Result<void> kept = unbound_.add({container.id, container.cgroup, rfc3339(unix_ns()), 0, 0, container.cgroup_id}); !kept) log_error(kept.error().message);
  return {};
}

}  // namespace treeline::daemon
