// SPDX-License-Identifier: Apache-2.0
//
// Policy: what was learned from recordings of whole programs. Act: the recordings again, and others. Outcome: not one denial by the image of
// what was learned; what was not recorded is denied, with its node, act, object and count.
#include "policy-compiler/analysis/replay.h"

#include <gmock/gmock.h>

#include "policy-compiler/analysis/rule_table.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/bpf/validate.h"
#include "policy-compiler/backends/seccomp/calls.h"
#include "policy-compiler/backends/seccomp/lower.h"
#include "policy-compiler/learn/learn.h"
#include "policy-compiler/support/files.h"
#include "tests/unit/analysis/versions.h"
#include "tests/unit/common.h"
#include "policy-compiler/support/text.h"

namespace treeline::analysis {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::string source(const std::string& path) {
  Result<std::string> text = files::read_file(in_sources(path), 64u << 20);
  if (text) return std::move(*text);
  ADD_FAILURE() << text.error().message;
  return "";
}

learn::Trace trace_of(const std::string& text) {
  Diagnostics diagnostics("test.jsonl");
  std::optional<learn::Trace> trace = learn::read_trace(text, diagnostics, learn::kMaxTraceNodes);
  for (const Diagnostic& d : diagnostics.list())
    if (d.severity == Severity::kError) ADD_FAILURE() << d.position.line << ": " << d.message;
  return trace.value_or(learn::Trace{});
}

// A policy with its image, as a bundle holds them.
struct Built {
  explicit Built(test::Checked from) : checked(std::move(from)), rules(all_rules(checked.policy)) {
    Diagnostics diagnostics;
    const auto lowered = backends::bpf::lower(checked.policy, checked.paths, diagnostics);
    if (!lowered) {
      ADD_FAILURE() << diagnostics.list()[0].message;
      return;
    }
    image = lowered->image;
    EXPECT_TRUE(backends::bpf::validate(image));
    filter(nullptr);
  }
  // With the filter of listed calls; nullptr: the closing filter alone.
  void filter(const backends::seccomp::CallOptions* options) {
    Diagnostics diagnostics;
    const auto listed = options == nullptr ? std::nullopt : backends::seccomp::lower_calls(checked.policy, *options, diagnostics);
    const auto read = CallFilters::read(backends::seccomp::lower(checked.policy), listed ? listed->oci : "");
    EXPECT_EQ(listed.has_value(), options != nullptr);
    EXPECT_TRUE(read);
    if (read) calls = *read;
  }
  Replay replay(const learn::Trace& trace) const { return replay_traces(checked.version(), image, calls, rules, {trace}); }
  test::Checked checked;
  std::vector<bundle::RuleEntry> rules;
  std::string image;
  CallFilters calls;
};

std::vector<std::string> denials(const Replay& replay) {
  std::vector<std::string> out;
  for (const DeniedAct& act : replay.denied) out.push_back(act.node + " " + act.act + " " + act.object + " " + std::to_string(act.count));
  return out;
}
std::vector<std::string> unused(const Replay& replay) {
  std::vector<std::string> out;
  for (const UnusedRule& rule : replay.unused) out.push_back(rule.rule.kind + " " + rule.rule.pattern + (rule.words.empty() ? "" : " " + rule.words));
  return out;
}

class Recorded : public testing::TestWithParam<const char*> {};

TEST_P(Recorded, WhatWasLearnedFromIsAllowed) {
  const learn::Trace trace = trace_of(source("tests/fuzz/corpus/trace/" + std::string(GetParam()) + ".jsonl"));
  Diagnostics diagnostics;
  const auto learned = learn::learn({trace}, {.name = "test", .join = true, .image = {}}, diagnostics);
  ASSERT_TRUE(learned);
  const Built built(test::read(frontend::emit_profile(learned->policy)));
  const Replay replay = built.replay(trace);
  EXPECT_THAT(denials(replay), IsEmpty());
  EXPECT_EQ(replay.unreached, 0u);
  EXPECT_GT(replay.acts, 50u);
  EXPECT_TRUE(replay.complete);
  Built filtered(test::read(frontend::emit_profile(learned->policy)));
  if (!backends::seccomp::lists_calls(filtered.checked.policy)) return;
  const backends::seccomp::CallOptions everywhere;
  filtered.filter(&everywhere);
  EXPECT_THAT(denials(filtered.replay(trace)), IsEmpty());
  EXPECT_TRUE(filtered.replay(trace).complete);
}

// The golden draft was learned from longer starts of the same program.
TEST_P(Recorded, TheGoldenDraftAllowsItToo) {
  const std::string golden = source("tests/golden/learn/" + std::string(GetParam()) + ".txt");
  const Built built(test::read(golden.substr(0, golden.find("--- summary"))));
  EXPECT_THAT(denials(built.replay(trace_of(source("tests/fuzz/corpus/trace/" + std::string(GetParam()) + ".jsonl")))), IsEmpty());
}

TEST_P(Recorded, ByAnotherProgramsProfileItsStartIsDenied) {
  const std::string other = GetParam() == std::string("redis") ? "nginx" : "redis";
  const std::string golden = source("tests/golden/learn/" + other + ".txt");
  const Built built(test::read(golden.substr(0, golden.find("--- summary"))));
  const Replay replay = built.replay(trace_of(source("tests/fuzz/corpus/trace/" + std::string(GetParam()) + ".jsonl")));
  EXPECT_FALSE(replay.denied.empty());
  EXPECT_GT(replay.unreached, 0u);
}

INSTANTIATE_TEST_SUITE_P(Programs, Recorded, testing::Values("nginx", "redis", "postgres", "postgres-fresh", "app"), [](const auto& p) {
  std::string name = p.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

constexpr const char* kProfile = R"(treeline: 1
name: web
entry:
  - exec: /entry.sh
    interpreter: /bin/sh
    users: [0]
    files: {/etc/conf: read write}
    children:
      - exec: /usr/sbin/web
        users: [33]
        files: {'/var/log/*': write create, '{pipe}': read}
        network:
          - {direction: in, protocol: tcp, port: 80}
          - {direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 5432}
        sockets: [inet-stream, netlink]
        netlink: [route]
        capabilities: [chown]
        operations: [signal]
join:
  - {exec: /bin/probe, users: [0]}
)";

const std::string kStart = R"({"schema":1,"type":"trace","workload":"web","container":"c1","late":false}
{"type":"node","node":"0x0000000000000011","parent":"entry","exec":"/entry.sh","interpreter":"/bin/sh","count":1,"users":[0],"joined":false}
{"type":"node","node":"0x0000000000000012","parent":"0x0000000000000011","exec":"/usr/sbin/web","count":2,"users":[33],"joined":false}
)";
const std::string kEnd = R"({"type":"end","incomplete":false,"exit":0}
)";
std::string act(const std::string& fields) { return "{\"node\":\"0x0000000000000012\"," + fields + "}\n"; }

