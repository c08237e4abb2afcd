// SPDX-License-Identifier: Apache-2.0
// diff, replay, test, check and explain --matrix as a script sees them: exit status, standard output, standard error.

#include "policy-compiler/cli/commands.h"
#include "tests/unit/cli/run.h"

namespace treeline::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kProfile = R"(treeline: 1
name: web
entry:
  - exec: /entry.sh
    interpreter: /bin/sh
    users: [0, 33]
    files: {/etc/web.conf: read}
    children:
      - exec: /usr/sbin/web
        id: web
        users: [33]
        files: {/var/log/web.log: append}
        network: [{direction: in, protocol: tcp, port: 80}]
        sockets: [inet-stream]
)";

class ReviewTest : public InDirectory {
 protected:
  void SetUp() override {
    InDirectory::SetUp();
    profile_ = put("web.yaml", kProfile);
  }
  // The profile with these lines in the node `web`.
  std::string with(const std::string& name, const std::string& lines) { return put(name, kProfile + lines); }
  Outcome diff(const std::string& after, const std::string& fail_on = "", bool json = false) {
    return run([&] { return cli::diff({profile_, after, fail_on, json}); });
  }
  Outcome replay(const std::string& trace, bool unused = false, bool json = false) {
    return run([&] { return cli::replay({profile_, {trace}, unused, json}); });
  }
  Outcome cases(const std::string& text, bool json = false) {
    const std::string file = put("web.cases.yaml", text);
    return run([&] { return cli::test({profile_, "", json}); });
  }

  std::string profile_;
};

TEST_F(ReviewTest, NoDifferenceExitsWithZero) {
  const Outcome o = diff(profile_);
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, HasSubstr("no difference"));
  EXPECT_EQ(diff(profile_, "any", true).json()["same"], true);
}

TEST_F(ReviewTest, WhatCannotBeComparedCountsAsDifferentAndIsSaid) {
  const auto profile = [](const char* letter) {
    std::string text = kProfile;
    const std::string rule = "/var/log/web.log: append";
    return text.replace(text.find(rule), rule.size(), rule + ", '/srv/*" + letter + std::string(14, '?') + "': read");
  };
  profile_ = put("before.yaml", profile("a"));
  const Outcome o = diff(put("after.yaml", profile("b"))), j = diff(put("after.yaml", profile("b")), "", true);
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.out, HasSubstr("warning: the patterns of the two combine in more ways than can be compared"));
  EXPECT_THAT(o.out, HasSubstr("1 newly allowed"));
  EXPECT_EQ(j.exit, 1);
  EXPECT_THAT(j.codes(), testing::Contains("not-compared 0"));
  EXPECT_THAT(j.codes(), testing::Contains("newly-allowed 12"));
}

TEST_F(ReviewTest, NewlyAllowedExitsWithOneAndNamesLineAndExample) {
  const std::string wider = with("wider.yaml", "        capabilities: [chown]\n");
  const Outcome o = diff(wider);
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.out, HasSubstr("1 newly allowed (worst: medium), 0 newly denied"));
  EXPECT_THAT(o.out, HasSubstr("+ medium    capability  chown"));
  EXPECT_THAT(o.out, HasSubstr("wider.yaml:15:24"));
  EXPECT_THAT(o.err, IsEmpty());
  const Outcome j = diff(wider, "", true);
  EXPECT_EQ(j.json()["nodes"][0]["changes"][0]["what"], "chown");
  EXPECT_THAT(j.codes(), ElementsAre("newly-allowed 15"));
}

TEST_F(ReviewTest, WhereTheLineIsDrawn) {
  const std::string wider = with("wider.yaml", "        capabilities: [chown]\n");
  EXPECT_EQ(diff(wider, "none").exit, 0);
  EXPECT_EQ(diff(wider, "denied").exit, 0);
  EXPECT_EQ(diff(wider, "medium").exit, 1);
  EXPECT_EQ(diff(wider, "high").exit, 0);
  EXPECT_EQ(diff(wider, "some").exit, 2);
  const Outcome back = run([&] { return cli::diff({wider, profile_, "", false}); });
  EXPECT_EQ(back.exit, 0);
  EXPECT_EQ(run([&] { return cli::diff({wider, profile_, "denied", false}); }).exit, 1);
  EXPECT_EQ(run([&] { return cli::diff({profile_, base_ + "/none", "", false}); }).exit, 3);
}

