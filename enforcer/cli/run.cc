// SPDX-License-Identifier: Apache-2.0
//
// treeline run: a plain process tree, learned or under a policy. The command's process is forked here and waits; the daemon puts it
// into a cgroup of its own and binds that; then it execs, and that exec is the entry.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "enforcer/base/files.h"
#include "enforcer/cli/ask.h"
#include "enforcer/cli/child.h"
#include "enforcer/cli/launch.h"
#include "enforcer/cli/profiles.h"
#include "enforcer/cli/tree.h"
#include "enforcer/confine/filter.h"
#include "enforcer/daemon/protocol.h"
#include "enforcer/events/line_encoder.h"
#include "enforcer/kernel/probe.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/support/files.h"

namespace treeline::cli {
namespace {

struct RunOptions {
  bool learn = false;
  std::string output = "trace.jsonl";
  std::string name;
  std::string policy;
  std::string mode = "enforce";
  std::string on_violation;
  std::string rest = "wait";
  std::string events_file;
  bool quiet = false;
};

// "/usr/sbin/My Server" -> "my-server": what the trace calls the workload unless it is told.
std::string workload_name(const std::string& command) {
  std::string name;
  for (char c : command.substr(command.rfind('/') + 1)) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (name.empty() && (c == '.' || c == '-' || c == '_')) continue;
    name += plain ? c : '-';
  }
  return name.empty() ? "workload" : name.substr(0, 63);
}

// With the calls that the bundle lists, where it does.
Result<confine::Filter> filter_of(const confine::Closing& closing, const bundle::Bundle& bundle) {
  Result<confine::Filter> filter = confine::Filter::build(closing);
  if (const bundle::Artifact* calls = filter ? bundle.find(confine::kCallsArtifact) : nullptr)
    if (Result<void> added = filter->add(calls->bytes); !added) return added.error();
  return filter;
}

class Run {
 public:
  Run(Context& context, RunOptions& options) : context_(context), options_(options) {}

  int run() {
    if (context_.command.empty()) {
      say("what is to be run? treeline run ... -- COMMAND [ARGUMENT...]");
      return kUsage;
    }
    if (options_.learn == !options_.policy.empty()) {
      say("either --learn, or --policy BUNDLE");
      return kUsage;
    }
    // Left to itself the tree has nobody who would take its trace.
    if (options_.learn && options_.rest == "leave") {
      say("--learn writes the trace when the tree has ended: --rest wait or kill. To record what outlives its command, run it as a container: treeline learn start NAME");
      return kUsage;
    }
    Json request = {{"do", "run"}};
    unsigned arena_mib = 8;
    if (options_.learn) {
      // Afterwards it would be too late: the program has run, and what was recorded of it is nowhere else.
      if (const std::string why = why_not_writable(options_.output); !why.empty()) return say(why + "; the command was not started"), kCannotAsk;
      request["learn"] = true;
      request["name"] = options_.name.empty() ? workload_name(context_.command[0]) : options_.name;
    } else {
      const std::string bundle = absolute_path(options_.policy);
      if (bundle.empty()) return kUsage;
      struct stat st {};
      if (stat((bundle + "/policy.img").c_str(), &st) == 0) arena_mib = 16 + static_cast<unsigned>(st.st_size >> 22) * 4;
      request["bundle"] = bundle;
      request["mode"] = options_.mode;
      request["on_violation"] = options_.on_violation;
    }
    if (!options_.events_file.empty()) {
      file_.reset(std::fopen(options_.events_file.c_str(), "we"));
      if (!file_) {
        say(options_.events_file + ": " + std::strerror(errno) + "; the command was not started");
        return kCannotAsk;
      }
    }
    if (int status = reach_daemon(arena_mib)) return status;
    if (!options_.learn && options_.mode == "enforce")
      if (int status = prepare_confinement(text_at(request, "bundle"))) return status;

    // Blocked before the fork, so that none is lost between it and the first poll; the child unblocks.
    sigset_t watched;
    sigemptyset(&watched);
    for (int number : {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM}) sigaddset(&watched, number);
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    signals_ = UniqueFd(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!child_.start(context_.command, confinement_)) {
      say(std::string("cannot fork: ") + std::strerror(errno));
      return kCannotAsk;
    }
    request["pid"] = child_.pid();
    Result<Json> bound = client_->request(request);
    if (!bound) {
      child_.abandon();
      say(bound.error().message);
      say("the command was not started");
      return client_->reply_code().empty() ? kCannotAsk : daemon::exit_status_of(client_->reply_code().c_str());
    }
    if (!confinement_digest_.empty() && text_at((*bound)["policy"], "digest") != confinement_digest_) {
      child_.abandon();
      say("the bundle was changed meanwhile: its seccomp filter is not that of the policy; the command was not started");
      return kFinding;
    }
    const bool confined = text_at(*bound, "mode") == "enforce";  // in monitor nothing is refused
    enforced_ = confined;
    if (confined && confinement_.apparmor)
      if (int status = hold_profile()) {
        child_.abandon();
        return status;
      }
    container_ = text_at(*bound, "container");
    follow_events();
    child_.release(!confined ? Child::kUnconfined : text_at(*bound, "closing") == "optional" ? Child::kBesideHooks : Child::kWhole);
    using Step = Child::Failure::Step;
    if (auto [code, step] = child_.failure(); code && step == Step::kFilter) {
      say(std::string("the kernel does not take the policy's seccomp filter: ") + std::strerror(code) + "; the command was not executed");
    } else if (code && step == Step::kAppArmor) {
      say("the kernel does not take the AppArmor profile '" + confinement_.apparmor->name + "': " + std::strerror(code) + "; the command was not executed");
    } else if (code) {
      if (code == EPERM || code == EACCES) say("the policy, or the system, refuses " + context_.command[0] + " as the entry: " + std::strerror(code));
      else say(context_.command[0] + ": " + std::strerror(code));
    }
    const std::optional<int> status = wait_for_child();
    if (!status) return unprotected();
    const int finished = finish(*status);
    return finished ? finished : *status;
  }

