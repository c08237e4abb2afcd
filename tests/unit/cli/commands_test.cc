// SPDX-License-Identifier: Apache-2.0
// treelinec as a script sees it: exit status, standard output, standard error.
#include "policy-compiler/cli/commands.h"

#include "policy-compiler/bundle/bundle.h"
#include "tests/unit/cli/run.h"
#include "tests/unit/common.h"

namespace treeline::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kRight = R"(treeline: 1
name: web
entry:
  - exec: /entrypoint.sh
    interpreter: /bin/sh
    users: [0]
    files:
      /etc/web/**: read list
    children:
      - exec: /usr/sbin/web
        id: web
        users: [0, 33]
        files: {/var/log/web.log: append}
        network: [{direction: in, protocol: tcp, port: 80}]
        sockets: [inet-stream]
)";

class CommandsTest : public InDirectory {
 protected:
  void SetUp() override {
    InDirectory::SetUp();
    profile_ = put("web.yaml", kRight);
  }
  Outcome check(std::vector<std::string> profiles, bool json = false, bool strict = false) {
    return run([&] { return cli::check({std::move(profiles), json, strict}); });
  }
  Outcome compile(const std::string& profile, const std::string& bundle, bool json = false, bool strict = false) {
    return run([&] { return cli::compile({profile, bundle, json, strict}); });
  }
  Outcome explain(std::vector<std::string> question, bool json = false) {
    return run([&] { return cli::explain({profile_, std::move(question), json}); });
  }

  std::string profile_;
};

TEST_F(CommandsTest, ARightProfilePassesTheCheck) {
  const Outcome o = check({profile_});
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, HasSubstr("2 nodes, no mistakes"));
  EXPECT_THAT(o.err, IsEmpty());
}

TEST_F(CommandsTest, MistakesOfAllStagesAreReportedTogether) {
  const std::string bad = put("bad.yaml", R"(treeline: 1
name: web
entry:
  - exec: /entrypoint.sh
    files:
      /var/{uiud}: read
      /etc/hosts: raed
      /srv/*: write create
    children:
      - exec: /srv/run
)");
  const Outcome o = check({bad}, true);
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.codes("error"), testing::ElementsAre("pattern 6", "access-word 7"));
  // The proofs need automata, and those need readable patterns: they come when these two are mended.
  const std::string mended = put("mended.yaml", R"(treeline: 1
name: web
entry:
  - exec: /entrypoint.sh
    files:
      /etc/hosts: raed
      /srv/*: write create
    children:
      - exec: /srv/run
)");
  const Outcome p = check({mended}, true);
  EXPECT_THAT(p.codes("error"), testing::ElementsAre("access-word 6", "write-and-execute 7"));
}

TEST_F(CommandsTest, TheTextNamesFileLineAndColumnAndShowsTheLine) {
  const std::string bad = put("bad.yaml", "treeline: 1\nname: web\nentry:\n  - exec: /a\n    filse: {}\n");
  const Outcome o = check({bad});
  EXPECT_EQ(o.exit, 1);
  EXPECT_EQ(o.err, bad +
                       ":5:5: error: unknown key 'filse' in a node [unknown-key]\n"
                       "    5 |     filse: {}\n"
                       "      |     ^~~~~\n"
                       "      = did you mean 'files'?\n" +
                       bad + ": 1 error, 0 warnings\n");
}

TEST_F(CommandsTest, OneUnreadableFileDoesNotHideTheOthers) {
  const std::string bad = put("bad.yaml", "name: x\n");
  const Outcome o = check({base_ + "/missing.yaml", bad, profile_});
  EXPECT_EQ(o.exit, 3);
  EXPECT_THAT(o.err, HasSubstr("missing.yaml"));
  EXPECT_THAT(o.err, HasSubstr("needs 'treeline'"));
  EXPECT_THAT(o.out, HasSubstr("no mistakes"));
}

TEST_F(CommandsTest, CheckGradesWhatTheLanguageAllows) {
  const std::string wide = put("wide.yaml", R"(treeline: 1
name: wide
entry:
  - exec: /usr/bin/python3.11
    network:
      - {direction: out, protocol: tcp, peer: any, port: any}
)");
  const Outcome o = check({wide}, true);
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.codes(), testing::UnorderedElementsAre("interpreter-program 4", "any-user 4", "any-egress 6", "unused-rule 6"));
  EXPECT_EQ(check({wide}, false, true).exit, 1);
}

TEST_F(CommandsTest, CheckKnowsTheSystemCallsThatAFilterWouldRefuse) {
  const std::string slip = put("slip.yaml", "treeline: 1\nname: slip\nentry:\n  - {exec: /a, users: [1], syscalls: [read, opneat]}\n");
  const Outcome o = check({slip}, true);
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.codes("error"), testing::ElementsAre("syscall-unknown 4"));
}

TEST_F(CommandsTest, AnInterpretedScriptIsNoInterpreterProgram) {
  EXPECT_THAT(check({profile_}, true).out, Not(HasSubstr("interpreter-program")));
}

TEST_F(CommandsTest, CompileWritesABundleThatReadsBack) {
  const Outcome o = compile(profile_, base_ + "/web", true);
  EXPECT_EQ(o.exit, 0) << o.out;
  const auto bundle = bundle::read(base_ + "/web");
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(o.json()["digest"], bundle->digest);
  EXPECT_EQ(bundle->find("profile.yaml")->bytes, kRight);
  EXPECT_EQ(bundle->find("closing.json")->kind, "seccomp");
  EXPECT_THAT(bundle->find("closing.json")->bytes, HasSubstr("modify_ldt"));
  const auto rules = bundle::decode_rules(bundle->find("rules.json")->bytes);
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->front().pattern, "/entrypoint.sh");
  EXPECT_EQ(rules->front().row, 1u);
  EXPECT_EQ(bundle->nodes[1].path, "entry > /entrypoint.sh (/bin/sh) > /usr/sbin/web");
  EXPECT_EQ(bundle->nodes[1].line, 10u);
}

TEST_F(CommandsTest, TheSameProfileGivesTheSameBytes) {
  ASSERT_EQ(compile(profile_, base_ + "/one").exit, 0);
  ASSERT_EQ(compile(put("copy.yaml", kRight), base_ + "/two").exit, 0);
  EXPECT_EQ(bundle::read(base_ + "/one")->digest, bundle::read(base_ + "/two")->digest);
}

TEST_F(CommandsTest, AProfileWithMistakesLeavesTheOldBundleInPlace) {
  ASSERT_EQ(compile(profile_, base_ + "/web").exit, 0);
  const std::string before = bundle::read(base_ + "/web")->digest;
  EXPECT_EQ(compile(put("bad.yaml", "treeline: 1\n"), base_ + "/web").exit, 1);
  EXPECT_EQ(bundle::read(base_ + "/web")->digest, before);
}

// A rule that no chosen back end holds is a mistake; a person may write that this will do.
TEST_F(CommandsTest, WhatIsNotEnforcedIsRefusedUnlessTheProfileSaysThatItWillDo) {
  const std::string listed = std::string(kRight) + "        syscalls: [read]\n";
  const std::string weak = put("weak.yaml", listed);
  const Outcome o = compile(weak, base_ + "/weak");
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.err, HasSubstr("[residual]"));
  EXPECT_THAT(o.err, HasSubstr("--backend bpf,seccomp"));
  EXPECT_FALSE(std::filesystem::exists(base_ + "/weak"));
  // `check` does not know the back ends.
  EXPECT_THAT(check({weak}, true).codes(), testing::Contains("residual 16"));
  EXPECT_EQ(check({weak}).exit, 0);

  for (const char* accept : {"{residual: the filter is the platform's}", "{residual: {syscalls: the filter is the platform's}}"}) {
    const std::string taken = put("taken.yaml", listed + "        accept: " + accept + "\n");
    const Outcome accepted = compile(taken, base_ + "/taken", true);
    EXPECT_EQ(accepted.exit, 0) << accepted.out;
    EXPECT_THAT(accepted.codes("note"), testing::ElementsAre("residual 16"));
    EXPECT_EQ(accepted.json()["diagnostics"][0]["accepted"], "the filter is the platform's");
    EXPECT_THAT(compile(taken, base_ + "/taken").out, HasSubstr("1 rule weaker than written, as the profile accepts"));
    EXPECT_EQ(bundle::read(base_ + "/taken")->residuals.size(), 1u);
    EXPECT_THAT(check({taken}, true).codes(), Not(testing::Contains(HasSubstr("accept-unused"))));
  }
  const std::string other = put("other.yaml", listed + "        accept: {residual: {sockets: why}}\n");
  EXPECT_EQ(compile(other, base_ + "/other").exit, 1);
  EXPECT_THAT(check({other}, true).codes("warning"), testing::Contains("accept-unused 17"));

  // The filter holds the list for the workload as a whole, which is weaker.
  const Outcome filtered = run([&] { return cli::compile({.profile = weak, .bundle = base_ + "/filtered", .output = true, .backends = {"bpf", "seccomp"}}); });
  EXPECT_EQ(filtered.exit, 1) << filtered.out;
  EXPECT_THAT(filtered.codes("error"), testing::ElementsAre("residual 16"));
  EXPECT_FALSE(std::filesystem::exists(base_ + "/filtered"));
  // A digest is there to hold: no bundle without it.
  const std::string digest = put("digest.yaml", std::string(kRight) + "        digest: fsverity:sha256:" + std::string(64, 'a') + "\n");
  const Outcome refused = compile(digest, base_ + "/digest");
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, HasSubstr("its digest is not checked at exec"));
  EXPECT_FALSE(std::filesystem::exists(base_ + "/digest"));
}

// The filter stays open for the nodes that do not hold the operation, and no hook refuses them.
TEST_F(CommandsTest, AnOperationThatTheFilterHoldsForAllNodesIsWeakerThanWritten) {
  const std::string rules = std::string(kRight) + "        operations: [ldt, seccomp-listener]\n";
  const std::string weak = put("weak.yaml", rules);
  const Outcome o = compile(weak, base_ + "/weak", true);
  EXPECT_EQ(o.exit, 1) << o.out;
  EXPECT_THAT(o.codes("error"), testing::ElementsAre("residual 16", "residual 16"));
  EXPECT_FALSE(std::filesystem::exists(base_ + "/weak"));
  EXPECT_THAT(compile(weak, base_ + "/weak").err, HasSubstr("accept: {residual: {ldt: why}}"));
  const std::string taken = put("taken.yaml", rules + "        accept: {residual: {ldt: old Wine, seccomp-listener: its sandbox}}\n");
  EXPECT_EQ(compile(put("half.yaml", rules + "        accept: {residual: {ldt: old Wine}}\n"), base_ + "/half").exit, 1);
  const Outcome accepted = compile(taken, base_ + "/taken", true, true);
  EXPECT_EQ(accepted.exit, 0) << accepted.out;
  const auto residuals = bundle::read(base_ + "/taken")->residuals;
  ASSERT_EQ(residuals.size(), 2u);
  EXPECT_EQ(residuals[0].backend, "seccomp");
  EXPECT_EQ(residuals[0].line, 16u);
  EXPECT_THAT(accepted.codes("note"), testing::ElementsAre("residual 16", "residual 16"));
  EXPECT_THAT(check({taken}, true).codes(), Not(testing::Contains(HasSubstr("accept-unused"))));
}

// Each residual says the line that accepts it, and that line does.
TEST_F(CommandsTest, WhatIsHeldInPartIsAcceptedByTheNameThatItsErrorSays) {
  const std::string rules = "treeline: 1\nname: web\nentry:\n  - exec: /web\n    users: [33]\n    syscalls: [read]\n    operations: [ldt]\n    sockets: [inet-stream]\n"
                            "    network: [{direction: out, protocol: tcp, port: 5432, peer: {pods: {app: db}}}]\n    children: [{exec: /other, users: [33]}]\n";
  const auto filtered = [&](const std::string& name, const std::string& text) {
    return run([&] { return cli::compile({.profile = put(name + ".yaml", text), .bundle = base_ + "/" + name, .output = true, .backends = {"bpf", "seccomp"}}); });
  };
  const Outcome refused = filtered("part", rules);
  EXPECT_EQ(refused.exit, 1);
  std::string accept;
  const Json found = refused.json()["diagnostics"];
  ASSERT_EQ(found.size(), 4u) << refused.out;  // and that /other lists no calls
  for (const Json& d : found) {
    if (d["code"] != "residual") continue;
    const std::string remedy = d["remedy"], mark = "accept: {residual: {";
    ASSERT_THAT(remedy, HasSubstr(mark));
    const std::string line = remedy.substr(remedy.find(mark) + mark.size());
    accept += "        " + line.substr(0, line.size() - 2) + "\n";
  }
  const Outcome accepted = filtered("taken", rules + "    accept:\n      residual:\n" + accept);
  EXPECT_EQ(accepted.exit, 0) << accepted.out << accept;
  EXPECT_THAT(accepted.codes("note"), testing::SizeIs(3));
}

// What a group grants is accepted beside it, once for all nodes that use it.
TEST_F(CommandsTest, AGroupAcceptsWhatItsNodesHaveFromIt) {
  const auto profile = [&](const std::string& name, const std::string& accept) {
    return put(name + ".yaml", "treeline: 1\nname: web\ngroups:\n  all:\n    syscalls: [read]\n    capabilities: [net_raw]\n    accept:\n      dangerous-capability: {net_raw: ping}\n" + accept +
                                   "entry:\n  - exec: /web\n    users: [33]\n    use: [all]\n    children:\n      - exec: /other\n        users: [33]\n        use: [all]\n");
  };
  EXPECT_EQ(compile(profile("weak", ""), base_ + "/weak").exit, 1);
  const std::string taken = profile("taken", "      residual: {syscalls: the platform's filter}\n");
  EXPECT_EQ(compile(taken, base_ + "/taken").exit, 0);
  EXPECT_EQ(check({taken}, false, true).exit, 0) << "no warning that counts";
  const std::string unused = profile("unused", "      any-user: none\n");
  EXPECT_THAT(check({unused}, true).codes("warning"), testing::Contains("accept-unused 9").Times(1)) << "once, not by node";
}

TEST_F(CommandsTest, AFilterOfCallsThatNoNodeListsIsNone) {
  const auto seccomp = [&](bool strict) {
    return run([&] { return cli::compile({.profile = profile_, .bundle = base_ + "/none", .output = true, .strict = strict, .backends = {"bpf", "seccomp"}}); });
  };
  const Outcome o = seccomp(false);
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.codes("warning"), testing::ElementsAre("syscalls-missing 4"));
  EXPECT_EQ(bundle::read(base_ + "/none")->find("seccomp.json"), nullptr);
  EXPECT_EQ(seccomp(true).exit, 1);
}

// The second that a machine loads would replace the first.
TEST_F(CommandsTest, TwoProfilesOfOnePolicyAreNotCompiledIntoOneDirectory) {
  const std::string again = put("again.yaml", std::string(kRight) + "# web once more\n"), other = put("other.yaml", "treeline: 1\nname: other\nentry:\n  - {exec: /a, users: [0]}\n");
  const Outcome o = run([&] { return cli::compile_many({{profile_, other, again}, base_ + "/many", 2, {}}); });
  EXPECT_EQ(o.exit, 2);
  EXPECT_THAT(o.err, HasSubstr("'" + profile_ + "' and '" + again + "' are both the policy 'web'"));
  EXPECT_FALSE(std::filesystem::exists(base_ + "/many"));
  EXPECT_EQ(run([&] { return cli::compile_many({{profile_, other}, base_ + "/many", 2, {}}); }).exit, 0);
  EXPECT_THAT(check({profile_, again}, true).codes("note"), testing::Contains("name-twice 0"));
  EXPECT_THAT(check({profile_, other}, true).codes(), Not(testing::Contains("name-twice 0")));
}

TEST_F(CommandsTest, ABundleIsNotWrittenToStandardOutput) {
  const std::string other = put("other.yaml", "treeline: 1\nname: other\nentry:\n  - {exec: /a, users: [0]}\n");
  const Outcome one = compile(profile_, "-"), many = run([&] { return cli::compile_many({{profile_, other}, "-", 2, {}}); });
  EXPECT_EQ(one.exit, 2);
  EXPECT_THAT(one.err, HasSubstr("a bundle is a directory; name one"));
  EXPECT_EQ(many.exit, 2);
  EXPECT_FALSE(std::filesystem::exists("-"));
}

TEST_F(CommandsTest, AWordThatIsNoCodeIsNotAccepted) {
  const auto accepting = [&](const std::string& accept) { return check({put("taken.yaml", std::string(kRight) + "        accept: {" + accept + "}\n")}, true); };
  const Outcome slip = accepting("any-usr: why");
  EXPECT_EQ(slip.exit, 1);
  EXPECT_THAT(slip.codes("error"), testing::ElementsAre("accept-code 16"));
  EXPECT_EQ(slip.json()["diagnostics"][0]["remedy"], "did you mean 'any-user'?");
  for (const char* code : {"syntax", "write-and-execute", "accept-unused", "Any-User", "jit"}) EXPECT_EQ(accepting(std::string(code) + ": why").exit, 1) << code;
  EXPECT_EQ(accepting("any-user: why").exit, 0);
}

TEST_F(CommandsTest, ArchitecturesWithoutTheFilterAreRefused) {
  const Outcome o = run([&] { return cli::compile({.profile = profile_, .bundle = base_ + "/web", .output = false, .architectures = {"x86_64"}}); });
  EXPECT_EQ(o.exit, 2);
  EXPECT_THAT(o.err, HasSubstr("add --backend bpf,seccomp"));
}

TEST_F(CommandsTest, WhatOneOfManyProfilesAcceptsIsNoWarningOfAll) {
  const std::string taken = put("taken.yaml", std::string(kRight) + "        syscalls: [read]\n        accept: {residual: {syscalls: why}}\n");
  const std::string other = put("other.yaml", "treeline: 1\nname: other\nentry:\n  - {exec: /a, users: [0]}\n");
  CompileManyOptions many{{taken, other}, base_ + "/many", 2, {}};
  many.each.output = Format::kSarif;
  const Outcome o = run([&] { return cli::compile_many(many); });
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("suppressions"));
}

TEST_F(CommandsTest, ExplainAnswersWithTheLine) {
  const Outcome yes = explain({"/entrypoint.sh", "read", "/etc/web/a/b"});
  EXPECT_EQ(yes.exit, 0);
  EXPECT_EQ(yes.out,
            "yes: entry > /entrypoint.sh (/bin/sh) may read /etc/web/a/b\n  " + profile_ + ":8:7: /etc/web/**\n");
  const Outcome no = explain({"web", "write", "/var/log/web.log"});
  EXPECT_EQ(no.exit, 1);
  EXPECT_THAT(no.out, HasSubstr("no rule grants write"));
  EXPECT_EQ(explain({"entry", "exec", "/entrypoint.sh"}).exit, 0);
  EXPECT_EQ(explain({"entry", "exec", "/bin/sh"}).exit, 1);
  EXPECT_EQ(explain({"join", "exec", "/entrypoint.sh"}).exit, 1);
}

TEST_F(CommandsTest, EveryActCanBeAsked) {
  const std::string full = in_sources("tests/fuzz/corpus/profile/full.yaml");
  const auto exit = [&](const char* act, const char* object) {
    return run([&] { return cli::explain({full, {"/entrypoint.sh", act, object}, false}); }).exit;
  };
  EXPECT_EQ(exit("append,create", "/var/log/nginx/access.log"), 0);
  EXPECT_EQ(exit("append", "/var/log/nginx/a/b.log"), 1);
  EXPECT_EQ(exit("write", "{pipe}"), 0);
  EXPECT_EQ(exit("write", "{memfd}"), 1);
  EXPECT_EQ(exit("read", "/proc/{own}/status"), 0);
  EXPECT_EQ(exit("read", "/proc/{other}/status"), 1);
  EXPECT_EQ(exit("append", "/tmp/{tmpfile}"), 0);
  EXPECT_EQ(exit("connect", "{abstract}/name"), 0);
  EXPECT_EQ(exit("connect", "{abstract}/other"), 1);
  EXPECT_EQ(exit("exec", "/usr/sbin/nginx"), 0);
  EXPECT_EQ(exit("execute", "/usr/sbin/nginx"), 0);
  EXPECT_EQ(exit("interpret", "/bin/sh"), 0);
  EXPECT_EQ(exit("interpret", "/bin/bash"), 1);
  EXPECT_EQ(exit("out", "tcp:10.1.2.3:5432"), 0);
  EXPECT_EQ(exit("out", "tcp:11.1.2.3:5432"), 1);
  EXPECT_EQ(exit("out", "udp:[fd00::1]:53"), 0);
  EXPECT_EQ(exit("out", "icmp:192.0.2.1"), 0);
  EXPECT_EQ(exit("in", "tcp:192.0.2.1:80"), 0);
  EXPECT_EQ(exit("listen", "tcp:80"), 0);
  EXPECT_EQ(exit("listen", "tcp:81"), 1);
  EXPECT_EQ(exit("capability", "chown"), 0);
  EXPECT_EQ(exit("capability", "sys_admin"), 1);
  EXPECT_EQ(exit("operation", "jit"), 0);
  EXPECT_EQ(exit("operation", "ptrace"), 1);
  EXPECT_EQ(exit("user", "101"), 0);
  EXPECT_EQ(exit("user", "102"), 1);
  EXPECT_EQ(exit("socket", "unix-stream"), 0);
  EXPECT_EQ(exit("socket", "netlink:route"), 0);
  EXPECT_EQ(exit("socket", "netlink:audit"), 1);
  for (const auto& [act, object] : std::vector<std::pair<const char*, const char*>>{{"raed", "/x"},
                                                                                    {"read", "x"},
                                                                                    {"read", "/x/"},
                                                                                    {"read", "/a//b"},
                                                                                    {"read", "/a/../b"},
                                                                                    {"read", ""},
                                                                                    {"read", "{nothing}"},
                                                                                    {"out", "tcp:host:1"},
                                                                                    {"out", "tcp:10.0.0.1"},
                                                                                    {"out", "tcp:[::1:1"},
                                                                                    {"out", "foo:::"},
                                                                                    {"out", "tcp:10.0.0.0/8:1"},
                                                                                    {"listen", "tcp:99999"},
                                                                                    {"capability", "CAP_CHOWN"},
                                                                                    {"operation", ""},
                                                                                    {"user", "root"},
                                                                                    {"socket", "inet-stream:x"},
                                                                                    {"socket", "netlink"},
                                                                                    {"socket", "netlink:40"},
                                                                                    {"", "/x"}})
    EXPECT_EQ(exit(act, object), 2) << act << " " << object;
}

TEST_F(CommandsTest, AnAmbiguousNodeIsNotGuessed) {
  const std::string two = put("two.yaml", R"(treeline: 1
name: two
entry:
  - exec: /a
    children: [{exec: /b}]
  - exec: /b
)");
  const Outcome o = run([&] { return cli::explain({two, {"/b", "read", "/x"}, false}); });
  EXPECT_EQ(o.exit, 2);
  EXPECT_THAT(o.err, HasSubstr("entry > /a > /b"));
  EXPECT_EQ(run([&] { return cli::explain({two, {"entry > /a > /b", "read", "/x"}, false}); }).exit, 1);
}

TEST_F(CommandsTest, EvaluateSaysOneWord) {
  const auto say = [&](const char* object) {
    return run([&] { return cli::evaluate({profile_, {"/entrypoint.sh", "read", object}, false}); });
  };
  EXPECT_EQ(say("/etc/web/x").out, "allow\n");
  EXPECT_EQ(say("/etc/web/x").exit, 0);
  EXPECT_EQ(say("/etc/shadow").out, "deny\n");
  EXPECT_EQ(say("/etc/shadow").exit, 1);
}

TEST_F(CommandsTest, TheTreeIsPrintedFromAProfileAndFromItsBundle) {
  ASSERT_EQ(compile(profile_, base_ + "/web").exit, 0);
  const Json profile = explain({}, true).json();
  const Json bundle = run([&] { return cli::explain({base_ + "/web", {}, true}); }).json();
  EXPECT_EQ(profile["nodes"], bundle["nodes"]);
  EXPECT_EQ(profile["nodes"][1]["id"], "web");
  EXPECT_EQ(profile["nodes"][1]["rules"][0]["pattern"], "/var/log/web.log");
  EXPECT_THAT(explain({}).out, HasSubstr("/var/log/web.log  append\n"));
}

TEST_F(CommandsTest, WithJsonNothingElseIsPrintedWhateverHappens) {
  for (const auto& command : std::vector<std::function<int()>>{
           [&] {
             return cli::check({{base_ + "/no"}, true, false});
           },
           [&] {
             return cli::compile({base_ + "/no", base_ + "/x", true, false});
           },
           [&] {
             return cli::compile({profile_, base_ + "/no/x", true, false});
           },
           [&] {
             return cli::explain({profile_, {"nobody", "read", "/x"}, true});
           },
           [&] {
             return cli::evaluate({base_ + "/no", {"a", "read", "/x"}, true});
           },
           [&] {
             return cli::learn({{base_ + "/no"}, base_ + "/out.yaml", "", "", "", false, true});
           }}) {
    const Outcome o = run(command);
    EXPECT_GE(o.exit, 2);
    EXPECT_THAT(o.err, IsEmpty());
    const Json json = o.json();
    EXPECT_EQ(json["schema"], 1);
    EXPECT_EQ(json["exit"], o.exit);
    EXPECT_THAT(json["error"].get<std::string>(), Not(IsEmpty()));
  }
}

TEST_F(CommandsTest, LearnWritesAProfileThatCompiles) {
  const std::string trace = put(
      "trace.jsonl",
      R"({"schema":1,"type":"trace","host_kernel":"6.12","started":"2026-01-01T00:00:00Z","workload":"web","container":"c1","late":false}
{"type":"node","node":"0x0000000000000010","parent":"entry","exec":"/usr/sbin/web","count":1,"users":[33],"joined":false}
{"type":"file","node":"0x0000000000000010","access":["read"],"path":"/etc/hosts","count":1,"first":1,"last":1}
{"type":"file","node":"0x0000000000000010","access":["read","write"],"path":"{pipe}","count":1,"first":1,"last":1}
{"type":"net","node":"0x0000000000000010","direction":"in","protocol":"tcp","address":"0.0.0.0","port":80,"count":1,"first":1,"last":1}
{"type":"end","stopped":"2026-01-01T00:01:00Z","incomplete":false,"exit":0}
)");
  const std::string learned = base_ + "/learned.yaml";
  const Outcome o = run([&] { return cli::learn({{trace}, learned, "", "", "", false, false}); });
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_TRUE(std::filesystem::exists(base_ + "/learned.evidence.json"));
  EXPECT_EQ(compile(learned, base_ + "/learned").exit, 0);
  EXPECT_EQ(run([&] { return cli::explain({learned, {"/usr/sbin/web", "read", "/etc/hosts"}, false}); }).exit, 0);
  EXPECT_EQ(run([&] { return cli::explain({learned, {"/usr/sbin/web", "read", "/etc/shadow"}, false}); }).exit, 1);
}

TEST_F(CommandsTest, CompletionIsAScriptThatBashReads) {
  const Outcome o = run([] { return cli::completion("bash"); });
  EXPECT_EQ(o.exit, 0);
  const std::string script = put("completion", o.out);
  EXPECT_EQ(std::system(("bash -n '" + script + "'").c_str()), 0);
  EXPECT_EQ(run([] { return cli::completion("fish"); }).exit, 2);
}

TEST(Render, LongLinesAreCutAroundTheCaretAndNothingMovesTheCursor) {
  Diagnostic d;
  d.code = "x";
  d.message = "m";
  d.file = "f\x1b[2J";
  d.position = {7, 301};
  const std::string text = render(d, std::string(300, 'a') + "\x1b" + std::string(300, 'b'), false);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr(std::string(60, 'a') + "?" + std::string(59, 'b') + "\n"));
  EXPECT_THAT(text, HasSubstr("| " + std::string(60, ' ') + "^"));
  EXPECT_THAT(render(d, "", true), HasSubstr("\x1b[1;31merror:\x1b[0m"));
}

}  // namespace
}  // namespace treeline::cli
