// SPDX-License-Identifier: Apache-2.0
//
// treelined: loads and holds the BPF side, keeps policies and bindings, answers at the control socket. See README.md one folder up.
#include <grp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>

#include "enforcer/base/bytes.h"
#include "enforcer/base/fault.h"
#include "enforcer/base/files.h"
#include "enforcer/base/mounts.h"
#include "enforcer/canary/performance.h"
#include "enforcer/canary/victim.h"
#include "enforcer/daemon/client.h"
#include "enforcer/daemon/notify.h"
#include "enforcer/daemon/protocol.h"
#include "enforcer/daemon/service.h"
#include "enforcer/helper/helper.h"
#include "enforcer/kernel/pins.h"
#include "enforcer/sandbox/sandbox.h"
#include "enforcer/workload/process.h"

namespace treeline::daemon {
namespace {

constexpr int kDetachSeconds = 30;
// Detached on request: the unit does not start it again (RestartPreventExitStatus=).
constexpr int kExitUsage = 2, kExitCannot = 3, kExitNotEnforced = 4, kExitDetached = 5;

struct Options {
  std::string conf = kDefaultConf;
  std::string runtime;
  std::string reason;
  bool detach = false;
  bool ephemeral = false;
  bool check = false;
  bool without_task_storage = false;
  bool without_ring_buffer = false;
  bool unconfined = false;
  bool refuse_only = false;
  std::string crash_at;
  int ready_fd = -1;
  uint32_t arena_mib = 0;
};

// To whoever started us and waits: "ok", or why not. False: nobody waits any more.
bool tell_starter(int fd, const std::string& text) {
  if (fd < 0) return true;
  const bool told = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return told;
}

int fail(const Options& options, const Error& error) {
  tell_starter(options.ready_fd, error.message);
  if (options.ready_fd < 0) log_error(error.message);
  return error.code == ENOTSUP ? kExitNotEnforced : error.code == EINVAL ? kExitUsage : kExitCannot;
}

// The way out must not hang because treelined does.
int fail_detach(const Error& error, pid_t treelined) {
  if (error.code != ETIMEDOUT) {
    log_error(error.message);
  } else {
    // Stopped first: its unit would start another one at once, which holds what the second command is to take off.
    const std::string kill = treelined ? "kill -9 " + std::to_string(treelined) : "systemctl kill -s KILL treelined";
    log_error("treelined has not answered for " + std::to_string(kDetachSeconds) + " s: NOT detached. Kill it and detach again, which needs no treelined: "
              "systemctl stop --no-block treelined; " + kill + "; treelined --detach --reason TEXT");
  }
  return kExitCannot;
}

// It lives, and has no socket (any more): its links refuse without their pins, so nothing of them is removed.
int fail_held(const std::string& socket) {
  const pid_t holder = kernel::Pins(kPins).holder();
  const std::string pid = holder ? std::to_string(holder) : "";
  log_error("NOT DETACHED: a treelined " + (holder ? "(pid " + pid + ") " : std::string()) + "holds what is pinned in " + kPins + " and does not answer at " + socket +
            ": it is starting, or uses another runtime directory. Stop it, then again: systemctl stop treelined" + (holder ? " (if it does not end: kill -9 " + pid + ")" : "") +
            "; treelined --detach --reason TEXT");
  return kExitCannot;
}

int detach_without_daemon(const Options& options, const std::string& socket) {
  if (Result<void> detached = kernel::detach_pinned(kPins); !detached) {
    if (detached.error().code == EADDRINUSE) return fail_held(socket);
    log_error("NOT DETACHED: " + detached.error().message);
    return kExitCannot;
  }
  // No daemon's log holds it.
  const std::string person = workload::login_uid(getpid()), text = "detached without a daemon" + (person.empty() ? "" : " by login uid " + person) + ", reason: " + options.reason;
  log_audit(text);
  openlog("treelined", LOG_PID, LOG_DAEMON);
  syslog(LOG_NOTICE, "audit: %s", escape_bytes(text).c_str());
  log_notice("what was bound runs free. So that the unit does not start treelined again meanwhile, which puts every policy back in force: systemctl stop treelined. "
             "What is started through treeline-oci is refused until it runs again: systemctl start treelined");
  return 0;
}

int detach(const Options& options, const Conf& conf) {
  if (options.reason.empty()) {
    log_error("--detach takes every protection off this machine: say why, with --reason TEXT");
    return kExitUsage;
  }
  if (geteuid() != 0) {
    log_error("only root may detach: run it with sudo");
    return kExitCannot;
  }
  pid_t silent = 0;
  const std::string socket = socket_of(conf);
  Result<Client> client = Client::connect(socket, {std::chrono::seconds(kDetachSeconds), [&](pid_t pid) {
                                                                               silent = pid;
                                                                               return false;
                                                                             }});
  if (client) {
    Result<Json> answer = client->request({{"do", "detach"}, {"reason", options.reason}});
    if (!answer) return fail_detach(answer.error(), silent);
    if (Result<void> ended = client->wait_for_end(); !ended) return fail_detach(ended.error(), silent);  // then it has detached and gone
    const Result<bool> left = flag_at(*answer, "pinned") ? kernel::Pins(kPins).exist() : false;
    if (!left || *left) {
      log_error("NOT DETACHED: treelined has ended, but " + std::string(kPins) + " is still there, so what is pinned in it goes on refusing. Again: systemctl stop " +
                "treelined; treelined --detach --reason TEXT (its log says what stood in the way)");
      return kExitCannot;
    }
    const int64_t filtered = number_at(*answer, "filtered");
    log_notice("detached; " + std::to_string(number_at(*answer, "freed")) + " containers run free" +
               (filtered ? "; " + std::to_string(filtered) + " of them keep the system call filter (and AppArmor profile) of their start until they are started again" : "") +
               ". What is started through treeline-oci is refused until treelined runs again: systemctl start treelined");
    return 0;
  }
  if (client.error().code != ENOENT && client.error().code != ECONNREFUSED) return fail_detach(client.error(), silent);
  return detach_without_daemon(options, socket);
}

// What the canary's victim lacks, with what mends it; "" where it can try all its acts.
std::string why_canary_cannot_act() {
  const uint64_t lacking = sandbox::mask_of(canary::kCapabilities, sandbox::last_capability()) & ~sandbox::sets_now().effective;
  std::string names;
  for (const std::string& name : sandbox::names_of(lacking)) names += (names.empty() ? "" : ", ") + name;
  if (names.empty()) return "";
  return "the canary cannot try every act, treelined was started without " + names +
         ": a refusal would be the kernel's, not Treeline's. Start it with these capabilities (CapabilityBoundingSet= in a unit, --cap-add of a container)";
}

// What no start is worth trying without: the verifier takes minutes over programs of who has no CAP_PERFMON, and refuses them then.
std::optional<Error> why_not_start(bool confined) {
  const uint64_t held = sandbox::sets_now().effective;
  const unsigned last = sandbox::last_capability();
  constexpr unsigned kLoad[] = {CAP_BPF, CAP_PERFMON}, kAdmin[] = {CAP_SYS_ADMIN}, kLayDown[] = {CAP_SETPCAP};
  uint64_t lacking = held & sandbox::mask_of(kAdmin, last) ? 0 : sandbox::mask_of(kLoad, last) & ~held;
  if (confined) lacking |= sandbox::mask_of(kLayDown, last) & ~held;
  std::string names;
  for (const std::string& name : sandbox::names_of(lacking)) names += (names.empty() ? "" : ", ") + name;
  if (names.empty()) return std::nullopt;
  return Error{"treelined was started without " + names + ": it loads its programs by them, and lays down what it does not need. Start it with these", ENOTSUP};
}

// Without it nothing can be bound or proven: a pinned treelined ends, and the next one has one; an ephemeral one stays, since what it enforces would go with it.
void watch_helper(Loop& loop, helper::Helper& helper, bool ephemeral, bool& lost) {
  const int fd = helper.fd();
  (void)!loop.add(fd, EPOLLIN, [&loop, &helper, &lost, fd, ephemeral](uint32_t) {
    helper.give_up();
    log_error("treelined's helper process has ended" + std::string(ephemeral ? "; nothing more can be bound" : "; so treelined does, to be started again. What is enforced stays enforced"));
    loop.remove(fd);
    lost = true;
    if (!ephemeral) loop.stop();
  }).has_value();
}

// An ephemeral one removes its directory at the end, with all that is in it.
std::optional<Error> why_not_ours(const std::string& runtime) {
  Result<std::vector<std::string>> names = names_in(runtime);
  if (!names && names.error().code == ENOENT) return std::nullopt;
  if (!names) return names.error();
  if (names->empty()) return std::nullopt;
  return Error{runtime + " is not empty: --ephemeral removes its --runtime directory at the end; name one that is empty or not there", EINVAL};
}

// Confined it may trace nobody, and a /proc with hidepid= shows it processes as a member of gid= alone.
Result<void> see_processes() {
  const ProcView view = parse_proc_view(read_file_or_empty("/proc/self/mountinfo", 16 << 20));
  if (view.only_traceable)
    return Error{"/proc is mounted with hidepid=ptraceable, which shows a confined treelined no process: nothing could be bound. "
                 "mount -o remount,hidepid=invisible /proc, or start it with --unconfined",
                 ENOTSUP};
  const gid_t group = view.group;
  if (view.hides && group != 0 && setgroups(1, &group) != 0) return system_error("cannot become a member of group " + std::to_string(group) + ", to which /proc shows processes (hidepid=, gid=)", errno);
  return {};
}

int serve(const Options& options, Conf conf) {
  if (options.ephemeral)
    if (std::optional<Error> why = why_not_ours(conf.runtime)) return fail(options, *why);
  kernel::Facts facts = kernel::probe();
  if (!facts.bpffs && facts.root && mount("bpf", "/sys/fs/bpf", "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700") == 0) facts.bpffs = true;
  if (facts.boot_parameter == "off") {
    if (Result<void> detached = kernel::detach_pinned(kPins); !detached && facts.bpffs) return fail(options, detached.error());
    return fail(options, Error{"the machine was booted with treeline=off: nothing is attached; boot without it to protect", ENOTSUP});
  }
  const bool confined = !options.unconfined && !sandbox::instrumented();
  if (!kernel::why_not_load(facts))
    if (std::optional<Error> why = why_not_start(confined)) return fail(options, *why);
  Result<sandbox::Sandbox> sandbox = sandbox::Sandbox::prepare();
  if (!sandbox && confined) return fail(options, sandbox.error());
  if (confined)
    if (Result<void> sees = see_processes(); !sees) return fail(options, sees.error());

  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  // First of all: it inherits no map, no peer and no lock.
  Result<std::unique_ptr<helper::Helper>> helper = helper::Helper::start(conf.runtime + "/canary", {&options.ready_fd, 1}, confined);
  if (!helper) return fail(options, helper.error());
  signal(SIGCHLD, SIG_IGN);  // nobody waits for it

  Loop loop;
  if (Result<void> opened = loop.open(); !opened) return fail(options, opened.error());
  std::function<void()> reload = [] {};  // until there is something to reload
  UniqueFd signal_fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (Result<void> added = loop.add(signal_fd.get(), EPOLLIN,
                                    [&](uint32_t) {
                                      signalfd_siginfo info{};
                                      while (read(signal_fd.get(), &info, sizeof info) == sizeof info)
                                        if (info.ssi_signo == SIGHUP) reload();
                                        else loop.stop();
                                    });
      !added)
    return fail(options, added.error());

  const std::string socket = socket_of(conf);
  ServiceOptions how;
  how.conf = options.conf;
  how.ephemeral = options.ephemeral;
  how.without_task_storage = options.without_task_storage;
  how.without_ring_buffer = options.without_ring_buffer;
  how.canary_cannot_act = why_canary_cannot_act();
  if (Result<Client> other = Client::connect(socket); other)
    return fail(options, Error{"another treelined answers at " + socket + "; stop it first: systemctl stop treelined", EADDRINUSE});
  arm_fault(options.crash_at, /*started=*/false);
  Service service(loop, conf, how, std::move(facts), **helper);
  if (Result<void> opened = service.open(); !opened) return fail(options, opened.error());
  reload = [&] {
    Result<Conf> read = read_conf(options.conf, /*may_be_missing=*/options.conf == kDefaultConf);
    if (read) service.reload(*read);
    else log_error("treeline.conf is not read again, what it said before counts: " + read.error().message);
  };
  Server server(loop, {[&](pid_t pid) { return service.admit(pid); }, [&](Peer& peer, const Json& request) { service.handle(peer, request); },
                       [&](uint64_t peer) { service.gone(peer); }});
  service.set_server(server);
  if (Result<void> listening = server.listen(socket); !listening) return fail(options, listening.error());
  if (Result<void> ticking = loop.every_second([&] { service.tick(), server.tick(); }); !ticking) return fail(options, ticking.error());
  const Notifier manager;
  bool helper_lost = false;
  watch_helper(loop, **helper, options.ephemeral, helper_lost);
  if (confined) {
    const sandbox::OnRefusal then = options.ephemeral || options.refuse_only ? sandbox::OnRefusal::kRefuse : sandbox::OnRefusal::kEnd;
    if (Result<void> entered = sandbox->enter({service.places(), then}); !entered) return fail(options, entered.error());
  } else {
    log_warning("treelined is NOT CONFINED: it keeps all capabilities and system calls");
  }
  manager.tell("READY=1");
  const bool awaited = tell_starter(options.ready_fd, "ok");
  arm_fault(options.crash_at, /*started=*/true);
  Result<void> ended = awaited || !options.ephemeral ? loop.run() : Result<void>{};
  manager.tell("STOPPING=1");
  const Result<void> closed = service.close();
  if (!closed) log_error(closed.error().message);
  if (!ended) log_error(ended.error().message);
  if (options.ephemeral) {
    std::error_code ignored;
    std::filesystem::remove_all(conf.runtime, ignored);
    rmdir(conf.runtime.c_str());  // remove_all tries unlink(2) first, and takes Landlock's EACCES for the answer
  }
  if (!ended || !closed || helper_lost) return kExitCannot;
  return service.detached() && !options.ephemeral ? kExitDetached : 0;
}

int main_of(int argc, char** argv) {
  if (argc == 3 && !std::strcmp(argv[1], canary::kVictimOption)) canary::run_victim(argv[2], argv[0]);
  if (argc == 2 && !std::strcmp(argv[1], canary::kHeirOption)) canary::run_heir();

  signal(SIGCHLD, SIG_DFL);  // ignored, as some callers leave it, the helper could not reap the canary's victim
  Options options;
  CLI::App app(
      "treelined holds Treeline's kernel side: it loads the BPF programs (or takes over those that an earlier daemon left), keeps policies\n"
      "and bindings, and answers the `treeline` command at its socket. What it enforces stays enforced when it ends; to take that off:\n"
      "  treelined --detach --reason \"kernel update\"\n"
      "The treelined that was detached ends with status 5, and its unit does not start it again; to protect anew: systemctl start treelined\n");
  app.set_version_flag("--version", std::string("treelined " TREELINE_VERSION));
  app.add_option("--conf", options.conf, "configuration")->capture_default_str();
  app.add_flag("--check", options.check, "read the configuration, print what is wrong with it, and end");
  app.add_flag("--detach", options.detach, "detach every hook and remove every pin: bound containers go free (needs --reason)");
  app.add_option("--reason", options.reason, "why, for the log");
  app.add_flag("--unconfined", options.unconfined, "keep all capabilities and system calls, to find out whether laying them down is in the way; the status says so");
  auto* ephemeral = app.add_flag("--ephemeral", options.ephemeral, "pin nothing; end with the tree of the command that started it")->group("For other programs");
  auto* runtime = app.add_option("--runtime", options.runtime, "directory of socket and tables, instead of the configuration's")->group("For other programs");
  ephemeral->needs(runtime);
  app.add_option("--ready-fd", options.ready_fd, "write \"ok\", or why not, to this fd")->group("For other programs");
  app.add_option("--arena-mib", options.arena_mib, "instead of the configuration's arena_mib")->group("For other programs")->check(CLI::Range(8u, 4092u));
  app.add_flag("--without-task-storage", options.without_task_storage, "keep tags in the hash alone, as on kernels before 6.2")->group("For tests");
  app.add_flag("--without-ring-buffer", options.without_ring_buffer, "send events by perf buffer, as on kernels before 5.8")->group("For tests");
  app.add_flag("--refuse-only", options.refuse_only, "go on after a refused system call, as an ephemeral one does")->group("For tests");
  app.add_option("--crash-at", options.crash_at, "die there (enforcer/base/fault.h)")
      ->group("For tests")
      ->check([](const std::string& point) {
        for (std::string_view known : kFaultPoints)
          if (known == point) return std::string();
        for (std::string_view known : kStartFaultPoints)
          if (known == point) return std::string();
        return std::string("no such point; see enforcer/base/fault.h");
      });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  Result<Conf> conf = read_conf(options.conf, /*may_be_missing=*/options.conf == kDefaultConf);
  if (!conf) return fail(options, Error{conf.error().message, EINVAL});
  if (!options.runtime.empty()) conf->runtime = options.runtime;
  if (options.arena_mib) conf->arena_mib = (options.arena_mib + 3) / 4 * 4;
  if (options.check) return 0;
  set_log_level(options.ephemeral ? LogLevel::kWarning : conf->log);
  if (options.detach) return detach(options, *conf);
  return serve(options, std::move(*conf));
}

}  // namespace
}  // namespace treeline::daemon

int main(int argc, char** argv) { return treeline::daemon::main_of(argc, argv); }