 private:
  int reach_daemon(unsigned arena_mib) {
    Result<daemon::Client> client = daemon::Client::connect(context_.socket, patience(context_.socket));
    if (!client && (client.error().code == ENOENT || client.error().code == ECONNREFUSED)) {
      if (!options_.quiet) say("no treelined runs: starting a private one for this command");
      if (options_.rest == "leave") {
        say("--rest leave needs a treelined that outlives this command: systemctl start treelined");
        return kUsage;
      }
      Result<std::string> socket = launch_daemon(arena_mib);
      if (!socket) {
        say(socket.error().message);
        return socket.error().code == ENOTSUP ? kNotEnforced : kCannotAsk;
      }
      context_.socket = *socket;
      private_ = true;
      client = daemon::Client::connect(context_.socket, patience(context_.socket));
    }
    if (!client) {
      say(client.error().message);
      // Not root, or root of a user namespace alone: no policy can be enforced from here, whether a treelined runs or not.
      return client.error().code == EACCES || client.error().code == EPERM ? kNotEnforced : kCannotAsk;
    }
    client_ = std::move(*client);
    return 0;
  }

  // The daemon reads the bundle too; what it has bound has to be what this is of, which the digest tells.
  int prepare_confinement(const std::string& directory) {
    Result<bundle::Bundle> bundle = bundle::read(directory);
    Result<confine::Closing> closing = bundle ? confine::closing_of(*bundle) : bundle.error();
    if (!closing) return not_started(closing.error());
    Result<confine::Filter> whole = filter_of(*closing, *bundle), beside_hooks = filter_of(confine::beside_hooks(*closing), *bundle);
    if (!whole || !beside_hooks) return not_started(whole ? beside_hooks.error() : whole.error());
    confinement_.whole = std::move(*whole);
    confinement_.beside_hooks = std::move(*beside_hooks);
    Result<std::optional<confine::AppArmor>> apparmor = confine::apparmor_of(bundle->name, *bundle);
    if (!apparmor) return not_started(apparmor.error());
    confinement_.apparmor = std::move(*apparmor);
    confinement_digest_ = bundle->digest;
    return 0;
  }