TEST_F(ReviewTest, BundleAgainstItsProfileNoDifference) {
  ASSERT_EQ(run([&] { return cli::compile({profile_, base_ + "/b", false, false}); }).exit, 0);
  EXPECT_EQ(diff(base_ + "/b", "any").exit, 0);
}

// Options of `compile` take fences away, and the profile stays as it is.
TEST_F(ReviewTest, BundlesThatDifferBesideTheImage) {
  const std::string listed = with("listed.yaml", "        syscalls: [read]\n        accept: {residual: {syscalls: a test}}\n");
  const auto compiled = [&](const std::string& name, const CompileOptions& options) {
    CompileOptions all = options;
    all.profile = listed;
    all.bundle = base_ + "/" + name;
    all.output = true;
    EXPECT_EQ(run([&] { return cli::compile(all); }).exit, 0) << name;
    return all.bundle;
  };
  CompileOptions every;
  every.backends = {"bpf", "seccomp", "apparmor"};
  const std::string full = compiled("full", every), alone = compiled("alone", CompileOptions());
  CompileOptions options = every;
  options.complain = true;
  const std::string reporting = compiled("reporting", options);
  options = every;
  options.no_new_privs = true;
  const std::string flat = compiled("flat", options);
  options = every;
  options.architectures = {"x86_64"};
  const std::string native = compiled("native", options);
  const auto allowed = [](const Outcome& o) {
    std::vector<std::string> out;
    const auto json = o.json();
    for (const auto& node : json["nodes"])
      for (const auto& c : node["changes"])
        if (c["effect"] == "allowed") out.push_back(node["node"].get<std::string>() + " " + c["risk"].get<std::string>() + " " + c["kind"].get<std::string>() + " " + c["what"].get<std::string>());
    return out;
  };
  const auto between = [&](const std::string& before, const std::string& after) { return run([&] { return cli::diff({before, after, "", true}); }); };
  EXPECT_EQ(between(full, full).exit, 0);
  EXPECT_EQ(between(full, alone).exit, 1);
  EXPECT_THAT(allowed(between(full, alone)), ElementsAre("entry high apparmor no profile", "entry high filter any system call"));
  EXPECT_THAT(allowed(between(full, reporting)), ElementsAre("entry high apparmor complain"));
  EXPECT_THAT(allowed(between(full, flat)), ElementsAre("entry high apparmor one profile for all nodes"));
  EXPECT_THAT(allowed(between(native, full)), ElementsAre("entry high filter architectures SCMP_ARCH_AARCH64 SCMP_ARCH_X32 SCMP_ARCH_X86"));
  for (const std::string& weaker : {alone, reporting, flat}) {
    const Outcome back = between(weaker, full);
    EXPECT_EQ(back.exit, 0) << weaker;
    EXPECT_EQ(back.json()["allowed"], 0) << weaker;
    EXPECT_GT(back.json()["denied"], 0) << weaker;
  }
  // Of a profile it is not known what it will be compiled with.
  EXPECT_EQ(between(full, listed).json()["same"], true);
}

TEST_F(ReviewTest, AnotherNameIsANote) {
  std::string text = kProfile;
  text.replace(text.find("name: web"), 9, "name: shop");
  const std::string renamed = put("renamed.yaml", text);
  const Outcome o = diff(renamed);
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, HasSubstr("note: the policy was named 'web' and is named 'shop' now"));
  EXPECT_THAT(diff(renamed, "", true).codes(), ElementsAre("name-changed 0"));
}

constexpr const char* kTrace =
    R"({"schema":1,"type":"trace","workload":"web","container":"c","late":false}
{"type":"node","node":"0x0000000000000011","parent":"entry","exec":"/entry.sh","interpreter":"/bin/sh","users":[0]}
{"type":"node","node":"0x0000000000000012","parent":"0x0000000000000011","exec":"/usr/sbin/web","users":[33]}
{"type":"file","node":"0x0000000000000012","access":["append"],"path":"/var/log/web.log"}
)";

TEST_F(ReviewTest, ReplayOfWhatIsAllowed) {
  const std::string trace = put("a.jsonl", std::string(kTrace) + "{\"type\":\"end\"}\n");
  const Outcome o = replay(trace);
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, HasSubstr("all allowed"));
  const Outcome unused = replay(trace, true);
  EXPECT_THAT(unused.out, HasSubstr("web.yaml:7:13: file /etc/web.conf  read"));
  EXPECT_EQ(replay(trace, true, true).json()["unused"].size(), 4u);
}