TEST(Replay, EveryKindOfActThatIsHeldIsAllowedAndUsed) {
  const Built built(test::read(kProfile));
  const Replay replay = built.replay(trace_of(
      kStart + act(R"("type":"file","access":["append"],"path":"/var/log/a","count":3)") + act(R"("type":"file","access":["read"],"path":"{pipe}")") +
      act(R"("type":"net","direction":"in","protocol":"tcp","address":"0.0.0.0","port":80)") +
      act(R"("type":"net","direction":"out","protocol":"tcp","address":"10.1.2.3","port":5432)") +
      act(R"("type":"capability","capability":"chown")") + act(R"("type":"operation","operation":"signal-descendant")") +
      act(R"("type":"socket","kind":"netlink","netlink":0)") + act(R"("type":"user","uid":33)") +
      R"({"type":"node","node":"0x0000000000000013","parent":"join","exec":"/bin/probe","count":1,"users":[0],"joined":true})" "\n" + kEnd));
  EXPECT_THAT(denials(replay), IsEmpty());
  EXPECT_THAT(unused(replay), ElementsAre("file /etc/conf read write", "file /var/log/* create", "socket inet-stream"));
}

TEST(Replay, WhatIsNotHeldIsDeniedWithItsCount) {
  const Built built(test::read(kProfile));
  const std::string web = "entry > /entry.sh (/bin/sh) > /usr/sbin/web";
  const Replay replay = built.replay(trace_of(
      kStart + act(R"("type":"file","access":["read","write"],"path":"/var/log/a","count":3)") + act(R"("type":"file","access":["read"],"path":"/etc/\\x2a")") +
      act(R"("type":"net","direction":"in","protocol":"tcp","address":"0.0.0.0","port":81)") +
      act(R"("type":"net","direction":"out","protocol":"udp","address":"2001:db8::1","port":53)") +
      act(R"("type":"capability","capability":"sys_admin")") + act(R"("type":"operation","operation":"ptrace")") +
      act(R"("type":"socket","kind":"netlink","netlink":4)") + act(R"("type":"user","uid":0)") +
      act(R"("type":"move","from":"/var/log/a","to":"/etc/conf")") + kEnd));
  EXPECT_THAT(denials(replay),
              ElementsAre(web + " capability sys_admin 1", web + " listen tcp:81 1", web + " move /var/log/a to /etc/conf 1",
                          web + " operation ptrace 1", web + " out udp:[2001:db8::1]:53 1", web + " read /etc/\\x2a 1", web + " read /var/log/a 3",
                          web + " socket netlink:sock-diag 1", web + " user 0 1"));
}

