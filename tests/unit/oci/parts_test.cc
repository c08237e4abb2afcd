// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "enforcer/oci/choice.h"
#include "enforcer/oci/command_line.h"
#include "enforcer/oci/confinement.h"
#include "enforcer/oci/in_process.h"
#include "enforcer/oci/report.h"
#include "enforcer/oci/rootless.h"
#include "enforcer/oci/seccomp.h"
#include "enforcer/oci/settings.h"
#include "enforcer/oci/state.h"

namespace treeline::oci {
namespace {

using testing::HasSubstr;

json::Value value(std::string_view text) {
  Result<json::Value> parsed = json::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : json::Value{};
}
std::string chosen(std::string_view annotations) {
  const json::Value parsed = value(annotations);
  Result<std::string> policy = policy_asked_for(&parsed);
  return policy ? *policy : "error: " + policy.error().message;
}

// Who runs the tests may be root of the machine.
TEST(Rootless, ends_in_not_enforced) {
  const auto status_of_a_user = [] {
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) _exit(99);
    const Result<void> rooted = check_not_rootless();
    _exit(rooted ? 98 : exit_status_of(rooted.error()));
  };
  EXPECT_EXIT(status_of_a_user(), testing::ExitedWithCode(kNotEnforced), "");
}

TEST(Choice, by_annotation) {
  EXPECT_EQ(*policy_asked_for(nullptr), "");
  EXPECT_EQ(chosen("null"), "");
  EXPECT_EQ(chosen("{}"), "");
  EXPECT_EQ(chosen(R"({"treeline.policy":"nginx"})"), "nginx");
  EXPECT_EQ(chosen(R"({"treeline.policy":"a._-9"})"), "a._-9");
  EXPECT_EQ(chosen(R"({"org.example/treeline.policy":"nginx"})"), "");
}

TEST(Choice, refuses_a_mistyped_key_by_name) {
  for (const char* key : {"treeline.polciy", "treeline/policy", "treeline", "treeline.policy.", "treeline.policies", "Treeline.policy", "TREELINE.POLICY",
                          "treeline.sandbox-policy.web"})
    EXPECT_THAT(chosen(std::string(R"({"treeline.policy":"web",")") + key + R"(":"web"})"),
                HasSubstr("there is no annotation '" + std::string(key) + "'; there are treeline.policy, "));
}

TEST(Choice, refuses_what_is_no_name) {
  for (const char* name : {"", "../nginx", "Nginx", ".x", "-x", "a/b", "a b", "a\\u0000",
                           "1234567890123456789012345678901234567890123456789012345678901234"})
    EXPECT_THAT(chosen(std::string(R"({"treeline.policy":")") + name + "\"}"), HasSubstr("is no name of a policy"))
        << name;
  EXPECT_THAT(chosen(R"({"treeline.policy":1})"), HasSubstr("not a string"));
  EXPECT_THAT(chosen("[]"), HasSubstr("not an object"));
}

TEST(Choice, in_a_pod) {
  const std::string pod = R"("treeline.policy":"web","treeline.policy.db":"postgres",)";
  EXPECT_EQ(
      chosen("{" + pod + R"("io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"db"})"),
      "postgres");
  EXPECT_EQ(
      chosen("{" + pod + R"("io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"x"})"),
      "web");
  EXPECT_EQ(chosen("{" + pod + R"("io.kubernetes.cri.container-type":"sandbox"})"), "")
      << "the pause process is none of the pod's workloads";
  EXPECT_EQ(chosen("{" + pod + R"("treeline.sandbox-policy":"pause","io.kubernetes.cri.container-type":"sandbox"})"),
            "pause");
}