TEST_F(ReviewTest, ReplayOfWhatIsDeniedExitsWithOneFromTheBundleToo) {
  const std::string trace =
      put("a.jsonl", std::string(kTrace) + R"({"type":"file","node":"0x0000000000000012","access":["read"],"path":"/etc/shadow","count":4})" + "\n{\"type\":\"end\"}\n");
  const Outcome o = replay(trace);
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.out, HasSubstr("denied  read /etc/shadow  4 times"));
  ASSERT_EQ(run([&] { return cli::compile({profile_, base_ + "/b", false, false}); }).exit, 0);
  const Outcome of_bundle = run([&] { return cli::replay({base_ + "/b", {trace}, false, true}); });
  EXPECT_EQ(of_bundle.exit, 1);
  EXPECT_EQ(of_bundle.json()["denied"][0]["object"], "/etc/shadow");
  EXPECT_EQ(of_bundle.json()["denied"][0]["count"], 4);
}

TEST_F(ReviewTest, ReplayAsksTheFilterOfListedCallsWhereTheBundleHasOne) {
  const std::string listed = with("listed.yaml", "        syscalls: [read]\n        accept: {residual: {syscalls: a test}}\n");
  const std::string trace =
      put("a.jsonl", std::string(kTrace) + R"({"type":"syscalls","node":"0x0000000000000012","arch":"x86_64","names":["mount","openat","read"]})" + "\n{\"type\":\"end\"}\n");
  ASSERT_EQ(run([&] { return cli::compile({.profile = listed, .bundle = base_ + "/b", .output = true, .backends = {"bpf", "seccomp"}}); }).exit, 0);
  const Outcome o = run([&] { return cli::replay({base_ + "/b", {trace}, false, true}); });
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.codes(), ElementsAre("would-be-denied 9"));
  EXPECT_EQ(o.json()["denied"][0]["act"], "syscall");
  EXPECT_EQ(o.json()["denied"][0]["object"], "mount");
  EXPECT_EQ(o.json()["complete"], true);
  EXPECT_THAT(run([&] { return cli::replay({base_ + "/b", {trace}, false, Format::kSarif}); }).out, HasSubstr("\"startLine\": 9"));
  // Of a profile: the filter is chosen when it is compiled.
  EXPECT_EQ(run([&] { return cli::replay({listed, {trace}, false, false}); }).exit, 0);
}

TEST_F(ReviewTest, ReplayOfCallsThatHangOnArgumentsIsNotComplete) {
  const std::string trace =
      put("a.jsonl", std::string(kTrace) + R"({"type":"syscalls","node":"0x0000000000000012","arch":"x86_64","names":["fallocate"]})" + "\n{\"type\":\"end\"}\n");
  const Outcome o = replay(trace, false, true);  // it may append, and not write: the closing filter refuses a hole
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.codes(), ElementsAre("trace-arguments 0"));
  EXPECT_EQ(o.json()["complete"], false);
  EXPECT_THAT(replay(trace).out, HasSubstr("1 system call not judged: a filter asks for their arguments, which a trace does not hold: fallocate"));
}

TEST_F(ReviewTest, ReplayOfATraceWithMistakes) { EXPECT_EQ(replay(put("bad.jsonl", "{}\n")).exit, 1); }

TEST_F(ReviewTest, ReplayOfADirectorySaysWhatItIs) {
  const Outcome o = replay(base_);
  EXPECT_EQ(o.exit, 3);
  EXPECT_THAT(o.err, HasSubstr("'" + base_ + "': Is a directory; name a file, not a directory"));
  EXPECT_THAT(replay(base_ + "/none.jsonl").err, HasSubstr("No such file or directory; check the name"));
}

TEST_F(ReviewTest, CasesThatHold) {
  const Outcome o = cases("treeline-cases: 1\ncases:\n  - {node: web, act: append, object: /var/log/web.log, expect: allow}\n"
                          "  - {node: web, act: exec, object: /bin/sh, expect: deny}\n"
                          "  - {node: entry, act: exec, object: /entry.sh, expect: allow, next: /entry.sh}\n");
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("3 cases, all as expected"));
}

