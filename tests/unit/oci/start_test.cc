// SPDX-License-Identifier: Apache-2.0
//
// What the wrapper and the hook make of what they are given.
#include "start.h"

namespace treeline::oci {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST_F(Start, wrapper_writes_filter_and_hooks_and_starts) {
  FakeDaemon daemon(world, knows_web("enforce", world.policy("web", {{"seccomp.json", kFilter}})));
  const Outcome outcome = create();
  EXPECT_EQ(outcome.status, 42) << outcome.errors;
  EXPECT_EQ(world.read("started"),
            "--log " + world.path + "/log --log-format json create --bundle " + world.path + "/b web-1\n");
  const std::string config = world.config();
  EXPECT_THAT(config, HasSubstr(R"("x-unknown":[1.50,18446744073709551616])"));
  EXPECT_THAT(config, HasSubstr(std::string(R"("linux":{"seccomp":)") + kFilter));
  EXPECT_THAT(config, HasSubstr(R"("createRuntime":[{"path":"/)"));
  EXPECT_THAT(config, HasSubstr(R"("args":["treeline-oci","hook","--conf",")"));
  EXPECT_THAT(config, HasSubstr(R"("poststop":[)"));
  EXPECT_EQ(create().status, 42);
  EXPECT_EQ(world.config(), config) << "a second time adds nothing";
}

TEST_F(Start, learn_and_monitor_write_no_filter) {
  for (const char* mode : {"learn", "monitor"}) {
    World other;
    other.config(kPlain);
    FakeDaemon daemon(other, knows_web(mode, other.policy("web", {{"seccomp.json", kFilter}})));
    const std::vector<std::string> args = {"--conf", other.path + "/conf", "--runtime",       other.path + "/runtime",
                                           "run",    "--bundle",           other.path + "/b", "w"};
    EXPECT_EQ(in_child("", [&] { return run_wrapper(args); }).status, 42);
    EXPECT_THAT(other.config(), Not(HasSubstr("seccomp")));
    EXPECT_THAT(other.config(), HasSubstr("createRuntime"));
  }
}

TEST_F(Start, refused_without_starting_the_runtime) {
  const std::string directory = world.policy("web", {{"seccomp.json", kFilter}});
  {
    const Outcome outcome = create();
    EXPECT_EQ(outcome.status, 3);
    EXPECT_THAT(outcome.errors, HasSubstr("no treelined answers at " + world.path + "/treeline.sock; start it"));
    EXPECT_THAT(world.read("log"),
                HasSubstr(R"("level":"error","msg":"treeline-oci: the container is not started: no treelined)"));
  }
  FakeDaemon daemon(world, knows_web("enforce", directory));
  world.config(R"({"annotations":{"treeline.policy":"other"}})");
  EXPECT_THAT(create().errors, HasSubstr("there is no policy 'other' here"));
  world.config(R"({"annotations":{"treeline.policy":"../web"}})");
  EXPECT_THAT(create().errors, HasSubstr("is no name of a policy"));
  world.config("{\"annotations\":");
  EXPECT_THAT(create().errors, HasSubstr("the text ends"));
  world.config(R"({"LINUX":{},"annotations":{"treeline.policy":"web"}})");
  EXPECT_THAT(create().errors, HasSubstr("'LINUX' would be taken for 'linux'"));
  world.config(kPlain);
  EXPECT_THAT(wrapper({"--what", "create", "--bundle", world.path + "/b", "w"}).errors, HasSubstr("cannot be told"));
  EXPECT_THAT(wrapper({"restore", "--bundle", world.path + "/b", "w"}).errors, HasSubstr("cannot be restored"));
  EXPECT_THAT(wrapper({"create", "--bundle", world.path + "/nothing", "w"}).errors,
              HasSubstr("cannot open the bundle"));
  std::ofstream(directory + "/seccomp.json", std::ios::app) << " ";
  EXPECT_THAT(create().errors, HasSubstr("is refused: file 'seccomp.json' is larger than the manifest says"));
  std::filesystem::remove(world.path + "/b/config.json");
  std::filesystem::create_symlink(world.path + "/conf", world.path + "/b/config.json");
  EXPECT_THAT(create().errors, HasSubstr("it is a link"));
  EXPECT_FALSE(started());
}

TEST_F(Start, everything_else_is_passed_on) {
  for (std::vector<std::string> args : {std::vector<std::string>{"delete", "--force", "w"},
                                        {"--root", "/r", "exec", "-t", "w", "sh"},
                                        {"--version"},
                                        {}}) {
    EXPECT_EQ(wrapper(args).status, 42);
    std::string joined;
    for (auto& word : args) joined += (joined.empty() ? "" : " ") + word;
    EXPECT_EQ(world.read("started"), joined + "\n");
  }
}

TEST_F(Start, a_mistake_in_the_configuration_keeps_nothing_from_being_stopped) {
  for (const char* mistake : {"runtime = run/x\n", "oci_runtime = ./crun\n"}) {
    world.write("conf", mistake);
    for (const char* verb : {"kill", "delete", "state", "exec"}) EXPECT_EQ(wrapper({verb, "w"}).status, 42) << mistake;
    EXPECT_EQ(create().status, 2) << mistake;
    const std::vector<std::string> unnamed = {"--conf", world.path + "/conf", "kill", "w"};
    EXPECT_EQ(in_child("", [&] { return run_wrapper(unnamed); }).status, 2) << "which runtime, says no one";
    EXPECT_EQ(in_child("", [&] { return setenv("TREELINE_RUNTIME", (world.path + "/runtime").c_str(), 1), run_wrapper(unnamed); }).status, 42);
  }
  world.write("conf", "");
  chmod((world.path + "/conf").c_str(), 0664);
  EXPECT_EQ(wrapper({"kill", "w"}).status, 42);
  EXPECT_THAT(create().errors, HasSubstr("chmod go-w"));
  EXPECT_EQ(hook(state()).status, 2);
}

TEST_F(Start, a_command_line_that_is_not_understood_reaches_the_runtimes_log) {
  EXPECT_EQ(wrapper({"--log", world.path + "/log", "--log-format", "json", "--what", "create", "w"}).status, 2);
  EXPECT_THAT(world.read("log"), HasSubstr(R"("level":"error","msg":"treeline-oci: the runtime's option '--what' is not known here)"));
}

TEST_F(Start, a_runtime_that_is_none) {
  const auto with = [&](const std::string& runtime) {
    const std::vector<std::string> args = {"--conf", world.path + "/conf", "--runtime", runtime, "list"};
    return in_child("", [&] { return run_wrapper(args); });
  };
  EXPECT_EQ(with("/nonexistent/runc").status, 127);
  EXPECT_EQ(with("no-such-runtime").status, 127);
  EXPECT_THAT(with("/proc/self/exe").errors, HasSubstr("is this wrapper itself"));
  const std::vector<std::string> none = {"--conf", world.path + "/conf", "list"};
  EXPECT_EQ(in_child("", [&] { return run_wrapper(none); }).status, 2);
  world.write("conf", "oci_runtime = " + world.path + "/runtime\n");
  EXPECT_EQ(in_child("", [&] { return run_wrapper(none); }).status, 42);
}

TEST_F(Start, hook_verifies_then_binds) {
  FakeDaemon daemon(world, knows_web("enforce", world.policy("web", {{"seccomp.json", kFilter}})));
  Outcome outcome = hook(state());
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("policy 'web' has a seccomp filter, config.json has none"));
  EXPECT_THAT(daemon.asked(), ElementsAre("resolve", "refused")) << "nothing was bound";
  ASSERT_EQ(create().status, 42);
  outcome = hook(state());
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_THAT(daemon.asked(), ElementsAre("resolve", "refused", "resolve", "resolve", "bind"));
}

TEST_F(Start, the_closing_filter_is_merged_and_asked_for_where_hooks_are_missing) {
  const std::string closed =
      R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":[],"syscalls":[{"names":["userfaultfd"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]})";
  const std::string directory = world.policy("web", {{"closing.json", closed}});
  FakeDaemon::Answer now = knows_web("enforce", directory, "optional");
  FakeDaemon daemon(world, [&](const Json& request) { return now(request); });
  EXPECT_EQ(hook(state()).status, 0) << "a hook refuses all of it";
  now = knows_web("monitor", directory);
  EXPECT_EQ(hook(state()).status, 0);
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(world.config(), Not(HasSubstr("userfaultfd")));
  now = knows_web("enforce", directory);
  const Outcome refused = hook(state());
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.errors, HasSubstr("config.json has no seccomp filter; start it through the wrapper"));
  world.config(
      R"({"annotations":{"treeline.policy":"web"},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","userfaultfd"],"action":"SCMP_ACT_ALLOW"}]}}})");
  EXPECT_THAT(hook(state()).errors, HasSubstr("config.json has a seccomp filter that lets it pass; start it through"));
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(world.config(), HasSubstr(R"("syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]})"));
  EXPECT_EQ(hook(state()).status, 0);
  world.config(kPlain);
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(world.config(), HasSubstr(R"("seccomp":)" + closed)) << "as it is, where there was none";
  EXPECT_EQ(hook(state()).status, 0);
  world.config(kPlain);
  now = knows_web("enforce", directory, "optional");
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(world.config(), Not(HasSubstr("seccomp"))) << "what hooks see is left to them, who tell it";
}