TEST(Choice, in_a_pod_of_cri_o) {
  const std::string pod = R"({"treeline.policy":"web","treeline.policy.db":"postgres",)";
  const std::string container = pod + R"("io.kubernetes.cri-o.ContainerType":"container",)";
  EXPECT_EQ(chosen(container + R"("io.kubernetes.container.name":"db"})"), "postgres");
  EXPECT_EQ(chosen(container + R"("io.kubernetes.cri-o.Metadata":"{\"name\":\"db\",\"attempt\":1}"})"), "postgres");
  EXPECT_EQ(chosen(container + R"("io.kubernetes.cri-o.Metadata":"{\"name\":\"x\"}"})"), "web");
  EXPECT_EQ(chosen(container + R"("io.kubernetes.cri-o.Metadata":"damaged"})"), "web");
  const std::string sandbox = pod + R"("io.kubernetes.cri-o.ContainerType":"sandbox","io.kubernetes.container.name":"POD")";
  EXPECT_EQ(chosen(sandbox + "}"), "");
  EXPECT_EQ(chosen(sandbox + R"(,"treeline.sandbox-policy":"pause"})"), "pause");
  EXPECT_EQ(chosen(container + R"("io.kubernetes.cri.container-type":"sandbox"})"), "web") << "a pod's own annotation does not make it one";
}

// podman before 4.5.1 hands on the annotations of the image.
TEST(Choice, podmans_image_does_not_say_what_the_container_is) {
  const std::string podman = R"({"io.container.manager":"libpod","treeline.policy":"web","treeline.policy.x":"wide","treeline.sandbox-policy":"wide",)";
  for (const char* image : {R"("io.kubernetes.cri.container-type":"sandbox"})", R"("io.kubernetes.cri-o.ContainerType":"sandbox"})",
                            R"("io.kubernetes.cri.container-name":"x"})", R"("io.kubernetes.container.name":"x"})"})
    EXPECT_EQ(chosen(podman + image), "web") << image;
}

TEST(InProcess, a_handler_of_crun_that_needs_no_annotation) {
  for (const char* word : {"/", "//", ""})
    EXPECT_THAT(check_payload(value(R"({"process":{"args":[")" + std::string(word) + R"(","up"]}})")).error().message, HasSubstr("process.args begins with"));
  for (const char* args : {R"(["/bin/sh"])", R"(["sh","/"])", "[]", "null", R"("/")"})
    EXPECT_TRUE(check_payload(value(R"({"process":{"args":)" + std::string(args) + "}}"))) << args;
}

TEST(InProcess, handlers_of_crun_by_annotation_and_by_name) {
  EXPECT_TRUE(check_payload(value("{}")));
  EXPECT_TRUE(check_payload(value(R"({"annotations":{"run.oci.keep_original_groups":"1","a":"run.oci.handler"}})")));
  for (const char* key : {"run.oci.handler", "module.wasm.image/variant", "run.oci.seccomp_bpf_data", "run.oci.delegate-cgroup"}) {
    const json::Value config = value("{\"annotations\":{\"" + std::string(key) + "\":\"\"}}");
    EXPECT_THAT(check_payload(config).error().message, HasSubstr("annotation '" + std::string(key) + "'"));
  }
  for (const char* path : {"/usr/bin/krun", "/opt/crun-wasm", "runsc"}) EXPECT_FALSE(check_runtime(path)) << path;
  for (const char* path : {"/usr/bin/crun", "/opt/krun/bin/runc", "/usr/sbin/runc"}) EXPECT_TRUE(check_runtime(path)) << path;
}

std::string call_of(std::vector<std::string> args) {
  RuntimeCall call;
  if (Result<void> parsed = parse_call(args, call); !parsed) return "error: " + parsed.error().message;
  return call.verb + "|" + (call.starts() ? call.bundle : "") + "|" + call.log + (call.log_json ? "|json" : "");
}

TEST(CommandLine, as_engines_write_it) {
  EXPECT_EQ(call_of({"--root", "/r", "--log", "/l", "--log-format", "json", "create", "--bundle", "/b", "--pid-file",
                     "/p", "web"}),
            "create|/b|/l|json");
  EXPECT_EQ(call_of({"--systemd-cgroup", "--log=/l", "--log-format=json", "run", "-d", "--bundle=/b", "web"}),
            "run|/b|/l|json");
  EXPECT_EQ(call_of({"--cgroup-manager", "cgroupfs", "create", "web", "-b", "/b"}), "create|/b|");
  EXPECT_EQ(call_of({"-root", "/r", "create", "web"}), "create|.|");
  EXPECT_EQ(call_of({"create", "--pid-file", "--bundle", "web"}), "create|.|") << "the value of --pid-file";
  EXPECT_EQ(call_of({"create", "--", "--bundle", "/b"}), "create|.|");
  EXPECT_EQ(call_of({"--root", "create", "list"}), "list||") << "the value of --root";
  EXPECT_EQ(call_of({"exec", "-t", "web", "create", "-b", "x"}), "exec||");
  EXPECT_EQ(call_of({"--version"}), "||");
  EXPECT_EQ(call_of({}), "||");
}

TEST(CommandLine, what_could_hide_a_start_is_refused) {
  EXPECT_THAT(call_of({"--frobnicate", "create", "web"}), HasSubstr("error"));
  EXPECT_THAT(call_of({"--roo", "/r", "create", "web"}), HasSubstr("write it in full"));
  EXPECT_EQ(call_of({"--frobnicate", "list"}), "list||");
  EXPECT_EQ(call_of({"--frobnicate=1", "create", "web"}), "create|.|");
  EXPECT_THAT(call_of({"create", "-b/b", "web"}), HasSubstr("two dashes"));
  EXPECT_THAT(call_of({"create", "-bundle", "/b", "web"}), HasSubstr("two dashes"));
  EXPECT_THAT(call_of({"run", "-db", "/b", "web"}), HasSubstr("two dashes"));
  EXPECT_THAT(call_of({"create", "-b=/b", "web"}), HasSubstr("two dashes"));
  EXPECT_THAT(call_of({"create", "--bun", "/b", "web"}), HasSubstr("write --bundle"));
  EXPECT_THAT(call_of({"create", "--config", "/c", "web"}), HasSubstr("config.json"));
  EXPECT_THAT(call_of({"create", "--conf=/c", "web"}), HasSubstr("config.json"));
  EXPECT_THAT(call_of({"create", "-f", "/c", "web"}), HasSubstr("config.json"));
  EXPECT_THAT(call_of({"create", "web", "--bundle"}), HasSubstr("wants a directory"));
  EXPECT_THAT(call_of({"create", "--bundle="}), HasSubstr("wants a directory"));
}

TEST(CommandLine, words_that_one_runtime_trims_or_stops_at) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"create", " --bundle", "/x", "web"}, {"create", "--bundle ", "/x", "web"}, {" create", "web"}, {"create\n", "web"},
        {"create\xc2\xa0", "web"}, {"create", "-1", "--bundle", "/x", "web"}, {"create", "-", "--bundle", "/x", "web"}, {"-1=x", "create", "web"},
        {"run", "web\t", "--bundle", "/x"}})
    EXPECT_THAT(call_of(words), HasSubstr("is read differently by runc and crun")) << words[0] << words[1];
  EXPECT_EQ(call_of({"create", "--bundle", " /x ", "web"}), "create| /x |") << "a value is nobody's to trim";
  EXPECT_EQ(call_of({"exec", "web", " create ", "-1"}), "exec||");
  EXPECT_EQ(call_of({"kill", "web", "-9"}), "kill||");
}