  int not_started(const Error& error) {
    say(error.message);
    say("the command was not started");
    return daemon::exit_status_of(daemon::code_of(error.code));
  }

  // Once treelined has taken the bundle, for it may want a signature. Another version is not replaced: something else may run under it. For the same
  // reason what is loaded here stays.
  int hold_profile() {
    const std::string name = "AppArmor profile '" + confinement_.apparmor->name + "'";
    if (confinement_.apparmor->tree && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
      return not_started({"no_new_privs is set here (setpriv, a unit's NoNewPrivileges=): it forbids the exec transitions between the policy's AppArmor profiles, the "
                          "command could not start its children; run it without, or compile the policy with --no-new-privs (one flat profile)", EPERM});
    Result<void> held = confine::is_held(*confinement_.apparmor);
    if (held) return 0;
    if (held.error().code == ESTALE)
      return not_started({name + " is loaded already, but another version of it, or not by treeline, and something may run under it; to take it off (which "
                          "frees that of it): apparmor_parser --remove " + options_.policy + "/apparmor", EPERM});
    if (Result<void> loaded = load_profiles(*confinement_.apparmor); !loaded) return not_started(loaded.error());
    if (!options_.quiet) say(name + " is loaded now and stays; to take it off: apparmor_parser --remove " + options_.policy + "/apparmor");
    return 0;
  }

  [[nodiscard]] bool wants_events() const { return !options_.quiet || !options_.events_file.empty(); }

  // Before the command is released, so that none of its acts is missed.
  void follow_events() {
    if (!wants_events()) return;
    Result<daemon::Client> client = daemon::Client::connect(context_.socket);
    Result<Json> answer = client ? client->request({{"do", "events"}, {"follow", true}, {"backlog", 0}}) : Result<Json>(client.error());
    if (answer) events_ = std::move(*client);
    else say("events are not shown yet: " + answer.error().message);
  }

  // The next treelined has told those of its start already. Its answer comes with them: who waited for it would not hear of signals.
  void follow_events_again() {
    if (!wants_events() || events_ || private_) return;
    Result<daemon::Client> client = daemon::Client::connect(context_.socket);
    if (client && client->send({{"do", "events"}, {"follow", true}})) events_ = std::move(*client);
  }

  void show_event(const std::string& line) {
    std::optional<Json> event = parse_json(line);
    if (!event) return;
    const bool of_all = text_at(*event, "type") == "loss" && !event->contains("container");
    if (!of_all && text_at(*event, "container") != container_) return;
    if (file_) {
      std::fprintf(file_.get(), "%s\n", line.c_str());
      std::fflush(file_.get());
    }
    if (options_.quiet) return;
    std::fprintf(stderr, "%s\n", context_.json ? line.c_str() : events::to_text(*event, colour_on(2), context_.wide).c_str());
  }

  // What is there now, without waiting for more.
  void drain_events() {
    while (events_) {
      pollfd waiting{events_->fd(), POLLIN, 0};
      if (!events_->has_line() && poll(&waiting, 1, 0) <= 0) return;
      std::optional<std::string> line = events_->next_line();
      if (line) {
        show_event(*line);
        continue;
      }
      events_.reset();
      if (!private_ && !options_.quiet) say("treelined went away: what happens now is shown when it is back, and counted meanwhile");
    }
  }

  // Signals that somebody sent to us are the command's; those of the terminal reach it by themselves, being of the same group.
  void on_signals(bool child_runs) {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {
      const auto number = static_cast<int>(info.ssi_signo);
      if (number == SIGCHLD) continue;
      if (child_runs) {
        if (info.ssi_code <= 0) kill(child_.pid(), number);
      } else if (number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT) {
        say("killing what is left of the tree");
        (void)client_->send({{"do", "run.kill"}, {"container", container_}}).has_value();
      }
    }
  }

  // Nothing: the private treelined has ended before the command, and with it what held the command to its policy.
  std::optional<int> wait_for_child() {
    for (bool gone = false;;) {
      int status = 0;
      if (waitpid(child_.pid(), &status, WNOHANG) == child_.pid()) {
        child_runs_ = false;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      pollfd waiting[3] = {{signals_.get(), POLLIN, 0}, {events_ ? events_->fd() : -1, POLLIN, 0}, {private_ && !gone ? client_->fd() : -1, 0, 0}};
      if (poll(waiting, 3, 1000) == 0) follow_events_again();
      if (waiting[2].revents & (POLLHUP | POLLERR)) {
        if (enforced_) return std::nullopt;
        gone = true;
        say("the private treelined of this command has ended: nothing more is recorded or reported");
      }
      on_signals(true);
      drain_events();
    }
  }

  int unprotected() {
    const bool ended = end_tree(kernel::cgroup2_mount(), container_);
    if (child_runs_) child_.abandon();
    std::error_code ignored;
    if (ended) std::filesystem::remove_all(std::filesystem::path(context_.socket).parent_path(), ignored);  // what it had made for itself
    say("the private treelined of this command has ended, and with it what enforced the policy: the command and its tree were killed" +
        std::string(ended ? "" : ", but something of it may be left in cgroup /treeline/" + container_) +
        ". See dmesg for what ended it; what a treelined of the system enforces outlives it: systemctl start treelined");
    return kNotEnforced;
  }

  // The daemon was restarted meanwhile: what it enforced stayed enforced, and the next one knows the tree.
  Result<int> ask_again(const Json& request) {
    if (private_) {
      if (!enforced_) say("the private treelined of this command has ended" + std::string(options_.learn ? ": the trace is lost" : ": what it counted is lost"));
      return Error{"gone", ECONNRESET};
    }
    if (!options_.quiet) say("treelined went away; waiting for the next one");
    for (int i = 0; i < 60; ++i) {
      if (Result<daemon::Client> client = daemon::Client::connect(context_.socket); client) {
        client_ = std::move(*client);
        if (Result<int> id = client_->send(request); id) return id;
      }
      usleep(500000);
    }
    say("no treelined came back; " + std::string(options_.learn ? "the trace is lost" : "treeline denials of the next one counts what was stopped"));
    return Error{"gone", ECONNRESET};
  }

  int gone() { return private_ && enforced_ ? unprotected() : kCannotAsk; }

  // Waits for the rest of the tree and collects what the daemon knows.
  int finish(int exit_status) {
    const Json request = {{"do", "run.end"}, {"container", container_}, {"exit", exit_status}, {"rest", options_.rest}};
    Result<int> id = client_->send(request);
    if (!id) id = ask_again(request);
    if (!id) return gone();
    bool told = false;
    for (int waited = 0;; ++waited) {
      pollfd waiting[3] = {{client_->fd(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {events_ ? events_->fd() : -1, POLLIN, 0}};
      if (!client_->has_line() && poll(waiting, 3, 1000) == 0) follow_events_again();
      on_signals(false);
      drain_events();
      if (!client_->has_line() && !(waiting[0].revents & (POLLIN | POLLHUP))) {
        if (waited >= 2 && !told && !options_.quiet) {
          say("the command has ended, its tree has not: waiting for the rest (^C kills it)");
          told = true;
        }
        continue;
      }
      std::optional<std::string> line = client_->next_line();
      if (!line) {
        id = ask_again(request);
        if (!id) return gone();
        continue;
      }
      std::optional<Json> answer = parse_json(*line);
      if (!answer || number_at(*answer, "id", -1) != *id) continue;
      if (!flag_at(*answer, "ok")) {
        say(text_at(*answer, "error"));
        return kCannotAsk;
      }
      drain_events();
      return report(*answer);
    }
  }

  int report(const Json& answer) {
    if (flag_at(answer, "restarted") && !options_.quiet) say("treelined was restarted meanwhile: its counts of this run begin there");
    if (!options_.learn) {
      const int64_t denied = number_at(answer, "denied"), would = number_at(answer, "would");
      if (!options_.quiet && denied) say(std::to_string(denied) + (denied == 1 ? " act was stopped" : " acts were stopped"));
      if (!options_.quiet && would) say(std::to_string(would) + (would == 1 ? " act" : " acts") + " happened that enforce would have stopped");
      return 0;
    }
    std::string text, last;
    if (number_at(answer, "traces") != 1 || !read_trace(*client_, text, last)) {
      say("the trace did not arrive whole; nothing was written");
      return kCannotAsk;
    }
    if (Result<void> written = files::write_file(options_.output, text); !written) {
      say(written.error().message);
      keep_aside(text);
      return kCannotAsk;
    }
    std::optional<Json> end = parse_json(last);
    if (end && flag_at(*end, "incomplete")) say("the trace is incomplete: its `loss` lines say what was not kept");
    if (!options_.quiet) say("wrote " + options_.output + "; next: treelinec learn " + options_.output + " -o profile.yaml");
    return 0;
  }

  // A trace that could not be written where it was to go: the disk has become full meanwhile.
  static void keep_aside(const std::string& text) {
    for (const char* directory : {"/var/tmp", "/run", "/dev/shm"}) {
      std::string path = std::string(directory) + "/treeline-trace-XXXXXX";
      const UniqueFd fd(mkostemp(path.data(), O_CLOEXEC));
      if (!fd) continue;
      if (files::write_all(fd.get(), text, path)) return say("the trace is in " + path);
      unlink(path.c_str());
    }
    say("it could not be written to /var/tmp, /run or /dev/shm either: the trace is lost");
  }

  Context& context_;
  RunOptions& options_;
  Child child_;
  Child::Confinement confinement_;
  std::string confinement_digest_;  // of the bundle that the filter came from; "": there is none
  bool private_ = false;   // the treelined is this command's own: what it enforces ends with it
  bool enforced_ = false, child_runs_ = true;
  UniqueFd signals_;
  std::optional<daemon::Client> client_, events_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{nullptr, std::fclose};  // --events
  std::string container_;
};

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto* run = app.add_subcommand("run", "run a command as a tree of its own: learn it, or hold it to a policy");
  auto options = std::make_shared<RunOptions>();
  run->add_flag("--learn", options->learn, "allow everything and record it");
  run->add_option("-o,--output", options->output, "the trace that --learn writes")->capture_default_str();
  run->add_option("--name", options->name, "the workload's name in the trace (default: the command's)");
  run->add_option("--policy", options->policy, "directory of a compiled bundle");
  run->add_option("--mode", options->mode, "monitor: report what enforce would stop; enforce: stop it")
      ->check(CLI::IsMember({"monitor", "enforce"}))
      ->capture_default_str();
  run->add_option("--on-violation", options->on_violation, "instead of what the profile says: refuse the act, and beside it kill the process, kill all of the tree, or freeze it")
      ->check(CLI::IsMember({"deny", "kill", "kill-container", "freeze-container"}));
  run->add_option("--rest", options->rest, "what becomes of the tree when the command itself has ended (leave: not with --learn)")
      ->check(CLI::IsMember({"wait", "kill", "leave"}))
      ->capture_default_str();
  run->add_option("--events", options->events_file, "write the events to this file too, one JSON object a line (--json: those on stderr as well)");
  run->add_flag("-q,--quiet", options->quiet, "no events and no talk on stderr");
  run->footer(
      "The command stands behind `--`. Its exit status is given back; its signals, terminal and files are its own. Where no treelined runs, a\n"
      "private one is started; should that end before a command that it holds to a policy, the command and its tree are killed (exit 4).\n\n"
      "  treeline run --learn -o trace.jsonl -- ./server --port 8080\n"
      "  treeline run --policy server.bundle --mode monitor -- ./server --port 8080\n"
      "  treeline run --policy server.bundle -- ./server --port 8080          (enforce)\n");
  run->callback([&context, options] { context.action = [&context, options] { return Run(context, *options).run(); }; });
}

}  // namespace treeline::cli