TEST_F(Start, a_bundle_that_is_used_again_begins_with_the_engines_own) {
  const std::string engines = R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["write"],"action":"SCMP_ACT_ALLOW"}]})";
  const std::string config = R"({"annotations":{"treeline.policy":"web"},"linux":{"seccomp":)" + engines + "}}";
  const std::string first = world.policy("web", {{"seccomp.json", kFilter}}), second = world.policy("web2", {});
  FakeDaemon::Answer now = knows_web("enforce", first);
  FakeDaemon daemon(world, [&](const Json& request) { return now(request); });
  world.config(config);
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(world.config(), HasSubstr(kFilter));
  EXPECT_FALSE(world.exists("log")) << "podman would take a warning there for the reason of a failure";
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(world.config(), HasSubstr(kFilter));
  for (const auto& [mode, directory] : {std::pair("monitor", first), std::pair("enforce", second), std::pair("learn", std::string())}) {
    now = knows_web(mode, directory);
    EXPECT_EQ(create().status, 42) << mode;
    EXPECT_THAT(world.config(), HasSubstr(engines)) << mode;
    now = knows_web("enforce", first);
    EXPECT_EQ(create().status, 42);
    EXPECT_THAT(world.config(), HasSubstr(kFilter)) << mode;
  }
  world.config(config);  // as an engine writes it anew
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(world.config(), HasSubstr(kFilter));
  world.config(kPlain);
  EXPECT_EQ(create().status, 42);
  now = knows_web("monitor", first);
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(world.config(), HasSubstr(R"("seccomp":null)")) << "there was none";
  world.write("b/treeline-original.json", "{}");
  EXPECT_THAT(create().errors, HasSubstr("treeline-original.json is not what treeline-oci writes; remove it"));
}