std::string difference(const char* have, const char* want) { return seccomp_difference(value(have), value(want)); }

TEST(Seccomp, same_by_meaning) {
  const char* want =
      R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
      "args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]},{"names":["write"],"action":"SCMP_ACT_ALLOW"}]})";
  EXPECT_EQ(difference(want, want), "");
  EXPECT_EQ(
      difference(
          R"({"architectures":["SCMP_ARCH_X86_64"],"flags":[],"listenerPath":"","syscalls":[{"action":"SCMP_ACT_ALLOW","names":["read"],
      "args":[{"op":"SCMP_CMP_EQ","index":0,"valueTwo":0,"value":18446744073709551615}]},{"names":["write"],"args":[],"action":"SCMP_ACT_ALLOW"}],
      "defaultAction":"SCMP_ACT_ERRNO"})",
          want),
      "")
      << "as an engine writes it again";
}

TEST(Seccomp, any_weakening_is_a_difference) {
  const char* want = R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]})";
  EXPECT_EQ(
      difference(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]})",
                 want),
      "defaultAction is 'SCMP_ACT_ALLOW', not 'SCMP_ACT_ERRNO'");
  EXPECT_EQ(
      difference(
          R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","mount"],"action":"SCMP_ACT_ALLOW"}]})",
          want),
      "syscalls[0].names has 2 entries, not 1");
  EXPECT_EQ(
      difference(R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["mount"],"action":"SCMP_ACT_ALLOW"}]})",
                 want),
      "syscalls[0].names[0] is 'mount', not 'read'");
  EXPECT_EQ(difference(R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[]})", want), "syscalls has 0 entries, not 1");
  EXPECT_EQ(difference(R"({"defaultAction":"SCMP_ACT_ERRNO"})", want), "syscalls is missing");
  EXPECT_EQ(
      difference(
          R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":0,"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]})",
          want),
      "defaultErrnoRet is not in it")
      << "0 would be success";
  EXPECT_EQ(
      difference(
          R"({"defaultAction":"SCMP_ACT_ERRNO","listenerPath":"/x","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]})",
          want),
      "listenerPath is not in it");
  EXPECT_EQ(difference("[]", want), "the filter is an array, not an object");
  EXPECT_NE(difference(R"({"a":1.0})", R"({"a":1})"), "");
}

