// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/wrapper.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "enforcer/base/own_path.h"
#include "enforcer/oci/ask.h"
#include "enforcer/oci/choice.h"
#include "enforcer/oci/command_line.h"
#include "enforcer/oci/config.h"
#include "enforcer/oci/confinement.h"
#include "enforcer/oci/in_process.h"
#include "enforcer/oci/inner_hooks.h"
#include "enforcer/oci/options.h"
#include "enforcer/oci/original.h"
#include "enforcer/oci/report.h"
#include "enforcer/oci/rootless.h"
#include "enforcer/oci/runtime_path.h"
#include "enforcer/oci/settings.h"
#include "enforcer/oci/two_names.h"

namespace treeline::oci {
namespace {

// The runtime as the caller names it; "": treeline.conf has to.
std::string named_runtime(const Options& own) {
  if (!own.runtime.empty()) return own.runtime;
  const char* variable = std::getenv("TREELINE_RUNTIME");
  return variable ? variable : "";
}

Result<std::string> choose_runtime(const Options& own, const Settings& settings) {
  if (const std::string named = named_runtime(own); !named.empty()) return find_runtime(named);
  if (!settings.oci_runtime.empty()) return find_runtime(settings.oci_runtime);
  return Error{
      "which runtime is behind this wrapper? Say --runtime runc, TREELINE_RUNTIME=runc, or oci_runtime = runc in " +
          own.conf,
      EINVAL};
}

// What the policy's bundle wants in config.json.
Result<void> apply_policy(const Json& answer, Config& config, const std::string& bundle_directory) {
  Result<Confinement> wanted = read_confinement(text_at(answer, "policy"), text_at(answer, "directory"));
  if (!wanted) return wanted.error();
  if (text_at(answer, "closing") == "optional") leave_to_hooks(*wanted);
  if (text_at(answer, "mode") == "monitor") return {};
  if (Result<void> apart = check_two_names(wanted->image, config, bundle_directory); !apart) return apart;
  if (wanted->apparmor)
    if (Result<void> held = confine::is_held(*wanted->apparmor); !held) return held;
  if (const std::string loss = replaced(*wanted, config); !loss.empty()) warn(loss);
  return apply(*wanted, config);
}

// What has to be true before the runtime may start a container.
Result<void> prepare(const RuntimeCall& call, const Options& own, const std::string& runtime, Daemon& daemon) {
  if (Result<void> named = check_policy_name(own); !named) return named;
  if (Result<void> rooted = check_not_rootless(); !rooted) return rooted;
  Result<Config> config = Config::read(call.bundle);
  if (!config) return config.error();
  Result<std::string> asked = policy_asked_for(config->root().find("annotations"));
  if (!asked) return asked.error();
  if (asked->empty()) *asked = own.policy;

  Result<Json> answer = daemon.ask({{"do", "resolve"}, {"policy", *asked}, {"container", call.id}});
  if (!answer) return answer.error();
  const std::string action = text_at(*answer, "action"), policy = text_at(*answer, "policy");
  if (action != "bind" && action != "learn" && action != "unbound")
    return Error{"treelined's answer is not understood; is it of another version?", ECONNREFUSED};
  if (call.verb == "restore" && action != "unbound")
    return Error{"a container under policy '" + policy +
                     "' cannot be restored: its processes would run without having passed the exec that the policy "
                     "judges; start it anew, or restore it under no policy",
                 EPERM};
  if (action != "unbound") {
    if (Result<void> executes = check_runtime(runtime); !executes) return executes;
    if (Result<void> executes = check_payload(config->root()); !executes) return executes;
    if (Result<void> outside = check_inner_hooks(config->root()); !outside) return outside;
  }
  if (Result<void> back = put_back(call.bundle, *config); !back) return back;
  const Config before = *config;
  if (action == "bind")
    if (Result<void> confined = apply_policy(*answer, *config, call.bundle); !confined) return confined;
  Result<std::string> program = own_path();
  if (!program) return program.error();
  for (const auto& [stage, argument] : {std::pair("createRuntime", std::string("hook")), std::pair("poststop", std::string("poststop"))}) {
    std::vector<std::string> words = {"treeline-oci", argument};
    if (own.conf != kDefaultConf) words.insert(words.end(), {"--conf", own.conf});
    if (!own.policy.empty() && argument == "hook") words.insert(words.end(), {"--policy", own.policy});
    if (Result<void> added = config->add_hook(stage, *program, words, kHookTimeoutSeconds); !added) return added;
  }
  if (Result<void> kept = keep(call.bundle, before, *config); !kept) return kept;
  return config->write();
}

}  // namespace

int run_wrapper(std::span<const std::string> args, const std::string& command_line) {
  Result<Options> own = take_options(args);
  if (!own) return report(own.error().message, {}), kUsage;
  if (own->without_filter) return report("--without-filter is the hook's: the wrapper writes the filter", {}), kUsage;
  RuntimeCall call;
  const Result<void> parsed = parse_call(own->rest, call);
  const RuntimeLog log{call.log, call.log_json};
  if (!parsed) return report(parsed.error().message, log), kUsage;
  Result<Settings> settings = read_settings(own->conf);
  // A mistake there starts nothing, but what runs can be stopped, looked at and deleted.
  if (!settings && !call.starts() && !named_runtime(*own).empty()) settings = Settings{};
  if (!settings) return report(settings.error().message, log), kUsage;
  Result<std::string> runtime = choose_runtime(*own, *settings);
  if (!runtime) return report(runtime.error().message, log), runtime.error().code == EINVAL ? kUsage : kNoRuntime;
  if (call.starts() && switched_off(command_line)) {
    warn(kSwitchedOff);
  } else if (call.starts()) {
    Daemon daemon(settings->socket, kAnswerWithin);
    if (Result<void> prepared = prepare(call, *own, *runtime, daemon); !prepared) {
      daemon.tell_refused(call.id, prepared.error().message);
      report("the container is not started: " + prepared.error().message, log);
      return exit_status_of(prepared.error());
    }
  }
  std::vector<char*> argv = {runtime->data()};
  for (const std::string& word : own->rest) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(runtime->c_str(), argv.data());
  report("cannot execute the runtime " + *runtime + ": " + std::strerror(errno), log);
  return kNoRuntime;
}

}  // namespace treeline::oci
