// SPDX-License-Identifier: Apache-2.0
//
// The daemon's state and what each request of protocol.h does to it. One thread; every request is answered before the next one is
// read. The acts are split by concern:
//
//   service.cc           start, requests to functions, once a second
//   service_events.cc    records of the kernel side to readers, sessions and counters
//   service_policy.cc    load, mode, rollback, unload
//   service_learn.cc     learn start, stop; the end of a session
//   service_bind.cc      containers: resolve, bind, unbind, their end
//   service_run.cc       plain process trees
//   service_denials.cc   exact counts of what was refused, and how much of it no event told
//   service_processes.cc who is bound, process by process; who has left its container's cgroup
//   service_respond.cc   what a violation costs a container: killed, frozen, let go on
//   service_status.cc    status, doctor, containers
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "enforcer/canary/proof.h"
#include "enforcer/daemon/backlog.h"
#include "enforcer/daemon/conf.h"
#include "enforcer/daemon/doubts.h"
#include "enforcer/daemon/loop.h"
#include "enforcer/daemon/refused_starts.h"
#include "enforcer/daemon/server.h"
#include "enforcer/helper/helper.h"
#include "enforcer/kernel/engine.h"
#include "enforcer/kernel/event_source.h"
#include "enforcer/kernel/hook_switch.h"
#include "enforcer/kernel/probe.h"
#include "enforcer/recorder/session.h"
#include "enforcer/sandbox/sandbox.h"
#include "enforcer/store/registry.h"
#include "enforcer/workload/cgroup.h"
#include "enforcer/workload/containers.h"
#include "enforcer/workload/unbound.h"

namespace treeline::daemon {

constexpr char kPins[] = "/sys/fs/bpf/treeline";

struct ServiceOptions {
  std::string conf;                  // the file that was read
  bool ephemeral = false;            // for one `treeline run`: nothing pinned, ends with its tree
  bool without_task_storage = false; // tests
  bool without_ring_buffer = false;  // tests
  std::string canary_cannot_act;     // what the canary's victim lacks, with its remedy
};

class Service {
 public:
  // `helper`: of a process that has not laid its capabilities down, so that look_at() sees others and the canary can act.
  Service(Loop& loop, Conf conf, ServiceOptions options, kernel::Facts facts, helper::Helper& helper);
  ~Service();

  // Loads or takes over, restores, proves. An error frees nothing that was held. What was attached by then stays so, but of an ephemeral one: the next
  // start takes it over where it is whole and of its own build, else it attaches all of its own in its place.
  Result<void> open();
  void set_server(Server& server) { server_ = &server; }

  [[nodiscard]] std::string admit(pid_t pid) const;
  void handle(Peer& peer, const Json& request);
  void gone(uint64_t peer);
  void tick();
  // What of a changed treeline.conf needs no new start: default, log, require_signature, trusted_keys. The rest is named in the log.
  void reload(const Conf& conf);
  // Where the daemon goes on writing, once it has started.
  [[nodiscard]] std::vector<sandbox::Place> places() const;
  // Before the process ends. On a signal: what enforces stays, what records is written. After a detach all pins go; an Error: some are left.
  Result<void> close();
  [[nodiscard]] bool detached() const { return detach_asked_; }  // somebody asked for it

 private:
  using Answer = Result<Json>;
  struct Session {
    std::unique_ptr<recorder::Session> recorder;
    std::map<std::string, uint64_t> losses_before;
    uint32_t slot = 0;
  };
  struct Run {  // a plain tree and the command that waits for it
    uint64_t peer = 0;
    bool learn = false;
    bool ended = false;  // the command's own child has ended; it waits for the rest
    int exit_code = -1;
    Json end_request;
    std::vector<std::string> trace;
    uint64_t denied = 0, would = 0;
  };

  // A container that is gone: what it was refused last may be read after its end, and its entry may be another one's by then.
  struct Ended {
    uint32_t index = 0;
    uint64_t bound_at = 0;  // ns since boot
    std::string id;
  };

  // A container whose entrypoint has not begun, long after it was bound.
  struct Unbegun {
    uint64_t cpu_time = 0;  // µs, when that was first seen
    bool works = false;     // it has used CPU since: something runs there that never was executed under the policy
  };

  // service.cc
  Answer dispatch(Peer& peer, const Json& request, bool& answered);
  void audit(const Peer& peer, const Json& request, const std::string& what) const;
  [[nodiscard]] std::optional<Error> why_not_enforce() const;
  [[nodiscard]] bool skips_now() const;  // a BPF program, where another was preempted (kernels before 6.2)
  void watch_hooks();
  void end_when_unused();
  Result<void> keep_own_files();
  void list_freed();
  std::vector<uint32_t> find_lost_cgroups();