std::string state_error(std::string_view text) {
  Result<State> state = parse_state(text);
  return state ? "accepted" : state.error().message;
}

TEST(State, as_runtimes_write_it) {
  Result<State> state = parse_state(
      R"({"ociVersion":"1.0.2","id":"web","status":"creating","pid":77,"bundle":"/b","annotations":{"treeline.policy":"nginx"}})");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->id, "web");
  EXPECT_EQ(state->pid, 77);
  EXPECT_EQ(state->bundle, "/b");
  EXPECT_EQ(parse_state(R"({"id":"web","status":"stopped","bundle":"/b"})")->pid, 0);
}

TEST(State, refuses_what_is_cut_or_odd) {
  const std::string whole = R"({"id":"web","status":"creating","pid":77,"bundle":"/b"})";
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_NE(state_error(whole.substr(0, n)), "accepted") << n;
  EXPECT_THAT(state_error(R"({"id":"web","status":"creating","pid":-1,"bundle":"/b"})"),
              HasSubstr("no process number"));
  EXPECT_THAT(state_error(R"({"id":"web","status":"creating","pid":4294967297,"bundle":"/b"})"),
              HasSubstr("no process number"));
  EXPECT_THAT(state_error(R"({"id":"web","status":"creating","pid":"77","bundle":"/b"})"),
              HasSubstr("no process number"));
  EXPECT_THAT(state_error(R"({"id":"web","status":"creating","pid":77,"pid":1,"bundle":"/b"})"), HasSubstr("twice"));
  EXPECT_THAT(state_error(R"({"id":"web","status":"creating","pid":77,"bundle":"b"})"), HasSubstr("absolute"));
  EXPECT_THAT(state_error(R"({"status":"creating","pid":77,"bundle":"/b"})"), HasSubstr("names no id"));
  EXPECT_THAT(state_error("[]"), HasSubstr("not an object"));
  EXPECT_THAT(state_error(std::string(kMaxState + 1, ' ')), HasSubstr("larger than 4 MiB"));
}

TEST(Settings, two_keys_of_many) {
  Result<Settings> settings =
      parse_settings("default = nginx # x\n ring_kib = 64\nruntime = /r\noci_runtime = /usr/bin/crun\nnonsense\n", "f");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->socket, "/r/treeline.sock");
  EXPECT_EQ(settings->oci_runtime, "/usr/bin/crun");
  EXPECT_THAT(parse_settings("\nruntime = runc\n", "f").error().message,
              HasSubstr("f:2: runtime wants the absolute path"));
  EXPECT_THAT(parse_settings("oci_runtime = bin/runc\n", "f").error().message, HasSubstr("oci_runtime wants"));
}