TEST_F(ReviewTest, CasesThatFailAreErrorsAtTheirLine) {
  const Outcome o = cases("treeline-cases: 1\ncases:\n  - {node: web, act: read, object: /etc/shadow, expect: allow}\n"
                          "  - {node: web, act: append, object: /var/log/web.log, expect: deny}\n  - {node: nobody, act: read, object: /a, expect: deny}\n"
                          "  - {node: entry, act: exec, object: /entry.sh, expect: allow, next: web}\n",
                          true);
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.codes(), ElementsAre("case-failed 3", "case-failed 4", "case-question 5", "case-failed 6"));
  EXPECT_EQ(o.json()["passed"], 0);
}

// The hooks never see such a name: "deny" would hold here and not in the kernel.
TEST_F(ReviewTest, AProcessByItsNumberIsNoObject) {
  for (const char* object : {"/proc/1/environ", "/proc/77", "/proc/self/status", "/proc/thread-self/stat"}) {
    const Outcome o = cases(std::string("treeline-cases: 1\ncases:\n  - {node: web, act: read, object: ") + object + ", expect: deny}\n", true);
    EXPECT_EQ(o.exit, 1) << object;
    EXPECT_THAT(o.codes(), ElementsAre("case-question 3")) << object;
    const Outcome asked = run([&] { return cli::explain({profile_, {"web", "read", object}, false}); });
    EXPECT_EQ(asked.exit, 2) << object;
    EXPECT_THAT(asked.err, HasSubstr("write {own}, {descendant}, {workload} or {other}"));
  }
  for (const char* object : {"/proc/{other}/environ", "/proc/self2", "/proc/1a", "/host/proc/1/environ", "/proc/{own}/task/1/stat"})
    EXPECT_EQ(run([&] { return cli::explain({profile_, {"web", "read", object}, false}); }).exit, 1) << object;
}

TEST_F(ReviewTest, CasesThatHoldAreInTheReportOfTestsToo) {
  put("web.cases.yaml", "treeline-cases: 1\ncases:\n  - {node: web, act: append, object: /var/log/web.log, expect: allow}\n"
                        "  - {node: web, act: read, object: /etc/shadow, expect: allow}\n  - {node: web, act: read, object: /etc/shadow, expect: deny}\n");
  const Outcome o = run([&] { return cli::test({profile_, "", Format::kJunit}); });
  EXPECT_THAT(o.out, HasSubstr("tests=\"3\" failures=\"1\""));
  EXPECT_THAT(o.out, HasSubstr("name=\"web append /var/log/web.log\""));
}

TEST_F(ReviewTest, DiffNamesARuleAsAcceptTakesIt) {
  const std::string name = "out tcp internal pods app=db port 5432";
  const std::string rule = "      - exec: /usr/bin/psqld\n        users: [33]\n        sockets: [inet-stream]\n        network:\n";
  const std::string plain = with("plain.yaml", rule + "          - {direction: out, protocol: udp, peer: internal, port: 5432}\n");
  const std::string more = with("more.yaml", rule + "          - {direction: out, protocol: udp, peer: internal, port: 5432}\n"
                                                    "          - {direction: out, protocol: tcp, port: 5432, peer: {pods: {app: db}, addresses: internal}}\n");
  EXPECT_THAT(run([&] { return cli::diff({plain, more, "", false}); }).out, HasSubstr("net         " + name));
}

TEST_F(ReviewTest, MatrixOfProfilesThatOnlyReport) {
  ASSERT_EQ(run([&] { return cli::compile({.profile = profile_, .bundle = base_ + "/b", .output = true, .backends = {"bpf", "apparmor"}, .complain = true}); }).exit, 0);
  const Json whole = run([&] { return cli::explain({base_ + "/b", {}, true, true}); }).json();
  ASSERT_FALSE(whole["rules"].empty());
  for (const Json& rule : whole["rules"]) EXPECT_EQ(rule["mechanisms"]["apparmor"], "-") << rule;
}

TEST_F(ReviewTest, AQuestionWithoutMeaningStandsAtTheWordThatHasNone) {
  const Outcome o = cases("treeline-cases: 1\ncases:\n  - node: nobody\n    act: read\n    object: /a\n    expect: deny\n"
                          "  - node: web\n    act: read,reed\n    object: /a\n    expect: deny\n  - node: web\n    act: read\n    object: a\n    expect: deny\n"
                          "  - node: entry\n    act: exec\n    object: /entry.sh\n    expect: allow\n    next: nobody\n",
                          true);
  EXPECT_THAT(o.codes(), ElementsAre("case-question 3", "case-question 8", "case-question 13", "case-question 19"));
}

