// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/hook.h"

#include <poll.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>

#include "enforcer/base/files.h"
#include "enforcer/oci/ask.h"
#include "enforcer/oci/choice.h"
#include "enforcer/oci/config.h"
#include "enforcer/oci/confinement.h"
#include "enforcer/oci/in_process.h"
#include "enforcer/oci/inner_hooks.h"
#include "enforcer/oci/options.h"
#include "enforcer/oci/report.h"
#include "enforcer/oci/rootless.h"
#include "enforcer/oci/settings.h"
#include "enforcer/oci/state.h"
#include "enforcer/oci/two_names.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci {
namespace {

Result<std::string> read_standard_input(Deadline deadline) {
  std::string text;
  for (;;) {
    pollfd ready{STDIN_FILENO, POLLIN, 0};
    const int n = poll(&ready, 1, milliseconds_left(deadline));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0)
      return Error{"the container's state did not end within " + std::to_string(kAnswerWithin.count()) +
                       " s on standard input; is this called as an OCI hook?",
                   ETIMEDOUT};
    char chunk[16384];
    const ssize_t got = n < 0 ? -1 : read(STDIN_FILENO, chunk, sizeof chunk);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return system_error("cannot read the container's state from standard input", errno);
    if (got == 0) return text;
    text.append(chunk, static_cast<size_t>(got));
    if (text.size() > kMaxState) return text;  // refused as too large
  }
}

Result<Options> options_of(std::span<const std::string> args) {
  Result<Options> options = take_options(args);
  if (options)
    if (Result<void> named = check_policy_name(*options); !named) return named.error();
  if (!options || (options->rest.empty() && options->runtime.empty())) return options;
  return Error{"a hook takes only --conf FILE, --policy NAME and --without-filter, not " +
                   (options->rest.empty() ? "--runtime" : text::quoted(options->rest[0])),
               EINVAL};
}

// The policy that the state and config.json agree on; the hook's own where they name none.
Result<std::string> agreed_policy(const State& state, const Config& config, const std::string& otherwise) {
  Result<std::string> told = policy_asked_for(state.whole.find("annotations"));
  if (!told) return told;
  Result<std::string> written = policy_asked_for(config.root().find("annotations"));
  if (!written) return written;
  if (*told == *written) return told->empty() ? otherwise : *told;
  const auto named = [](const std::string& name) { return name.empty() ? std::string("none") : "'" + name + "'"; };
  return Error{"the runtime says that the container asks for policy " + named(*told) + ", its config.json for " +
                   named(*written) + ": config.json was changed meanwhile",
               EPERM};
}

// What treelined is told of a start, and what has to be the same when it has bound it.
struct Verified {
  bool filter = false;    // the policy's is in config.json
  std::string two_names;  // why it could not be started in enforce; "": it could
  bool operator==(const Verified&) const = default;
};

constexpr char kWithout[] = "; or give the hook --without-filter: modify_ldt, seccomp listeners and an executable heap stay open to the container";

// The bundle has to be whole in every mode; what it wants in config.json has to be there where it is enforced.
Result<Verified> verify_bundle(const Json& answer, const Config& config, const std::string& bundle_directory, bool without_filter) {
  Result<Confinement> wanted = read_confinement(text_at(answer, "policy"), text_at(answer, "directory"));
  if (!wanted) return wanted.error();
  // What does not say so, an older treelined, may run on a kernel without the hooks.
  const bool hooks = text_at(answer, "closing") == "optional";
  if (hooks) leave_to_hooks(*wanted);
  const Result<void> apart = check_two_names(wanted->image, config, bundle_directory);
  if (!apart && text_at(answer, "mode") == "monitor") warn("in enforce the container would not be started: " + apart.error().message);
  if (text_at(answer, "mode") != "monitor") {
    if (!apart) return apart.error();
    if (wanted->apparmor)
      if (Result<void> held = confine::is_held(*wanted->apparmor); !held) return held.error();
    const bool may_lack = hooks && without_filter;
    if (Result<void> good = verify(*wanted, config, may_lack ? ClosingFilter::kOptional : ClosingFilter::kRequired); !good)
      return Error{good.error().message + (hooks && verify(*wanted, config, ClosingFilter::kOptional) ? kWithout : ""), good.error().code};
  }
  return Verified{carries_filter(*wanted, config), apart ? "" : apart.error().message};
}

// Neither what is being learned nor what stays unbound has one.
bool has_bundle(const Json& answer) {
  const std::string mode = text_at(answer, "mode");
  return mode != "learn" && mode != "off";
}

