// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <cstring>

#include "enforcer/cli/ask.h"
#include "enforcer/daemon/conf.h"
#include "policy-compiler/support/usage.h"

int main(int argc, char** argv) {
  using namespace treeline::cli;
  Context context;
  // A file with a mistake, or that is not ours to read, is treelined's to complain of.
  const treeline::Result<treeline::daemon::Conf> conf = treeline::daemon::read_conf(treeline::daemon::kDefaultConf, /*may_be_missing=*/true);
  context.socket = treeline::daemon::socket_of(conf ? *conf : treeline::daemon::Conf{});
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGCHLD, SIG_DFL);  // ignored, as some callers leave it, no child's status can be had

  // What stands behind `--` is another program's: it never meets our options.
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--") != 0) continue;
    context.command.assign(argv + i + 1, argv + argc);
    argc = i;
    break;
  }
  CLI::App app(
      "treeline holds containers and process trees to what they were seen to do; the kernel refuses the rest before it happens.\n"
      "This command talks to treelined on this machine; treelinec makes profiles and bundles from what is recorded here.\n");
  app.set_version_flag("--version", std::string("treeline " TREELINE_VERSION));
  app.add_flag("--json", context.json, "one JSON object a line");
  std::string form;
  app.add_option("-O,--form", form, "wide: more on each line")->check(CLI::IsMember({"wide"}));
  app.add_option("--socket", context.socket, "of treelined")->capture_default_str();
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "Start with a look at the machine, then a first program:\n\n"
      "  treeline doctor\n"
      "  treeline run --learn -o trace.jsonl -- ./server        run it, use it, end it\n"
      "  treelinec learn trace.jsonl -o profile.yaml            read the profile: it is what will be allowed\n"
      "  treelinec compile profile.yaml -o server.bundle\n"
      "  treeline run --policy server.bundle -- ./server        enforced\n\n"
      "Exit status: 0 yes, 1 a finding, 2 usage, 3 cannot ask (no daemon, not root), 4 not enforced; `run` gives its command's own.\n");
  add_run(app, context);
  add_status(app, context);
  add_ps(app, context);
  add_events(app, context);
  add_denials(app, context);
  add_policy(app, context);
  add_learn(app, context);
  add_doctor(app, context);
  add_thaw(app, context);
  add_completion(app, context);
  for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    sub->fallthrough();
    for (CLI::App* inner : sub->get_subcommands([](const CLI::App*) { return true; })) inner->fallthrough();
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    say(treeline::support::usage_error(app, error, "treeline"));
    return kUsage;
  }
  context.wide = form == "wide";
  const int status = context.action ? context.action() : kUsage;
  if (!std::ferror(stdout)) return status;
  say("cannot write everything to standard output");
  return status == kYes ? kCannotAsk : status;
}