TEST_F(ReviewTest, WhatIsNoAccessWordIsAskedAlone) {
  const auto place = [&](const std::string& act) {
    const Outcome o = cases("treeline-cases: 1\ncases:\n  - node: web\n    act: " + act + "\n    object: /a\n    expect: deny\n", true);
    return o.codes().empty() ? "" : o.codes()[0] + " " + o.json()["diagnostics"][0]["message"].get<std::string>();
  };
  EXPECT_THAT(place("read,exec"), HasSubstr("case-question 4 this is no access word: 'exec'; ask for it alone"));
  EXPECT_THAT(place("'read,'"), HasSubstr("case-question 4 "));
  EXPECT_EQ(place("read,execute"), "");
  EXPECT_EQ(place("exec"), "");
}

TEST_F(ReviewTest, CasesOfSystemCalls) {
  profile_ = with("web.yaml", "        syscalls: [read]\n      - {exec: /other, users: [33], syscalls: [mount]}\n");
  const Outcome o = cases("treeline-cases: 1\ncases:\n  - {node: web, act: syscall, object: read, expect: allow}\n"
                          "  - {node: web, act: syscall, object: mount, expect: deny}\n  - {node: web, act: syscall, object: ptrace, expect: allow}\n"
                          "  - {node: web, act: syscall, object: raed, expect: deny}\n",
                          true);
  EXPECT_THAT(o.codes(), ElementsAre("case-failed 5", "case-question 6"));
  EXPECT_EQ(o.json()["passed"], 2);
}

TEST_F(ReviewTest, ExplainSaysOfASystemCallWhatTheFilterMakesOfIt) {
  const std::string listed = with("listed.yaml", "        syscalls: [read, io_uring_setup, clone3]\n      - {exec: /other, users: [33], syscalls: [mount]}\n");
  const auto ask = [&](const std::string& profile, const std::string& call) { return run([&] { return cli::explain({profile, {"web", "syscall", call}, false, false}); }); };
  const Outcome read = ask(listed, "read");
  EXPECT_EQ(read.exit, 0);
  EXPECT_THAT(read.out, HasSubstr("may make the system call read\n"));
  EXPECT_THAT(read.out, HasSubstr("listed.yaml:15:20: read"));
  const Outcome mount = ask(listed, "mount");
  EXPECT_EQ(mount.exit, 1);
  EXPECT_THAT(mount.out, HasSubstr("may not make the system call mount; yet it passes: the filter is one for the workload, and entry > /entry.sh (/bin/sh) > /other lists it on line 16"));
  EXPECT_THAT(ask(listed, "openat").out, HasSubstr("yet it passes: the filter is one for the workload, and the container runtime makes it"));
  EXPECT_THAT(ask(listed, "ptrace").out, HasSubstr("no node lists it, and the filter refuses it"));
  const Outcome io_uring = ask(listed, "io_uring_setup");
  EXPECT_EQ(io_uring.exit, 1) << "it is listed, and no node holds the operation";
  EXPECT_THAT(io_uring.out, HasSubstr("the filter refuses it whatever its arguments: no node holds the operation io-uring\n  "));
  EXPECT_THAT(ask(listed, "clone3").out, HasSubstr("yet the filter answers ENOSYS, for which a libc calls clone"));
  const std::string taken = with("taken.yaml", "        syscalls: [read]\n        accept: {residual: {syscalls: why}}\n");
  ASSERT_EQ(run([&] { return cli::compile({taken, base_ + "/taken", false, false}); }).exit, 0);
  EXPECT_THAT(ask(base_ + "/taken", "mount").out, HasSubstr("yet nothing holds it: the bundle was compiled without the filter"));
  EXPECT_THAT(ask(base_ + "/taken", "userfaultfd").out, HasSubstr("the filter refuses it whatever its arguments: no node holds the operation userfaultfd"))
      << "closing.json is in every bundle";
  const Outcome none = ask(profile_, "ptrace");
  EXPECT_EQ(none.exit, 0);
  EXPECT_THAT(none.out, HasSubstr("no node lists system calls, so there is no filter of them but the closing one"));
  for (const char* call : {"io_uring_enter", "userfaultfd", "modify_ldt"}) {
    const Outcome closed = ask(profile_, call);
    EXPECT_EQ(closed.exit, 1) << call;
    EXPECT_THAT(closed.out, HasSubstr("the filter refuses it whatever its arguments: no node holds the operation")) << call;
  }
  EXPECT_EQ(ask(profile_, "clone3").exit, 0);
  EXPECT_THAT(ask(profile_, "clone3").out, HasSubstr("yet the filter answers ENOSYS")) << "a thread starts all the same";
  EXPECT_THAT(ask(listed, "raed").err, HasSubstr("did you mean 'read'?"));
  EXPECT_EQ(run([&] { return cli::explain({listed, {"web", "syscall", "mount"}, true, false}); }).json()["note"].get<std::string>().substr(0, 14), "yet it passes:");
}