TEST(Replay, CountsStopAtTheMost) {
  const Built built(test::read(kProfile));
  const Replay replay = built.replay(trace_of(kStart + act(R"("type":"file","access":["read"],"path":"/x","count":18446744073709551615)") +
                                              act(R"("type":"file","access":["read"],"path":"/x","count":3)") + kEnd));
  EXPECT_THAT(denials(replay), ElementsAre("entry > /entry.sh (/bin/sh) > /usr/sbin/web read /x 18446744073709551615"));
}

TEST(Replay, OfOneFamilyOfOperationsTheNarrowestWasNeeded) {
  const std::string start = "{\"type\":\"trace\",\"schema\":1,\"workload\":\"web\"}\n{\"type\":\"node\",\"node\":\"0xa1\",\"parent\":\"entry\",\"exec\":\"/a\",\"users\":[7]}\n";
  const auto unneeded = [&](const std::string& held, const std::string& done) {
    const Built built(test::node("    operations: [" + held + "]\n"));
    return unused(built.replay(trace_of(start + "{\"type\":\"operation\",\"node\":\"0xa1\",\"operation\":\"" + done + "\"}\n{\"type\":\"end\"}\n")));
  };
  EXPECT_THAT(unneeded("ptrace, ptrace-descendant", "ptrace-descendant"), ElementsAre("operation ptrace"));
  EXPECT_THAT(unneeded("ptrace-workload, ptrace", "ptrace-descendant"), ElementsAre("operation ptrace"));
  EXPECT_THAT(unneeded("ptrace, ptrace-descendant", "ptrace-workload"), ElementsAre("operation ptrace-descendant"));
  EXPECT_THAT(unneeded("ptrace", "ptrace-descendant"), IsEmpty());
  EXPECT_THAT(unneeded("signal-workload, signal, tune", "signal-descendant"), ElementsAre("operation signal", "operation tune"));
}

TEST(Replay, BelowADeniedExecNothingIsJudged) {
  const Built built(test::read(kProfile));
  const Replay replay = built.replay(trace_of(
      kStart +
      R"({"type":"node","node":"0x0000000000000020","parent":"0x0000000000000012","exec":"/bin/sh","count":1,"users":[33],"joined":false})" "\n"
      R"({"type":"file","node":"0x0000000000000020","access":["read"],"path":"/etc/shadow"})" "\n" + kEnd));
  EXPECT_THAT(denials(replay), ElementsAre("entry > /entry.sh (/bin/sh) > /usr/sbin/web exec /bin/sh 1"));
  EXPECT_EQ(replay.unreached, 1u);
}