  // service_events.cc
  void on_record(const void* record, size_t size);
  [[nodiscard]] events::Named name(const events::Event& event) const;
  [[nodiscard]] std::string container_of(const events::Event& event) const;  // "": unknown
  Answer subscribe(Peer& peer, const Json& request);
  void broadcast(const std::string& line, bool learned, uint32_t container = 0);
  [[nodiscard]] std::map<std::string, uint64_t> losses() const;
  void report_losses();

  // service_policy.cc
  Answer policy_load(Peer& peer, const Json& request);
  Answer policy_mode(Peer& peer, const Json& request);
  Answer policy_rollback(Peer& peer, const Json& request);
  Answer policy_unload(Peer& peer, const Json& request);
  Answer policy_list() const;
  Answer policy_show(const Json& request);
  [[nodiscard]] Json policy_json(const store::Policy& policy) const;
  [[nodiscard]] Json not_in_force_json() const;
  Result<store::Change> change_of(const Json& request) const;
  [[nodiscard]] Result<void> may_weaken(const store::Change& change, const Json& request) const;
  [[nodiscard]] std::string directory_of(const store::Policy& policy) const;

  // service_filter.cc
  [[nodiscard]] const char* closing_word() const;
  [[nodiscard]] std::vector<std::string> filter_words(const bundle::Bundle& bundle) const;
  [[nodiscard]] std::vector<std::string> without_filter(uint32_t slot, const std::vector<std::string>& wanted) const;  // ids of containers
  [[nodiscard]] static bool holds_filter(const workload::Container& container, const std::vector<std::string>& wanted);
  // Enforcing `bundle` on what runs without its filter, where no hook stands in for it, is refused unless the request says so. `mode`: 0 for the policy's.
  [[nodiscard]] Result<void> filter_in_place(const std::string& name, uint32_t mode, const bundle::Bundle& bundle, const Json& request) const;

  // service_apparmor.cc
  // That the kernel holds the AppArmor profile of this policy's text, if it has one.
  static std::optional<Error> why_not_held(const store::Policy& policy);
  // Enforcing `bundle` beside another policy whose profile has the same name and another text is refused. `mode`: 0 for the policy's.
  [[nodiscard]] Result<void> profile_is_its_own(const std::string& name, uint32_t mode, const bundle::Bundle& bundle) const;

  // service_learn.cc
  Answer learn_start(Peer& peer, const Json& request);
  Answer learn_stop(Peer& peer, const Json& request, bool& answered);
  Result<void> send_traces(Peer& peer, const Json& request, size_t still_running);
  Answer learn_status() const;
  Result<void> begin_session(const workload::Container& container, bool resumed = false);
  std::vector<std::string> end_session(uint32_t container, int exit_code);  // the trace
  Answer learn_collected(const Json& request);
  void spool(uint32_t slot, const std::string& container, const std::vector<std::string>& trace);
  // The lines of its one trace, which is removed.
  Result<std::vector<std::string>> take_spooled(const std::string& name);
  [[nodiscard]] std::string spool_directory(const std::string& name) const;
  void forget_learned(uint32_t container) const;
  void forget_unbound_learned() const;
  void forget_learned_of(const std::function<bool(uint32_t container)>& gone) const;
  void count_tracing();
  Result<void> resume_sessions();
  void leave_sessions();

  // service_bind.cc
  struct Resolved {
    const store::Policy* policy = nullptr;  // nullptr: unbound
  };
  Result<Resolved> resolve(const std::string& name);
  Answer resolve_request(const Json& request);
  Answer bind(Peer& peer, const Json& request);
  // The answer to either; what it refuses is kept for status, and logged. So is what treeline-oci refused.
  Answer start_answer(const Json& request, Answer answer);
  Answer refused(const Json& request);
  void start_refused(const Json& request, const std::string& why);
  [[nodiscard]] std::optional<Json> bound_before(const std::string& id, const std::string& cgroup, const store::Policy& policy, const std::string& bundle) const;
  [[nodiscard]] Json bound_answer(const store::Policy& policy) const;
  [[nodiscard]] std::string shared_with(const Peer& peer, const std::string& cgroup) const;  // "": nobody of those that ask and answer
  void list_unbound(const std::string& id, pid_t pid, const workload::Look& look, bool own_cgroup);
  Answer unbind(const Json& request);
  void walk_tags(const std::function<void(const tl_tag&)>& use) const;
  void walk_tasks(const std::function<void(const tl_task&)>& use) const;
  [[nodiscard]] std::set<uint32_t> living() const;  // containers that some task belongs to
  [[nodiscard]] bool may_be_left(const workload::Container& container) const;
  [[nodiscard]] bool is_left(uint32_t index, std::optional<std::set<uint32_t>>& living);
  void end_container(uint32_t index);
  std::set<uint32_t> due_containers();
  void end_replaced(const std::set<uint32_t>& those);
  void sweep(const std::set<uint32_t>& those);
  void watch_unbegun(const std::set<uint32_t>& those);
  void free_ended();  // slots that nobody stands on any more