TEST_F(Start, hook_tells_whether_the_filter_is_there) {
  const std::string closed =
      R"({"defaultAction":"SCMP_ACT_ALLOW","architectures":[],"syscalls":[{"names":["modify_ldt"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]})";
  const std::string directory = world.policy("web", {{"closing.json", closed}, {"seccomp.json", kFilter}});
  Json told;
  FakeDaemon::Answer now;
  FakeDaemon daemon(world, [&](const Json& request) {
    if (request["do"] == "bind") told = request["filter"];
    return now(request);
  });
  now = knows_web("monitor", directory);
  EXPECT_EQ(hook(state()).status, 0);
  EXPECT_EQ(told, false);
  now = knows_web("learn", "");
  EXPECT_EQ(hook(state()).status, 0);
  EXPECT_EQ(told, false);
  now = knows_web("enforce", directory);
  EXPECT_EQ(create().status, 42);
  EXPECT_EQ(hook(state()).status, 0);
  EXPECT_EQ(told, true);
  now = knows_web("enforce", world.policy("hooks", {{"closing.json", closed}}), "optional");
  world.config(kPlain);
  told = nullptr;
  const Outcome refused = hook(state());  // hooks.d, without the wrapper
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.errors, AllOf(HasSubstr("config.json has no seccomp filter; start it through the wrapper"), HasSubstr("or give the hook --without-filter")));
  EXPECT_TRUE(told.is_null()) << "it was bound";
  EXPECT_EQ(hook(state(), {"--without-filter"}).status, 0);
  EXPECT_EQ(told, false) << "modify_ldt is open";
  EXPECT_THAT(wrapper({"--without-filter", "create", "--bundle", world.path + "/b", "web-1"}).errors, HasSubstr("--without-filter is the hook's"));
  now = knows_web("enforce", world.policy("no-hooks", {{"closing.json", closed}}));
  EXPECT_EQ(hook(state(), {"--without-filter"}).status, 1) << "this kernel lacks the hooks";
}