TEST_F(ReviewTest, ExplainSaysOfAnOperationThatOnlyTheFilterHoldsWhoElseOpensIt) {
  const std::string shared = with("shared.yaml", "      - {exec: /other, users: [33], operations: [ldt]}\n");
  const Outcome o = run([&] { return cli::explain({shared, {"web", "operation", "ldt"}, false, false}); });
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.out, HasSubstr("yet it passes: no hook asks for it, the filter is one for the workload, and entry > /entry.sh (/bin/sh) > /other holds it on line 15"));
  EXPECT_THAT(run([&] { return cli::explain({shared, {"web", "operation", "userns"}, false, false}); }).out, Not(HasSubstr("yet")));
}

TEST_F(ReviewTest, EachNodesListOfCallsIsWeakerThanWritten) {
  const auto compile = [&](const std::string& first, const std::string& second) {
    const std::string lists = with("lists.yaml", "        syscalls: [read]\n" + first + "      - {exec: /other, users: [33], syscalls: [read, mount]" + second + "}\n");
    return run([&] { return cli::compile({lists, base_ + "/lists", false, false, {"bpf", "seccomp"}}); });
  };
  const std::string accepts = "accept: {residual: {syscalls: why}}";
  EXPECT_EQ(compile("        " + accepts + "\n", ", " + accepts).exit, 0);
  for (const auto& o : {compile("        " + accepts + "\n", ""), compile("", ", " + accepts)}) {
    EXPECT_EQ(o.exit, 1);
    EXPECT_THAT(o.err, HasSubstr("[residual]"));
  }
  EXPECT_THAT(compile("", "").err, HasSubstr("2 errors"));
}

TEST_F(ReviewTest, CasesThatAreNotThere) { EXPECT_EQ(run([&] { return cli::test({profile_, "", false}); }).exit, 3); }

TEST_F(ReviewTest, CheckFailsOnARiskThatIsNotAccepted) {
  const std::string risky = with("risky.yaml", "        capabilities: [net_raw]\n");
  const auto check = [&](const std::string& profile, const std::string& fail_on, const std::string& kernel = "", bool json = false) {
    return run([&] { return cli::check({{profile}, json, false, fail_on, kernel}); });
  };
  EXPECT_EQ(check(risky, "").exit, 0);
  EXPECT_EQ(check(risky, "high").exit, 1);
  EXPECT_EQ(check(risky, "critical").exit, 0);
  EXPECT_EQ(check(risky, "grave").exit, 2);
  EXPECT_EQ(check(risky, "", "six").exit, 2);
  EXPECT_THAT(check(risky, "high").err, HasSubstr("[dangerous-capability, high]"));
  EXPECT_THAT(check(risky, "", "5.10", true).codes(), testing::Contains("kernel-limit 0"));
  const std::string accepted = with("accepted.yaml", "        capabilities: [net_raw]\n        accept: {dangerous-capability: pings}\n");
  const Outcome o = check(accepted, "high");
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.err, IsEmpty());
  EXPECT_THAT(o.out, HasSubstr("no mistakes, 1 accepted"));
  EXPECT_EQ(check(accepted, "", "", true).json()["diagnostics"][0]["accepted"], "pings");
}

TEST_F(ReviewTest, MatrixSaysWhatIsNotEnforcedExactly) {
  const std::string weak = with("weak.yaml", "        syscalls: [read]\n        operations: [ldt]\n");
  const Outcome o = run([&] { return cli::explain({weak, {}, true, true}); });
  EXPECT_EQ(o.exit, 0);
  EXPECT_EQ(o.json()["weak"], 2);
  std::vector<std::string> rows;
  const Json whole = o.json();
  for (const Json& rule : whole["rules"])
    if (rule["exact"] == false) rows.push_back(rule["pattern"].get<std::string>() + " " + rule["mechanisms"]["bpf"].get<std::string>() + " " + rule["mechanisms"]["seccomp"].get<std::string>());
  EXPECT_THAT(rows, ElementsAre("ldt - in part", "read - -"));
  EXPECT_EQ(run([&] { return cli::explain({weak, {"a", "b", "c"}, false, true}); }).exit, 2);
}