  // service_run.cc
  Answer run(Peer& peer, const Json& request);
  Result<store::Policy*> policy_of_run(const Json& request, bool learn, const std::string& name);
  Answer run_end(Peer& peer, const Json& request, bool& answered);
  Answer run_of_earlier_daemon(Peer& peer, const Json& request, bool& answered);
  Answer run_kill(const Json& request);
  void finish_run(uint32_t index);

  // service_denials.cc
  Answer denials(const Json& request) const;
  void count_denials(uint32_t slot, Run& run) const;
  void forget_denials(uint32_t slot) const;
  [[nodiscard]] uint64_t not_shown(uint32_t container) const;
  void report_not_shown(const workload::Container& container);
  void tell_again() const;

  // service_processes.cc
  Answer processes(const Json& request) const;
  // In another cgroup than the container's and those below. An Error: it cannot be told.
  [[nodiscard]] Result<bool> has_left(const tl_task& task, const workload::Container& container) const;
  enum class Whom { kWhoLeft, kAll };
  // Does it to each process of the container that has left its cgroup, until none is there. An Error: somebody is, or it cannot be told.
  Result<void> each_task(const workload::Container& container, Whom whom, const std::function<Result<void>(pid_t)>& act) const;

  // service_respond.cc
  void respond();
  void kill_for_violation(const workload::Container& container);
  void freeze_for_violation(const workload::Container& container);
  void watch_frozen();
  Answer thaw(Peer& peer, const Json& request);
  Answer thaw_unbound(Peer& peer, const Json& request);

  // service_status.cc
  Answer status() const;
  Answer doctor();
  Answer containers() const;
  [[nodiscard]] Json canary_json() const;
  [[nodiscard]] std::set<std::string> untried_hooks() const;
  [[nodiscard]] Json confinement_json() const;
  void prove();
  void prove_again();

  Loop& loop_;
  Conf conf_;
  ServiceOptions options_;
  kernel::Facts facts_;
  kernel::HookSwitch switch_;
  kernel::Preemption preemption_;
  helper::Helper& helper_;
  Server* server_ = nullptr;

  std::unique_ptr<kernel::Engine> engine_;
  std::optional<kernel::Grace> grace_;
  std::unique_ptr<store::Publisher> publisher_;
  store::PolicyStore kept_, transient_;
  std::unique_ptr<store::Registry> registry_;
  workload::Cgroups cgroups_;
  std::unique_ptr<workload::Containers> containers_;
  std::unique_ptr<kernel::EventSource> source_;
  canary::Proof proof_;
  canary::PlacedImage canary_image_;

  std::map<uint32_t, Session> sessions_;  // by container
  std::map<uint32_t, Run> runs_;          // by container
  workload::Unbound unbound_;
  RefusedStarts refused_starts_;
  std::deque<Ended> ended_;  // the newest stands last
  bool hooks_weaker_ = false;
  bool unknown_told_ = false;  // that it cannot be seen who still runs
  std::map<uint64_t, bool> subscribers_;  // peer -> wants learned ones too
  Backlog backlog_{1000};
  std::map<std::string, uint64_t> losses_told_;
  std::map<uint32_t, uint64_t> not_shown_told_;  // by container
  mutable Doubts doubts_;  // what status() has seen
  uint64_t undecodable_ = 0;
  uint64_t lost_traces_ = 0;
  std::map<std::string, uint64_t> lost_of_;  // traces, by the name that was learned, until its stop was answered for
  uint32_t next_run_ = 1;
  std::map<uint32_t, std::string> kills_, freezes_;  // what was told of them, by container
  std::map<uint32_t, Unbegun> unbegun_;         // by container
  std::map<uint32_t, int> left_;                // by container whose cgroup is empty: how often it was looked whether processes of it live elsewhere
  uint64_t ready_since_ = 0;                    // of an ephemeral daemon: ns since boot; 0: not yet
  uint32_t swept_ = 0;  // up to this container
  int look_for_ended_ = 0;  // seconds
  uint64_t ticks_ = 0;
  bool detach_asked_ = false;
};

}  // namespace treeline::daemon