TEST_F(Start, hook_refuses) {
  EXPECT_EQ(hook(state()).status, 3) << "no daemon";
  FakeDaemon daemon(world, knows_web("monitor", world.policy("web", {{"seccomp.json", kFilter}})));
  EXPECT_EQ(hook(state()).status, 0);
  EXPECT_THAT(hook(state("other")).errors,
              HasSubstr("the runtime says that the container asks for policy 'other', its config.json for 'web'"));
  EXPECT_THAT(hook(state().substr(0, state().size() - 2)).errors, HasSubstr("the text ends"));
  EXPECT_THAT(hook("").errors, HasSubstr("nothing was given"));
  EXPECT_EQ(hook(std::string(5 << 20, '[')).status, 1);
  EXPECT_THAT(hook(R"({"id":"w","status":"stopped","pid":0,"bundle":"/b"})").errors,
              HasSubstr("belongs into the stage createRuntime"));
}

// At a later stage the payload runs already.
TEST_F(Start, hook_binds_only_what_is_being_created) {
  FakeDaemon daemon(world, knows_web("monitor", world.policy("web", {})));
  const auto in = [&](const std::string& status, int pid) {
    Json told = *parse_json(state());
    told["status"] = status;
    told["pid"] = pid;
    return hook(to_line(told));
  };
  EXPECT_EQ(in("created", 4711).status, 0);
  for (const char* status : {"running", "paused", "stopped", "what is this"}) {
    const Outcome outcome = in(status, 4711);
    EXPECT_EQ(outcome.status, 1) << status;
    EXPECT_THAT(outcome.errors, HasSubstr("belongs into the stage createRuntime"));
  }
  EXPECT_EQ(in("creating", 0).status, 1);
  EXPECT_THAT(daemon.asked(), ElementsAre("resolve", "bind", "refused", "refused", "refused", "refused", "refused"));
}

TEST_F(Start, a_payload_that_is_not_executed_is_refused_unless_it_is_unbound) {
  const char* wasm = R"({"annotations":{"treeline.policy":"web","run.oci.handler":"wasm"}})";
  world.config(wasm);
  for (const char* mode : {"enforce", "learn"}) {
    FakeDaemon daemon(world, knows_web(mode, world.exists("policy-web") ? world.path + "/policy-web" : world.policy("web", {})));
    for (const Outcome& outcome : {create(), hook(state())}) {
      EXPECT_EQ(outcome.status, 1) << mode;
      EXPECT_THAT(outcome.errors, HasSubstr("annotation 'run.oci.handler': the runtime would run the payload in its own process"));
    }
    EXPECT_THAT(daemon.asked(), ElementsAre("resolve", "refused", "resolve", "refused")) << "nothing was bound";
    world.config(kPlain);
    world.write("krun", "");
    chmod((world.path + "/krun").c_str(), 0755);
    const std::vector<std::string> args = {"--conf", world.path + "/conf", "--runtime", world.path + "/krun", "create", "--bundle", world.path + "/b", "w"};
    EXPECT_THAT(in_child("", [&] { return run_wrapper(args); }).errors, HasSubstr("called as 'krun'"));
    world.config(wasm);
  }
  EXPECT_FALSE(started());
  FakeDaemon daemon(world, [](const Json& request) {
    return yes(request, request["do"] == "bind" ? Json{{"bound", false}} : Json{{"action", "unbound"}, {"policy", ""}, {"mode", "off"}, {"directory", ""}});
  });
  EXPECT_EQ(create().status, 42);
  EXPECT_EQ(hook(state()).status, 0);
}