Result<void> verify_and_bind(const State& state, const Options& options, Daemon& daemon) {
  if (Result<void> rooted = check_not_rootless(); !rooted) return rooted;
  // What runs has executed already: the policy's tree would begin at whatever it executes next.
  const bool being_created = state.status == "creating" || state.status == "created";
  if (!being_created || state.pid <= 1)
    return Error{"container '" + text::printable(state.id) + "' is not being created, with its first process there and waiting (status " +
                     text::quoted(state.status) + "): this hook belongs into the stage createRuntime",
                 EINVAL};
  Result<Config> config = Config::read(state.bundle);
  if (!config) return config.error();
  Result<std::string> asked = agreed_policy(state, *config, options.policy);
  if (!asked) return asked.error();

  // What is wrong with config.json is found before anything is bound; what is bound is then the same, or is verified
  // again.
  Result<Json> planned = daemon.ask({{"do", "resolve"}, {"policy", *asked}, {"container", state.id}});
  if (!planned) return planned.error();
  const bool unbound = text_at(*planned, "action") == "unbound";
  if (!unbound) {
    if (Result<void> executes = check_payload(config->root()); !executes) return executes;
    if (Result<void> outside = check_inner_hooks(config->root()); !outside) return outside;
  }
  Result<Verified> found = has_bundle(*planned) ? verify_bundle(*planned, *config, state.bundle, options.without_filter) : Result<Verified>(Verified{});
  if (!found) return found.error();
  Result<Json> bound = daemon.ask({{"do", "bind"},
                                   {"pid", state.pid},
                                   {"container", state.id},
                                   {"policy", *asked},
                                   {"bundle", state.bundle},
                                   {"filter", found->filter},
                                   {"two_names", found->two_names}});
  if (!bound) return bound.error();
  if (!flag_at(*bound, "bound")) {
    if (unbound) return {};
    return Error{"treelined did not bind the container, though it was to; try again", EPERM};
  }
  if (unbound) return Error{"treelined bound the container, though it was to run unbound; try again", EPERM};
  const auto same = [&](const char* what) { return text_at(*bound, what) == text_at(*planned, what); };
  if (!has_bundle(*bound) || (same("directory") && same("mode") && same("policy"))) return {};
  Result<Verified> again = verify_bundle(*bound, *config, state.bundle, options.without_filter);
  if (again && *again == *found) return {};
  return Error{"the policy was changed while the container was being started: " +
                   (again ? "treelined was told of the one before" : again.error().message) + "; start it again",
               again ? EPERM : again.error().code};
}

Result<void> bind(const State& state, const Options& options, Daemon& daemon) {
  Result<void> bound = verify_and_bind(state, options, daemon);
  if (!bound) daemon.tell_refused(state.id, bound.error().message);
  return bound;
}

int finish(const Result<void>& done, const std::string& what) {
  if (done) return 0;
  report(what + done.error().message, {});
  // Not every runtime passes on what a hook says: crun 1.8 gives it /dev/null as stderr.
  openlog("treeline-oci", LOG_PID, LOG_DAEMON);
  syslog(LOG_ERR, "%s%s", what.c_str(), text::printable(done.error().message, 2000).c_str());
  return exit_status_of(done.error());
}

int with_state(std::span<const std::string> args, const std::string& what, Absent absent,
               Result<void> (*act)(const State&, const Options&, Daemon&)) {
  const Deadline deadline = std::chrono::steady_clock::now() + kAnswerWithin;
  Result<Options> options = options_of(args);
  if (!options) return report(options.error().message, {}), kUsage;
  Result<std::string> text = read_standard_input(deadline);
  if (!text) return finish(text.error(), what);
  Result<State> state = parse_state(*text);
  if (!state) return finish(state.error(), what);
  Result<Settings> settings = read_settings(options->conf);
  if (!settings) return finish(settings.error(), what), kUsage;
  Daemon daemon(settings->socket, std::chrono::milliseconds(milliseconds_left(deadline)), absent);
  return finish(act(*state, *options, daemon), what);
}

Result<void> unbind(const State& state, const Options&, Daemon& daemon) {
  Result<Json> answer = daemon.ask({{"do", "unbind"}, {"container", state.id}});
  if (answer) return {};
  return answer.error();
}

}  // namespace

int run_hook(std::span<const std::string> args, const std::string& command_line) {
  if (switched_off(command_line)) return warn(kSwitchedOff), 0;
  return with_state(args, "the container is not started: ", Absent::kWait, bind);
}

int run_poststop(std::span<const std::string> args, const std::string& command_line) {
  if (switched_off(command_line)) return 0;
  return with_state(args, "the container was not released by name, treelined will see it by itself: ", Absent::kRefuse,
                    unbind);
}

}  // namespace treeline::oci