TEST(Confinement, of_a_bundle) {
  bundle::Bundle bundle;
  bundle.name = "web";
  bundle.artifacts = {
      {"apparmor", "apparmor", "abi <abi/3.0>,\n\nprofile treeline.web {\n}\n\nprofile treeline.web.sh {\n}\n", 0, ""},
      {"seccomp.json", "seccomp", " {\"defaultAction\":\"SCMP_ACT_ERRNO\"}\n", 0, ""}};
  Result<Confinement> wanted = confinement_of("web", bundle);
  ASSERT_TRUE(wanted) << wanted.error().message;
  EXPECT_EQ(*wanted->seccomp, "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}");
  EXPECT_EQ(wanted->apparmor->name, "treeline.web");
  EXPECT_TRUE(wanted->apparmor->tree);
  bundle.artifacts[1].bytes = "{}";
  EXPECT_THAT(confinement_of("web", bundle).error().message, HasSubstr("no seccomp filter"));
  bundle.artifacts.pop_back();
  bundle.artifacts[0].bytes = "profile /usr/bin/x {";
  EXPECT_THAT(confinement_of("web", bundle).error().message, HasSubstr("apparmor"));
}

std::string refused_apparmor(const std::string& text, const std::string& name = "web") {
  bundle::Bundle bundle;
  bundle.name = name;
  bundle.artifacts = {{"apparmor", "apparmor", text, 0, ""}};
  const Result<std::optional<confine::AppArmor>> taken = confine::apparmor_of("web", bundle);
  return taken ? "" : taken.error().message;
}

TEST(Confinement, profiles_of_the_policy_alone) {
  const std::string tree =
      "abi <abi/3.0>,\n\nprofile treeline.web.-roots flags=(complain, mediate_deleted) {\n  \"/a\\\"}b{#\" rwmk,\n  link \"/x\" -> \"/**\",\n"
      "  \"/bin/sh\" px -> treeline.web.sh,\n  \"/l\" cx,\n  network inet stream,\n  unix type=stream,\n  signal send peer=treeline.web{,.[^.]**},\n"
      "  ptrace (readby, tracedby),\n  ptrace (trace, read),\n  mount,\n\n  profile l \"/l\" {\n    capability chown,\n  }\n}\n";
  EXPECT_EQ(refused_apparmor(tree), "");
  EXPECT_EQ(refused_apparmor("profile treeline.a..b.c {\n}\n", "a.b"), "");
  const char* others[] = {"docker-default", "unconfined", "treeline.webb", "treeline.web..x", "treeline.web.", "treeline.other", ":ns:treeline.web", "\"treeline.web\"", "/usr/bin/x", ""};
  for (const std::string other : others)
    EXPECT_THAT(refused_apparmor("profile treeline.web {\n}\nprofile " + other + " {\n}\n"), HasSubstr("line 3 that names a profile that is not the policy's own")) << other;
}

TEST(Confinement, no_line_opens_another_profile) {
  const char* inside[] = {"capability chown, } profile docker-default { capability chown,",
                          "\"/a\" r, } profile docker-default {",
                          "\"/a\\\\\" r, } profile docker-default { \" r,",
                          "include <abstractions/base>,",
                          "#include \"/x\",",
                          "include \"/x\",",
                          "signal send peer=treeline.other{,.[^.]**},",
                          "\"/a r,",
                          "/a r",
                          "hat x {",
                          "^x {",
                          "@{X} = /a,"};
  for (const char* line : inside) EXPECT_THAT(refused_apparmor("profile treeline.web {\n  " + std::string(line) + "\n}\n"), HasSubstr("line 2")) << line;
  for (const char* first : {"docker-default {", "/usr/bin/x {", "capability chown,", "}", "include <x>", "alias / -> /x,"})
    EXPECT_THAT(refused_apparmor(std::string(first) + "\nprofile treeline.web {\n}\n"), HasSubstr("line 1")) << first;
  EXPECT_THAT(refused_apparmor("profile treeline.web {\n"), HasSubstr("no whole profile treeline.web"));
  EXPECT_THAT(refused_apparmor(""), HasSubstr("no whole profile"));
}

TEST(Confinement, flags_that_are_never_written) {
  for (const char* head : {"flags=(unconfined) {", "flags=(complain,mediate_deleted) {", "flags=(kill) {", "flags=(unconfined){}", "\"/usr/sbin/sshd\" {", "{ }", "{ capability,"})
    EXPECT_THAT(refused_apparmor("profile treeline.web " + std::string(head) + "\n}\n"), HasSubstr("line 1 that has flags, or an attachment")) << head;
}