TEST_F(Start, hook_refuses_when_the_policy_changes_meanwhile) {
  const std::string with = world.policy("web", {{"seccomp.json", kFilter}}), without = world.policy("web2", {});
  FakeDaemon daemon(world, [&](const Json& request) {
    const bool binds = request["do"] == "bind";
    return yes(request, {{"action", "bind"},
                         {"policy", "web"},
                         {"mode", "enforce"},
                         {"directory", binds ? with : without},
                         {"bound", binds}});
  });
  EXPECT_THAT(hook(state()).errors, HasSubstr("the policy was changed while the container was being started"));
}

TEST_F(Start, unbound_where_the_default_says_so) {
  FakeDaemon daemon(world, [](const Json& request) {
    return yes(request, request["do"] == "bind"
                            ? Json{{"bound", false}}
                            : Json{{"action", "unbound"}, {"policy", ""}, {"mode", "off"}, {"directory", ""}});
  });
  world.config("{}");
  EXPECT_EQ(create().status, 42);
  EXPECT_THAT(world.config(), HasSubstr("createRuntime")) << "so that it is listed";
  EXPECT_EQ(
      hook(to_line(Json{{"id", "w"}, {"status", "creating"}, {"pid", 4711}, {"bundle", world.path + "/b"}})).status, 0);
}

TEST_F(Start, hooks_that_are_the_images_own_are_refused) {
  FakeDaemon daemon(world, knows_web("monitor", world.policy("web", {})));
  const auto with = [&](const std::string& hooks) { world.config(R"({"annotations":{"treeline.policy":"web"},"hooks":)" + hooks + "}"); };
  with(R"({"startContainer":[{"path":"/bin/warm-up"}]})");
  EXPECT_THAT(create().errors, HasSubstr("hooks of the stage startContainer"));
  EXPECT_FALSE(started());
  EXPECT_THAT(hook(state()).errors, HasSubstr("hooks of the stage startContainer"));
  with(R"({"StartContainer":[{"path":"/bin/warm-up"}]})");
  EXPECT_THAT(create().errors, HasSubstr("would be taken for")) << "runc's decoder ignores case";
  with(R"({"startContainer":[],"createContainer":[{"path":"/usr/bin/of-the-host"}]})");
  EXPECT_EQ(create().status, 42);
}

// Docker before 24 writes no annotations: daemon.json has a runtime per policy.
TEST_F(Start, the_caller_names_the_policy_of_what_names_none) {
  FakeDaemon daemon(world, knows_web("monitor", world.policy("web", {})));
  const auto started_by = [&](const std::string& policy) {
    const std::vector<std::string> args = {"--conf",  world.path + "/conf", "--policy", policy, "--runtime", world.path + "/runtime",
                                           "create", "--bundle",           world.path + "/b", "web-1"};
    return in_child("", [&] { return run_wrapper(args); });
  };
  const std::string unnamed = R"({"ociVersion":"1.0.2","hooks":{"createRuntime":[{"path":"/other"}]}})";
  world.config(unnamed);
  EXPECT_EQ(started_by("web").status, 42);
  EXPECT_THAT(world.config(), HasSubstr(R"(,"--policy","web"],"timeout":60},{"path":"/other"}])"));
  EXPECT_THAT(world.config(), Not(HasSubstr(R"("poststop","--conf",")" + world.path + R"(/conf","--policy")")));
  EXPECT_THAT(started_by("other").errors, HasSubstr("no policy 'other'"));
  EXPECT_THAT(started_by("../web").errors, HasSubstr("--policy '../web' is no name of a policy"));

  const std::string plain = to_line(Json{{"ociVersion", "1.0.2"}, {"id", "web-1"}, {"status", "creating"}, {"pid", 4711}, {"bundle", world.path + "/b"}});
  const std::vector<std::string> words = {"--conf", world.path + "/conf", "--policy", "web"};
  EXPECT_EQ(in_child(plain, [&] { return run_hook(words); }).status, 0);
  EXPECT_THAT(hook(plain).errors, HasSubstr("no policy ''")) << "the default is treelined's to say";
  world.config(R"({"annotations":{"treeline.policy":"other"}})");
  EXPECT_THAT(started_by("web").errors, HasSubstr("no policy 'other'")) << "an annotation goes first";
}

