// SPDX-License-Identifier: Apache-2.0
//
// Trees of several starts, and recursion. Policy: fold_tree.h. Act: traces. Outcome: the profile's nodes and back
// edges.
#include <gmock/gmock.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/learn/observed.h"
#include "tests/unit/learn/recording.h"

namespace treeline::learn::test {
namespace {

// A chain of nodes from the entry; `each` may add what a node does.
template <typename Each>
Trace chain(const std::string& name, const std::vector<std::string>& programs, Each each) {
  Recording r(name, "2026-03-01T10:00:00Z");
  std::string at = "entry";
  for (size_t i = 0; i < programs.size(); i++) {
    at = r.node(at, programs[i], {0});
    each(r, at, i);
  }
  return r.trace();
}
Trace chain(const std::string& name, const std::vector<std::string>& programs) {
  return chain(name, programs, [](Recording&, const std::string&, size_t) {});
}

size_t back_edges(const ir::Policy& policy) {
  size_t count = 0;
  for (const ir::Node& node : policy.nodes) count += node.back_edges.size();
  return count;
}

TEST(Tree, TracesAreUnited) {
  const Learned learned =
      learn_ok({chain("a", {"/bin/sh", "/bin/a"}), chain("b", {"/bin/sh", "/bin/b"}), chain("c", {"/bin/other"})});
  ASSERT_EQ(learned.policy.nodes.size(), 4u);
  EXPECT_EQ(learned.policy.entry.size(), 2u);
  for (const ir::Node& node : learned.policy.nodes) {
    for (const uint32_t child : node.children) EXPECT_GT(child, &node - learned.policy.nodes.data());
  }
}

TEST(Recursion, ThreeInAChainAreOneWithABackEdge) {
  const Learned learned = learn_ok({chain("a", {"/bin/make", "/bin/make", "/bin/make"})});
  ASSERT_EQ(learned.policy.nodes.size(), 1u);
  ASSERT_EQ(learned.policy.nodes[0].back_edges.size(), 1u);
  EXPECT_EQ(learned.policy.nodes[0].back_edges[0].target, 0u);
  EXPECT_EQ(learned.policy.nodes[0].id, "make");
  EXPECT_EQ(learned.back_edges.size(), 1u);
  EXPECT_EQ(learned.permits.by_recursion.exec_edges, 1u);  // the last one may now start another
}

TEST(Recursion, TheLabelIsOneWhateverTheProgramsName) {
  for (const auto& [program, id] : {std::pair("/bin/.make-wrapped", "_.make-wrapped"), std::pair("/bin/-x", "_-x"), std::pair("/bin/\\\\x5b", "_-x5b"),
                                    std::pair("/bin/\u00e4b", "_--b"), std::pair("/bin/A", "a")}) {
    const Learned learned = learn_ok({chain("a", {program, program, program})});
    ASSERT_EQ(learned.policy.nodes.size(), 1u) << program;
    EXPECT_EQ(learned.policy.nodes[0].id, id);
    Diagnostics diagnostics;
    frontend::read_profile(frontend::emit_profile(learned.policy), diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << program;
  }
}

TEST(Recursion, TwoInAChainStayTwo) {
  const Learned learned = learn_ok({chain("a", {"/bin/make", "/bin/make"})});
  EXPECT_EQ(learned.policy.nodes.size(), 2u);
  EXPECT_EQ(back_edges(learned.policy), 0u);
}

TEST(Recursion, ACycleOfTwoSteps) {
  const Learned learned = learn_ok({chain("a", {"/bin/make", "/bin/cc", "/bin/make", "/bin/cc", "/bin/make"})});
  ASSERT_EQ(learned.policy.nodes.size(), 2u);
  EXPECT_EQ(learned.policy.nodes[1].back_edges.size(), 1u);
  EXPECT_EQ(learned.policy.nodes[1].back_edges[0].target, 0u);
  const std::string text = frontend::emit_profile(learned.policy);
  Diagnostics diagnostics("x");
  EXPECT_EQ(frontend::emit_profile(frontend::read_profile(text, diagnostics)), text);
  EXPECT_FALSE(diagnostics.has_errors());
}

TEST(Recursion, LongerChainsGiveTheSameTree) {
  const std::string three = frontend::emit_profile(learn_ok({chain("a", {"/bin/a", "/bin/a", "/bin/a"})}).policy);
  EXPECT_EQ(frontend::emit_profile(learn_ok({chain("a", std::vector<std::string>(40, "/bin/a"))}).policy), three);
  EXPECT_EQ(frontend::emit_profile(
                learn_ok({chain("a", {"/bin/a"}), chain("b", std::vector<std::string>(7, "/bin/a"))}).policy),
            three);
}

TEST(Recursion, RefusedWhereANodeWouldGetACapability) {
  const Learned learned =
      learn_ok({chain("a", {"/bin/a", "/bin/a", "/bin/a"}, [](Recording& r, const std::string& node, size_t i) {
        if (i == 0) r.capability(node, "chown");
      })});
  EXPECT_EQ(learned.policy.nodes.size(), 3u);
  EXPECT_EQ(count_questions(learned, "recursion-not-folded"), 1u);
}

TEST(Recursion, RefusedWhereANodeWouldGetAnOperation) {
  const Learned learned =
      learn_ok({chain("a", {"/bin/a", "/bin/a", "/bin/a"}, [](Recording& r, const std::string& node, size_t i) {
        if (i == 2) r.operation(node, "jit");
      })});
  EXPECT_EQ(learned.policy.nodes.size(), 3u);
}

TEST(Recursion, RefusedWhereANodeWouldGetAnExecEdge) {
  for (size_t who : {0u, 1u, 2u}) {
    const Learned learned =
        learn_ok({chain("a", {"/bin/a", "/bin/a", "/bin/a"}, [&](Recording& r, const std::string& node, size_t i) {
          if (i == who) r.node(node, "/bin/ls", {0});
        })});
    EXPECT_EQ(back_edges(learned.policy), 0u) << who;
    EXPECT_EQ(learned.policy.nodes.size(), 4u) << who;
  }
  const Learned all =
      learn_ok({chain("a", {"/bin/a", "/bin/a", "/bin/a"},
                      [&](Recording& r, const std::string& node, size_t) { r.node(node, "/bin/ls", {0}); })});
  EXPECT_EQ(all.policy.nodes.size(), 2u);
}

TEST(Recursion, FilesAreUnitedAndCounted) {
  const Learned learned =
      learn_ok({chain("a", {"/bin/a", "/bin/a", "/bin/a"}, [](Recording& r, const std::string& node, size_t i) {
        r.file(node, "read", "/data/" + std::string(1, static_cast<char>('a' + i)));
      })});
  ASSERT_EQ(learned.policy.nodes.size(), 1u);
  EXPECT_EQ(learned.policy.nodes[0].files.size(), 3u);
  EXPECT_GE(learned.permits.by_recursion.file_rights, 4u);
}

TEST(Recursion, NeverAShellBelowAServerIntoOneAboveIt) {
  const auto serving = [](const std::string& program) {
    return learn_ok({chain("a", {program, "/usr/sbin/server", program, "/usr/sbin/server", program},
                           [](Recording& r, const std::string& node, size_t i) {
                             if (i == 1 || i == 3) r.net(node, "in", "0.0.0.0", 80);
                           })});
  };
  EXPECT_EQ(serving("/bin/sh").policy.nodes.size(), 5u);
  EXPECT_EQ(count_questions(serving("/bin/sh"), "shell-below-server"), 2u);
  EXPECT_EQ(serving("/bin/supervisor").policy.nodes.size(), 2u);
}

TEST(Review, ShellsAndInterpretersBelowAServer) {
  Recording r("a", "2026-03-01T10:00:00Z");
  const auto start = r.node("entry", "/bin/start", {0});
  r.node(start, "/usr/bin/python3.11", {0});  // beside the server, not below it
  const auto server = r.node(start, "/usr/sbin/server", {0});
  r.net(server, "in", "0.0.0.0", 80);
  for (const char* program : {"/usr/bin/perl", "/usr/bin/python3.11", "/bin/rbash", "/bin/toybox", "/usr/bin/curl"})
    r.node(server, program, {0});
  r.node(server, "/srv/cgi.py", {0}, "/usr/bin/python3.11");  // a program of its own
  const auto shell = r.node(start, "/bin/bash", {0});
  r.net(shell, "in", "0.0.0.0", 4444);
  const Learned learned = learn_ok({r.trace()});
  EXPECT_EQ(count_questions(learned, "interpreter-below-server"), 2u);
  EXPECT_EQ(count_questions(learned, "shell-below-server"), 3u);
}

TEST(Review, GraveFilesAreAskedAboutByWhatTheyAreFor) {
  Recording r("a", "2026-03-01T10:00:00Z");
  const auto a = r.node("entry", "/bin/a", {0});
  for (const char* name :
       {"/etc/ld.so.preload", "/etc/cron.d/x", "/root/.ssh/authorized_keys", "/srv/.git/hooks/pre-push"})
    r.file(a, "write create", name);
  for (const char* name :
       {"/etc/passwd", "/etc/hosts", "/proc/{own}/maps", "/dev/null", "/usr/lib/libc.so.6", "/run/db.sock"})
    r.file(a, "read", name);
  for (const char* name : {"/dev/null", "/srv/data"}) r.file(a, "write", name);
  r.file(a, "connect", "/run/docker.sock");
  r.file(a, "connect", "/run/db.sock");
  r.file(a, "read", "/proc/{other}/mem");
  r.net(a, "out", "10.0.0.7", 0, "raw");
  for (const char* name : {"dac_override", "setuid", "mknod", "sys_chroot", "chown"}) r.capability(a, name);
  const Learned learned = learn_ok({r.trace()});
  std::vector<std::string> found;
  for (const Question& q : learned.questions) {
    if (q.code == "grave-file") found.push_back(q.text + ": " + q.examples[0]);
  }
  EXPECT_THAT(found, testing::UnorderedElementsAre("the program may change what decides who may do what, or which programs run later: 4 names: /etc/cron.d/x",
                                                   "the program may open what shows another process: 1 name: /proc/{other}/mem",
                                                   "the program may connect to what starts what it is told to: who connects is root of the machine: 1 name: "
                                                   "/run/docker.sock"));
  EXPECT_EQ(count_questions(learned, "grave-right"), 5u);  // four capabilities, raw
}

TEST(Recursion, FoldingAgainChangesNothing) {
  Diagnostics diagnostics;
  const std::vector<Trace> episodes =
      distinct_episodes({chain("a", std::vector<std::string>(9, "/bin/a")),
                         chain("b", {"/bin/a", "/bin/b", "/bin/a", "/bin/b", "/bin/a"})},
                        diagnostics);
  Observed observed = merge(episodes, false);
  std::vector<Question> questions;
  fold_tree(observed, questions);
  const TreeFold again = fold_tree(observed, questions);
  EXPECT_TRUE(again.folded.empty());
  EXPECT_EQ(again.added.exec_edges, 0u);
}

TEST(Scripts, TheInterpreterIsPartOfTheStep) {
  Recording a("a", "2026-03-01T10:00:00Z"), b("b", "2026-03-02T10:00:00Z"), c("c", "2026-03-03T10:00:00Z");
  a.node("entry", "/x.sh", {0}, "/bin/sh");
  b.node("entry", "/x.sh", {0}, "/bin/sh");
  c.node("entry", "/x.sh", {0}, "/bin/bash");
  const Learned learned = learn_ok({a.trace(), b.trace(), c.trace()});
  ASSERT_EQ(learned.policy.nodes.size(), 1u);  // one exec, one node: what more starts showed
  EXPECT_EQ(learned.policy.nodes[0].interpreter->text, "/bin/sh");
  EXPECT_EQ(count_questions(learned, "two-interpreters"), 1u);
}

TEST(Joined, LeftOutUnlessAskedFor) {
  Recording r("a", "2026-03-01T10:00:00Z");
  const auto main = r.node("entry", "/bin/a", {0});
  const auto probe = r.node("join", "/usr/bin/curl", {0});
  r.file(main, "read", "/etc/hosts");
  r.file(probe, "read", "/etc/ssl/certs");
  r.file(r.node(probe, "/bin/true", {0}), "read", "/x");
  const Learned without = learn_ok({r.trace()});
  EXPECT_EQ(without.policy.nodes.size(), 1u);
  EXPECT_TRUE(without.policy.join.empty());
  EXPECT_EQ(count_questions(without, "joined"), 1u);
  const Learned with = learn_ok({r.trace()}, {.name = "x", .join = true, .image = {}});
  EXPECT_EQ(with.policy.nodes.size(), 3u);
  ASSERT_EQ(with.policy.join.size(), 1u);
  EXPECT_EQ(with.policy.nodes[with.policy.join[0]].executable.text, "/usr/bin/curl");
}

TEST(Learn, SaysWhyItCannot) {
  const auto error = [](std::vector<Trace> traces, Options options) {
    Diagnostics diagnostics;
    EXPECT_FALSE(learn(std::move(traces), options, diagnostics));
    EXPECT_EQ(diagnostics.errors(), 1u);
    return diagnostics.list().empty() ? "" : diagnostics.list()[0].code;
  };
  EXPECT_EQ(error({}, {.name = "x", .join = false, .image = {}}), "learn-no-trace");
  EXPECT_EQ(error({chain("a", {})}, {.name = "x", .join = false, .image = {}}), "learn-no-entry");
  for (const char* name : {"No!", "-x", ".x"})
    EXPECT_EQ(error({chain("a", {"/bin/a"})}, {.name = name, .join = false, .image = {}}), "learn-name") << name;
  Recording r("a", "2026-03-01T10:00:00Z");
  r.node("entry", "/bin/a", {});
  EXPECT_EQ(error({r.trace()}, {.name = "x", .join = false, .image = {}}), "learn-no-user");
}

TEST(Learn, UsersAreAlwaysWritten) {
  Recording r("a", "2026-03-01T10:00:00Z");
  const auto sh = r.node("entry", "/bin/a", {0});
  r.node(sh, "/bin/b", {});
  r.user(sh, 33);
  const Learned learned = learn_ok({r.trace()});
  ASSERT_EQ(learned.policy.nodes.size(), 2u);
  EXPECT_EQ(learned.policy.nodes[1].users.size(), 2u);  // none was recorded: those of the node above
  EXPECT_EQ(count_questions(learned, "users-of-parent"), 1u);
}

// More than an image holds for a node: the profile has to compile.
TEST(Learn, OfManyUsersThoseOfMostStartsAreWritten) {
  std::vector<Trace> traces;
  for (int start = 0; start < 2; start++) {
    Recording r("c" + std::to_string(start), "2026-03-0" + std::to_string(1 + start) + "T10:00:00Z");
    const auto a = r.node("entry", "/bin/a", {65534});
    for (uint32_t uid = 0; uid < 100; uid++) r.user(a, 1000 + uid + 100 * start);
    r.user(a, 5);
    traces.push_back(r.trace());
  }
  const Learned learned = learn_ok(std::move(traces));
  const auto& users = learned.policy.nodes[0].users;
  ASSERT_EQ(users.size(), 64u);
  EXPECT_EQ(users.front().value, 5u);
  EXPECT_EQ(users.back().value, 65534u);
  ASSERT_EQ(count_questions(learned, "many-users"), 1u);
}

TEST(Learn, CallsOf32BitProgramsAreListedToo) {
  Recording r("a", "2026-03-01T10:00:00Z");
  const auto a = r.node("entry", "/bin/a", {0});
  r.calls(a, R"("read")");
  for (const char* calls : {R"("i386","names":["mmap2","read","syscall-999"])", R"("x32","names":["readv"])", R"("mips","names":["cacheflush"])"})
    r.add(R"({"type":"syscalls","node":")" + a + R"(","arch":)" + calls + "}");
  const Learned learned = learn_ok({r.trace()});
  std::vector<std::string> names;
  for (const ir::SyscallRule& rule : learned.policy.nodes[0].syscalls) names.push_back(rule.name);
  EXPECT_THAT(names, testing::ElementsAre("exit", "exit_group", "mmap2", "read", "readv", "restart_syscall", "rt_sigreturn"));
  for (const Question& question : learned.questions) {
    if (question.code == "foreign-calls") {
      EXPECT_THAT(question.examples, testing::ElementsAre("i386 syscall-999", "mips cacheflush"));
    }
  }
  EXPECT_EQ(count_questions(learned, "foreign-calls"), 1u);
}

TEST(Learn, SystemCallsAreClosedOverFallbacks) {
  Recording r("a", "2026-03-01T10:00:00Z");
  r.calls(r.node("entry", "/bin/a", {0}), R"("newfstatat","clone","syscall-470")");
  const Learned learned = learn_ok({r.trace()});
  std::vector<std::string> names;
  for (const ir::SyscallRule& rule : learned.policy.nodes[0].syscalls) names.push_back(rule.name);
  EXPECT_THAT(names, testing::ElementsAre("clone", "clone3", "exit", "exit_group", "fstat", "lstat", "newfstatat",
                                          "restart_syscall", "rt_sigreturn", "stat", "statx"));
  EXPECT_EQ(count_questions(learned, "foreign-calls"), 1u);
}

TEST(Learn, ThatNoFilterHoldsTheCallsIsWrittenAndAsked) {
  Recording r("a", "2026-03-01T10:00:00Z");
  const auto a = r.node("entry", "/bin/a", {0});
  r.node(a, "/bin/b", {0});
  r.calls(a, R"("read")");
  const Learned learned = learn_ok({r.trace()});
  ASSERT_EQ(learned.policy.nodes.size(), 2u);
  ASSERT_EQ(learned.policy.nodes[0].accepted.size(), 1u);
  EXPECT_EQ(learned.policy.nodes[0].accepted[0].code + " " + learned.policy.nodes[0].accepted[0].about, "residual syscalls");
  EXPECT_TRUE(learned.policy.nodes[1].accepted.empty()) << "it lists none";
  EXPECT_EQ(count_questions(learned, "calls-not-held"), 1u);
}

TEST(Learn, ACallThatNoHookSeesGivesItsOperationAndTheQuestion) {
  Recording r("a", "2026-03-01T10:00:00Z");
  const auto a = r.node("entry", "/bin/a", {0});
  const auto b = r.node(a, "/bin/b", {0});
  r.calls(a, R"("read","seccomp")");
  r.add(R"({"type":"syscalls","node":")" + b + R"(","arch":"i386","names":["modify_ldt"]})");
  const Learned learned = learn_ok({r.trace()});
  ASSERT_EQ(learned.policy.nodes.size(), 2u);
  EXPECT_TRUE(learned.policy.nodes[0].operations.empty()) << "a listener does not show in a number";
  ASSERT_EQ(learned.policy.nodes[1].operations.size(), 1u);
  EXPECT_EQ(learned.policy.nodes[1].operations[0].value, static_cast<uint32_t>(TL_OP_LDT));
  EXPECT_EQ(count_questions(learned, "grave-right"), 1u);
  EXPECT_THAT(learned.evidence, testing::HasSubstr("\"ldt\""));
  ASSERT_FALSE(learned.policy.nodes[1].accepted.empty());
  EXPECT_EQ(learned.policy.nodes[1].accepted.back().about, "ldt") << "the filter holds it for both";
}

// What is reached by a name has other addresses next time.
TEST(Network, PeersThatWereNotInEveryStartAreAQuestion) {
  std::vector<Trace> traces;
  for (int start = 0; start < 2; start++) {
    Recording r("c" + std::to_string(start), "2026-03-0" + std::to_string(1 + start) + "T10:00:00Z");
    const auto a = r.node("entry", "/bin/a", {0});
    r.net(a, "out", "10.0.0.7", 5432);
    for (int i = 0; i < 3; i++) r.net(a, "out", "203.0.113." + std::to_string(10 * start + i), 443);
    traces.push_back(r.trace());
  }
  const Learned learned = learn_ok(std::move(traces), {.name = "x", .join = false, .image = {}});
  ASSERT_EQ(count_questions(learned, "varying-peers"), 1u);
  const auto asked = std::find_if(learned.questions.begin(), learned.questions.end(), [](const Question& q) { return q.code == "varying-peers"; });
  EXPECT_THAT(asked->text, testing::StartsWith("6 peers were not in every start"));
}

TEST(Network, ListenersKeepTheirPortPeersTheirAddress) {
  Recording r("a", "2026-03-01T10:00:00Z");
  const auto a = r.node("entry", "/bin/a", {0});
  r.net(a, "in", "0.0.0.0", 80);
  r.net(a, "in", "127.0.0.1", 80);
  r.net(a, "in", "127.0.0.1", 9000);
  r.net(a, "in", "0.0.0.0", 45001);
  r.net(a, "out", "127.0.0.5", 6379);
  r.net(a, "out", "::1", 6379);
  r.net(a, "out", "10.0.0.7", 5432);
  r.net(a, "out", "10.0.0.8", 5432);
  r.net(a, "out", "169.254.169.254", 80);
  const Learned learned = learn_ok({r.trace()});
  std::vector<std::string> rules;
  for (const ir::NetworkRule& rule : learned.policy.nodes[0].network) {
    rules.push_back(std::string(ir::names::directions().name(static_cast<uint32_t>(rule.direction))) + " " +
                    ir::names::peer_text(rule.peer) + " " + ir::names::port_text(rule.ports[0]));
  }
  EXPECT_THAT(rules, testing::UnorderedElementsAre("in any 80", "in localhost 9000", "out localhost 6379",
                                                   "out 10.0.0.7/32,10.0.0.8/32 5432", "out 169.254.169.254/32 80"));
  EXPECT_EQ(count_questions(learned, "ephemeral-listener"), 1u);
  EXPECT_EQ(count_questions(learned, "metadata-service"), 1u);
}

}  // namespace
}  // namespace treeline::learn::test