// What a network policy and a SELinux module hold of it: never exactly, and nothing that they say they leave out.
TEST_F(ReviewTest, MatrixHasColumnsOfWhatEmitWouldWrite) {
  const std::string profile = put("net.yaml",
                                  "treeline: 1\nname: net\nentry:\n  - exec: /bin/a\n    id: web\n    users: [0]\n    network:\n"
                                  "      - {direction: out, protocol: tcp, peer: 192.0.2.0/24, port: 443}\n      - {direction: out, protocol: tcp, peer: localhost, port: 25}\n"
                                  "    sockets: [inet-stream]\n    operations: [ptrace]\n    syscalls: [read]\n");
  const Outcome o = run([&] { return cli::explain({profile, {}, true, true, {"selinux", "cilium", "networkpolicy", "calico"}}); });
  EXPECT_EQ(o.exit, 0) << o.err;
  const Json whole = o.json();
  EXPECT_EQ(whole["emitted"], Json({"calico", "cilium", "networkpolicy", "selinux"}));
  const auto held = [&](const std::string& kind, const std::string& part, const std::string& mechanism) {
    for (const Json& rule : whole["rules"])
      if (rule["kind"] == kind && (rule["words"].get<std::string>() + " " + rule["pattern"].get<std::string>()).find(part) != std::string::npos)
        return rule["mechanisms"][mechanism].get<std::string>();
    return std::string("no such rule");
  };
  for (const char* fence : {"networkpolicy", "cilium", "calico"}) {
    EXPECT_EQ(held("net", "443", fence), "in part") << fence;
    EXPECT_EQ(held("net", "localhost", fence), "-") << fence << ": it does not leave the pod";
    EXPECT_EQ(held("operation", "ptrace", fence), "-") << fence;
  }
  EXPECT_EQ(held("net", "443", "selinux"), "in part");
  EXPECT_EQ(held("syscall", "read", "selinux"), "-");
  EXPECT_EQ(held("net", "443", "bpf"), "exact");
  for (const Json& rule : whole["rules"])
    for (const char* fence : {"networkpolicy", "cilium", "calico", "selinux"}) EXPECT_NE(rule["mechanisms"][fence], "exact") << rule;
  EXPECT_THAT(run([&] { return cli::explain({profile, {}, false, true, {"calico"}}); }).out, HasSubstr("calico: "));
  EXPECT_EQ(run([&] { return cli::explain({profile, {}, false, true, {"iptables"}}); }).exit, 2);
  EXPECT_EQ(run([&] { return cli::explain({profile, {}, false, false, {"calico"}}); }).exit, 2);
  // Nobody has applied them: what no mechanism of the bundle holds stays not enforced.
  const auto weak = [&](const std::vector<std::string>& targets) { return run([&] { return cli::explain({profile, {}, true, true, targets}); }).json()["weak"]; };
  EXPECT_EQ(weak({}), weak({"selinux", "cilium"}));
}

TEST_F(ReviewTest, MatrixHasNothingOfARuleThatEmitLeavesOut) {
  const std::string profile = put("out.yaml",
                                  "treeline: 1\nname: out\nentry:\n  - exec: /bin/a\n    users: [0]\n    files: {/of-a: read}\n    network:\n"
                                  "      - {direction: out, protocol: tcp, peer: 127.0.0.0/8, port: 25}\n      - {direction: out, protocol: icmp, peer: 192.0.2.1/32}\n"
                                  "      - {direction: out, protocol: tcp, peer: 10.96.0.10/32, port: 26}\n      - {direction: out, protocol: udp, peer: any, port: 53}\n"
                                  "      - {direction: out, protocol: tcp, peer: [127.0.0.0/8, 192.0.2.1/32], port: 27}\n"
                                  "    sockets: [inet-stream, other]\n    operations: [ptrace, userns]\n    capabilities: [chown]\n");
  const Outcome o = run([&] { return cli::explain({profile, {}, true, true, {"selinux", "networkpolicy", "calico"}}); });
  ASSERT_EQ(o.exit, 0) << o.err;
  std::vector<std::string> rows;
  const Json whole = o.json();
  for (const Json& rule : whole["rules"])
    rows.push_back(rule["pattern"].get<std::string>() + ": " + rule["mechanisms"]["networkpolicy"].get<std::string>() + ", " +
                   rule["mechanisms"]["calico"].get<std::string>() + ", " + rule["mechanisms"]["selinux"].get<std::string>());
  EXPECT_THAT(rows, ElementsAre("/bin/a: -, -, -", "/of-a: -, -, -", "127.0.0.0/8 port 25: -, -, in part", "192.0.2.1/32 port 0-65535: -, in part, -",
                                "10.96.0.10/32 port 26: -, -, in part", "any port 53: in part, in part, -",
                                "127.0.0.0/8,192.0.2.1/32 port 27: in part, in part, in part", "0: -, -, -", "inet-stream: -, -, in part",
                                "other: -, -, -", "chown: -, -, in part", "ptrace: -, -, in part", "userns: -, -, -"));
}