TEST(Confinement, apply_then_verify) {
  Confinement wanted;
  wanted.policy = "web";
  wanted.closing.emplace();
  wanted.seccomp = R"({"defaultAction":"SCMP_ACT_ERRNO"})";
  wanted.apparmor = confine::AppArmor{"web", "treeline.web", false, ""};
  Result<Config> config =
      Config::of_text(R"({"process":{"args":["x"]},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW"}}})", "c");
  ASSERT_TRUE(config);
  EXPECT_THAT(verify(wanted, *config, ClosingFilter::kRequired).error().message, HasSubstr("defaultAction is 'SCMP_ACT_ALLOW'"));
  ASSERT_TRUE(apply(wanted, *config));
  EXPECT_EQ(
      config->text(),
      R"({"process":{"apparmorProfile":"treeline.web","args":["x"]},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO"}}})");
  EXPECT_TRUE(verify(wanted, *config, ClosingFilter::kRequired));
  EXPECT_THAT(
      verify(wanted, *Config::of_text(R"({"process":{"apparmorProfile":"treeline.web"}})", "c"), ClosingFilter::kRequired)
          .error()
          .message,
      HasSubstr("config.json has none"));
  EXPECT_THAT(
      verify(
          wanted,
          *Config::of_text(
              R"({"process":{"apparmorProfile":"unconfined"},"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO"}}})",
              "c"),
          ClosingFilter::kRequired)
          .error()
          .message,
      HasSubstr("config.json names 'unconfined'"));
  EXPECT_THAT(Config::of_text(R"({"linux":{"Seccomp":{}}})", "c").error().message,
              HasSubstr("'Seccomp' would be taken for 'seccomp'"));
  EXPECT_EQ(replaced(wanted, *Config::of_text(R"({"process":{"apparmorProfile":"treeline.web"}})", "c")), "");
  EXPECT_THAT(replaced(wanted, *Config::of_text(R"({"process":{"apparmorProfile":"docker-default"}})", "c")), HasSubstr("its AppArmor profile 'docker-default'"));
  wanted.apparmor->tree = true;
  Result<Config> locked = Config::of_text(R"({"process":{"noNewPrivileges":true}})", "c");
  EXPECT_THAT(apply(wanted, *locked).error().message, HasSubstr("allowPrivilegeEscalation"));
}

TEST(Confinement, profiles_of_the_kernel) {
  const char* loaded = "treeline.web (enforce)\nother (complain)\n/usr/bin/man (enforce)\nk (kill)\n";
  EXPECT_EQ(confine::why_profile_does_not_hold({"p", "treeline.web", false, ""}, loaded), "");
  EXPECT_EQ(confine::why_profile_does_not_hold({"p", "k", false, ""}, loaded), "");
  EXPECT_THAT(confine::why_profile_does_not_hold({"p", "other", false, ""}, loaded), HasSubstr("loaded, but as (complain)"));
  EXPECT_THAT(confine::why_profile_does_not_hold({"p", "treeline", false, ""}, loaded), HasSubstr("not loaded"));
}

TEST(Rootless, by_its_id_map) {
  EXPECT_TRUE(is_initial_user_namespace("         0          0 4294967295\n"));
  EXPECT_FALSE(is_initial_user_namespace("         0       1000          1\n"));
  EXPECT_FALSE(is_initial_user_namespace("         0       1000          1\n         1     100000      65536\n"));
  EXPECT_FALSE(is_initial_user_namespace(""));
}

TEST(Report, log_entries_are_the_runtimes) {
  EXPECT_THAT(log_entry("no \"x\"\\", true), testing::StartsWith(R"({"level":"error","msg":"no \"x\"\\","time":"20)"));
  EXPECT_THAT(log_entry("no", false),
              testing::AllOf(testing::StartsWith("time=\"20"), testing::EndsWith(" level=error msg=\"no\"\n")));
}

}  // namespace
}  // namespace treeline::oci