TEST(Replay, AnotherInterpreterIsDenied) {
  const Built built(test::read(kProfile));
  std::string start = kStart;
  start.replace(start.find("\"/bin/sh\""), 9, "\"/bin/bash\"");
  EXPECT_THAT(denials(built.replay(trace_of(start + kEnd))), ElementsAre("entry > /entry.sh (/bin/sh) interpret /bin/bash 1"));
}

learn::Trace calls_of_trace(const std::string& names, const std::string& architecture = "x86_64") {
  return trace_of(kStart + act(R"("type":"syscalls","arch":")" + architecture + R"(","names":[)" + names + "]") + kEnd);
}

TEST(Replay, WithoutAFilterOfListedCallsTheClosingFilterAloneJudgesCalls) {
  const Built built(test::read(kProfile));
  const Replay replay = built.replay(calls_of_trace(R"("read","ptrace","clone","clone3","modify_ldt")"));
  EXPECT_THAT(denials(replay), ElementsAre("entry > /entry.sh (/bin/sh) > /usr/sbin/web syscall modify_ldt 1"));
  EXPECT_EQ(replay.unjudged, 4u);
  EXPECT_TRUE(replay.complete);
}

// "openat": of the runtime. "clone3": ENOSYS, and clone instead. "socket", "ioctl": their kinds and operations are acts of the trace.
TEST(Replay, CallsThatTheFilterRefusesAreDeniedAtTheNodesLine) {
  Built built(test::read(kProfile + std::string("  - {exec: /bin/calls, users: [0], syscalls: [read, mount, socket, ioctl, seccomp]}\n")));  // of join: one filter for all
  const backends::seccomp::CallOptions everywhere;
  built.filter(&everywhere);
  const Replay replay = built.replay(calls_of_trace(R"("read","openat","mount","clone3","socket","ioctl","ptrace","io_uring_setup")"));
  const std::string web = "entry > /entry.sh (/bin/sh) > /usr/sbin/web syscall ";
  EXPECT_THAT(denials(replay), ElementsAre(web + "io_uring_setup 1", web + "ptrace 1"));
  EXPECT_EQ(replay.denied[0].position, (Position{9, 9}));
  EXPECT_EQ(replay.unjudged, 0u);
  EXPECT_TRUE(replay.complete);
}

TEST(Replay, CallsThatPassBySomeArgumentsAreUndecided) {
  Built built(test::read(kProfile + std::string("  - {exec: /bin/calls, users: [0], syscalls: [read, socket, connect, seccomp]}\n")));
  const backends::seccomp::CallOptions everywhere;
  built.filter(&everywhere);
  const Replay replay = built.replay(calls_of_trace(R"("read","seccomp")"));
  EXPECT_THAT(denials(replay), IsEmpty());
  EXPECT_THAT(replay.undecided, ElementsAre("seccomp"));
  EXPECT_EQ(replay.unjudged, 1u);
  EXPECT_FALSE(replay.complete);
  EXPECT_THAT(built.replay(calls_of_trace(R"("socketcall")", "i386")).undecided, ElementsAre("socketcall"));
}

TEST(Replay, OfAnArchitectureThatTheFilterDoesNotNameEachCallIsDenied) {
  Built built(test::read(kProfile + std::string("  - {exec: /bin/calls, users: [0], syscalls: [read]}\n")));
  const backends::seccomp::CallOptions native{{backends::seccomp::Architecture::kX86_64}};
  built.filter(&native);
  EXPECT_THAT(denials(built.replay(calls_of_trace(R"("read")"))), IsEmpty());
  EXPECT_THAT(denials(built.replay(calls_of_trace(R"("read")", "i386"))), ElementsAre(testing::EndsWith("syscall read 1")));
}