// AppArmor cannot tell two nodes apart that one program leads to, from roots that share a profile: compile says so, and the matrix has it.
TEST_F(ReviewTest, NodesThatShareAnAppArmorProfileAreNamed) {
  const std::string profile = put("shared.yaml",
                                  "treeline: 1\nname: shared\nentry:\n  - exec: /bin/a\n    children:\n      - {exec: /bin/x, id: ax, files: {/of-a: read}}\n"
                                  "      - {exec: /bin/y, id: ay, files: {/of-y: read}}\njoin:\n  - exec: /bin/b\n    children:\n      - {exec: /bin/x, id: bx, files: {/of-b: read}}\n");
  const Outcome o = run([&] { return cli::compile({.profile = profile, .bundle = base_ + "/b", .output = true, .backends = {"bpf", "apparmor"}}); });
  ASSERT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.codes("note"), testing::Contains("apparmor-shared 11"));
  EXPECT_THAT(o.out, HasSubstr("'ax' and 'bx', since '/bin/x' leads to each of them"));
  const Json whole = run([&] { return cli::explain({base_ + "/b", {}, true, true}); }).json();
  std::vector<std::string> held;
  for (const Json& rule : whole["rules"])
    if (rule["kind"] == "file") held.push_back(rule["pattern"].get<std::string>() + " " + rule["mechanisms"]["apparmor"].get<std::string>());
  EXPECT_THAT(held, ElementsAre("/of-a in part", "/of-y exact", "/of-b in part"));
  EXPECT_THAT(whole["residuals"].dump(), HasSubstr("'ax' and 'bx', since '/bin/x' leads to each of them"));
}

TEST_F(ReviewTest, MatrixTellsRulesOfOneLineApart) {
  const std::string one_line = with("line.yaml", "        operations: [userns, ldt, ptrace, jit]\n        netlink: [route, audit]\n        syscalls: [read, clone3, io_uring_enter]\n        accept: {residual: a test}\n");
  ASSERT_EQ(run([&] { return cli::compile({.profile = one_line, .bundle = base_ + "/b", .output = true, .backends = {"bpf", "seccomp", "apparmor"}}); }).exit, 0);
  const auto held = [&](const std::string& mechanism) {
    std::vector<std::string> rows;
    const Json whole = run([&] { return cli::explain({base_ + "/b", {}, true, true}); }).json();
    for (const Json& rule : whole["rules"])
      if (rule["kind"] == "operation" || rule["kind"] == "netlink" || rule["kind"] == "syscall" || rule["pattern"] == "/entry.sh")
        rows.push_back(rule["pattern"].get<std::string>() + " " + rule["mechanisms"][mechanism].get<std::string>());
    return rows;
  };
  EXPECT_THAT(held("bpf"), ElementsAre("/entry.sh exact", "route exact", "audit exact", "userns exact", "ldt -", "ptrace exact", "jit exact", "read -", "clone3 -", "io_uring_enter -"));
  EXPECT_THAT(held("seccomp"), ElementsAre("/entry.sh -", "route -", "audit -", "userns workload", "ldt in part", "ptrace -", "jit -", "read workload", "clone3 refused", "io_uring_enter refused"));
  // Whatever the runtime starts is put under the first profile.
  EXPECT_THAT(held("apparmor"), ElementsAre("/entry.sh -", "route in part", "audit in part", "userns in part", "ldt -", "ptrace exact", "jit in part", "read -", "clone3 -", "io_uring_enter -"));
}

}  // namespace
}  // namespace treeline::cli