TEST_F(Start, a_bundle_that_was_prepared_with_other_options_gets_these) {
  FakeDaemon daemon(world, knows_web("monitor", world.policy("web", {})));
  world.config(R"({"annotations":{"treeline.policy":"web"}})");
  EXPECT_EQ(create().status, 42);
  const std::string before = world.config();
  world.write("conf2", "runtime = " + world.path + "\n");
  const std::vector<std::string> args = {"--conf", world.path + "/conf2", "--runtime", world.path + "/runtime", "create", "--bundle", world.path + "/b", "w"};
  EXPECT_EQ(in_child("", [&] { return run_wrapper(args); }).status, 42);
  EXPECT_THAT(world.config(), HasSubstr("/conf2"));
  EXPECT_THAT(world.config(), Not(HasSubstr("/conf\"")));
  EXPECT_EQ(create().status, 42);
  EXPECT_EQ(world.config(), before);
}

// The way out at a boot: no treelined can be asked, and containers start.
TEST_F(Start, booted_with_treeline_off_everything_starts_unbound) {
  world.write("cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/vda1 treeline=off quiet\n");
  const std::string cmdline = world.path + "/cmdline", before = world.config();
  const std::vector<std::string> create = {"--conf", world.path + "/conf", "--runtime", world.path + "/runtime", "create", "--bundle", world.path + "/b", "w"};
  EXPECT_EQ(in_child("", [&] { return run_wrapper(create, cmdline); }).status, 42);
  EXPECT_EQ(world.config(), before);
  const std::vector<std::string> args = {"--conf", world.path + "/conf"};
  EXPECT_EQ(in_child(state(), [&] { return run_hook(args, cmdline); }).status, 0);
  EXPECT_EQ(in_child(state(), [&] { return run_poststop(args, cmdline); }).status, 0);
  world.write("cmdline", "treeline=off treeline=monitor\n");
  EXPECT_EQ(in_child(state(), [&] { return run_poststop(args, cmdline); }).status, 3);
}

TEST_F(Start, a_policy_name_that_is_none_keeps_nothing_from_being_stopped) {
  const std::vector<std::string> args = {"--conf", world.path + "/conf", "--policy", "Web!", "--runtime", world.path + "/runtime", "delete", "w"};
  EXPECT_EQ(in_child("", [&] { return run_wrapper(args); }).status, 42);
  EXPECT_EQ(world.read("started"), "delete w\n");
}

TEST_F(Start, a_runtime_that_others_can_write_is_not_executed) {
  chmod((world.path + "/runtime").c_str(), 0777);
  const Outcome outcome = wrapper({"delete", "w"});
  EXPECT_EQ(outcome.status, 127);
  EXPECT_THAT(outcome.errors, HasSubstr("can be written by others than root"));
  EXPECT_FALSE(started());
}

TEST_F(Start, poststop_releases) {
  FakeDaemon daemon(world, knows_web("enforce", ""));
  const std::vector<std::string> args = {"--conf", world.path + "/conf"};
  EXPECT_EQ(
      in_child(R"({"id":"web-1","status":"stopped","bundle":"/gone"})", [&] { return run_poststop(args); }).status, 0);
  EXPECT_THAT(daemon.asked(), ElementsAre("unbind"));
}

}  // namespace
}  // namespace treeline::oci