TEST(Replay, ATextThatIsNoFilterIsRefused) {
  for (const char* text : {"x", "[]", "{}", R"({"defaultAction":"SCMP_ACT_LOG","architectures":[],"syscalls":[]})",
                           R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":[],"syscalls":[{"names":[1],"action":"SCMP_ACT_ALLOW"}]})",
                           R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":[],"syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG"}]})"}) {
    EXPECT_FALSE(CallFilters::read("", text)) << text;
    EXPECT_FALSE(CallFilters::read(text, "")) << text;
  }
  EXPECT_TRUE(CallFilters::read("", ""));
}

// bpf/lsm/file.bpf.c asks for the same state behind both names.
TEST(Replay, ADirectoryIsMovedWhereTheSameIsAllowedBelowBothNames) {
  const std::string head = "{\"type\":\"trace\",\"schema\":1,\"workload\":\"web\"}\n{\"type\":\"node\",\"node\":\"0xa1\",\"parent\":\"entry\",\"exec\":\"/a\",\"users\":[7]}\n";
  const std::string move = "{\"type\":\"move\",\"node\":\"0xa1\",\"from\":\"/srv/new\",\"to\":\"/srv/old\"}\n{\"type\":\"end\"}\n";
  const std::string below = "{\"type\":\"file\",\"node\":\"0xa1\",\"path\":\"/srv/new/f\",\"access\":[\"write\",\"create\"]}\n";
  const std::string two = "    files:\n      /srv/new: delete rename-in mkdir\n      /srv/old: delete rename-in mkdir\n      /srv/new/**: read create write\n"
                          "      /srv/old/**: read create write setattr\n";
  const std::string one = "    files:\n      '/srv/{new,old}': delete rename-in mkdir\n      '/srv/{new,old}/**': read create write\n";
  EXPECT_THAT(denials(Built(test::node(two)).replay(trace_of(head + below + move))), ElementsAre("entry > /a move /srv/new to /srv/old 1"));
  EXPECT_THAT(denials(Built(test::node(two)).replay(trace_of(head + move))), IsEmpty());  // a file, for all that the trace says
  EXPECT_THAT(denials(Built(test::node(one)).replay(trace_of(head + below + move))), IsEmpty());
}

TEST(Replay, ATraceThatLacksActsIsNotComplete) {
  const Built built(test::node(""));
  const std::string node = "{\"type\":\"node\",\"node\":\"0xa1\",\"parent\":\"entry\",\"exec\":\"/a\",\"users\":[7]}\n", end = "{\"type\":\"end\"}\n";
  const std::string whole = "{\"type\":\"trace\",\"schema\":1,\"workload\":\"web\"}\n", late = "{\"type\":\"trace\",\"schema\":1,\"workload\":\"web\",\"late\":true}\n";
  EXPECT_TRUE(built.replay(trace_of(whole + node + end)).complete);
  EXPECT_FALSE(built.replay(trace_of(late + node + end)).complete);
  EXPECT_FALSE(built.replay(trace_of(whole + end)).complete);
  const Replay lossy = built.replay(trace_of(whole + node + "{\"type\":\"loss\",\"count\":100000}\n{\"type\":\"end\",\"incomplete\":true}\n"));
  EXPECT_FALSE(lossy.complete);
  EXPECT_EQ(lossy.lost, 100000u);
}

// Deeper than a profile can be written, or learned.
TEST(Replay, ActsOfAnyDepthAreJudged) {
  const Built built(test::read("treeline: 1\nname: test\nentry:\n  - exec: /bin/sh\n    id: s\n    users: [0]\n    children: [{exec: /bin/sh, back_to: s}]\n"));
  const auto key = [](size_t i) { return text::hex64(0x1000 + i); };
  for (const size_t depth : {size_t{3}, learn::kMaxTraceDepth, learn::kMaxTraceDepth + 1, size_t{500}}) {
    std::string trace = "{\"type\":\"trace\",\"schema\":1,\"workload\":\"web\"}\n";
    for (size_t i = 0; i < depth; ++i)
      trace += R"({"type":"node","node":")" + key(i) + R"(","parent":")" + (i == 0 ? "entry" : key(i - 1)) + R"(","exec":"/bin/sh","users":[0]})" "\n";
    trace += R"({"type":"file","node":")" + key(depth - 1) + R"(","access":["read"],"path":"/etc/shadow"})" "\n{\"type\":\"end\"}\n";
    const Replay replay = built.replay(trace_of(trace));
    EXPECT_THAT(denials(replay), ElementsAre("entry > /bin/sh read /etc/shadow 1")) << depth;
    EXPECT_TRUE(replay.complete);
  }
}

// What a trace has of an incoming rule is the own address, and of UDP that of somebody who was answered.
TEST(Replay, PeersThatTheProfileTellsApartAreNotKnown) {
  const auto replayed = [](const std::string& rule, const std::string& record) {
    const Built built(test::node("    sockets: [inet-stream]\n    network:\n      - {direction: in, " + rule + "}\n"));
    return built.replay(trace_of("{\"type\":\"trace\",\"schema\":1,\"workload\":\"web\"}\n{\"type\":\"node\",\"node\":\"0xa1\",\"parent\":\"entry\",\"exec\":\"/a\",\"users\":[7]}\n"
                                 "{\"type\":\"net\",\"node\":\"0xa1\",\"direction\":\"in\"," + record + "}\n{\"type\":\"end\"}\n"));
  };
  const std::string everywhere = R"("protocol":"tcp","address":"0.0.0.0","port":80)", of_both = R"("protocol":"tcp","address":"::","port":80)";
  const std::string here = R"("protocol":"tcp","address":"127.0.0.1","port":80)", answered = R"("protocol":"udp","address":"8.8.8.8","port":53)";
  for (const auto& [rule, record] : {std::pair(std::string("protocol: tcp, peer: 10.0.0.0/8, port: 80"), everywhere),
                                     std::pair(std::string("protocol: tcp, peer: localhost, port: 80"), everywhere),
                                     std::pair(std::string("protocol: tcp, peer: 0.0.0.0/0, port: 80"), of_both),
                                     std::pair(std::string("protocol: udp, peer: 10.0.0.0/8, port: 53"), answered)}) {
    const Replay replay = replayed(rule, record);
    EXPECT_THAT(denials(replay), IsEmpty()) << rule;
    EXPECT_FALSE(replay.complete) << rule;
    EXPECT_THAT(replay.unknown_peers, testing::SizeIs(1)) << rule;
  }
  for (const auto& [rule, record] : {std::pair(std::string("protocol: tcp, port: 80"), everywhere), std::pair(std::string("protocol: tcp, port: 80"), of_both),
                                     std::pair(std::string("protocol: tcp, peer: 0.0.0.0/0, port: 1-1024"), everywhere),
                                     std::pair(std::string("protocol: tcp, peer: localhost, port: 80"), here)}) {
    const Replay replay = replayed(rule, record);
    EXPECT_THAT(denials(replay), IsEmpty()) << rule;
    EXPECT_TRUE(replay.complete) << rule;
    EXPECT_THAT(unused(replay), testing::Each(testing::StartsWith("socket"))) << rule;
  }
}

TEST(Replay, AFileThatIsExecutedAloneIsJudged) {
  const Built built(test::node("    children: [{exec: /bin/b, users: [7]}]\n"));
  const std::string head = "{\"type\":\"trace\",\"schema\":1,\"workload\":\"web\"}\n{\"type\":\"node\",\"node\":\"0xa1\",\"parent\":\"entry\",\"exec\":\"/a\",\"users\":[7]}\n";
  const auto executes = [](const std::string& path) { return "{\"type\":\"file\",\"node\":\"0xa1\",\"access\":[\"execute\"],\"path\":\"" + path + "\"}\n{\"type\":\"end\"}\n"; };
  EXPECT_THAT(denials(built.replay(trace_of(head + executes("/bin/b")))), IsEmpty());
  EXPECT_THAT(denials(built.replay(trace_of(head + executes("/bin/c")))), ElementsAre("entry > /a execute /bin/c 1"));
}

}  // namespace
}  // namespace treeline::analysis
