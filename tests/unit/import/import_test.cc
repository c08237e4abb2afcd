// SPDX-License-Identifier: Apache-2.0
//
// source -> what the draft holds, and what must never come of a hostile or wide one.
#include "policy-compiler/import/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/import/flags.h"
#include "policy-compiler/import/glob.h"
#include "policy-compiler/import/strace_line.h"
#include "policy-compiler/passes/evaluate.h"
#include "tests/unit/import/taken.h"

namespace treeline::import_ {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> patterns(std::string_view glob) {
  std::vector<std::string> out;
  for (const Translated& one : translate_glob(glob, {}, Meant::kGranted).patterns) out.push_back(one.pattern);
  return out;
}

TEST(Glob, OfAppArmor_Translated_MatchesNoMoreThanItDid) {
  EXPECT_THAT(patterns("/a/*"), ElementsAre("/a/*"));
  EXPECT_THAT(patterns("/a/**"), ElementsAre("/a/**"));
  EXPECT_THAT(patterns("/a/**/b"), ElementsAre("/a/*/**/b"));  // "//" is no path: one name at least
  EXPECT_THAT(patterns("/a/**.so*"), ElementsAre("/a/**/*.so*"));
  EXPECT_THAT(patterns("/a/lib**"), ElementsAre("/a/lib*", "/a/lib*/**"));
  EXPECT_THAT(patterns("/{usr/,}bin/[^a-c]?"), ElementsAre("/usr/bin/[!a-c]?", "/bin/[!a-c]?"));
  EXPECT_THAT(patterns("/proc/self/stat"), ElementsAre("/proc/{own}/stat"));
  EXPECT_THAT(patterns("/proc/[0-9]*/stat"), ElementsAre("/proc/{own}/stat"));
  EXPECT_THAT(patterns("/a\\*b"), ElementsAre("/a\\x2ab"));
  EXPECT_THAT(patterns("/[!a][^!a]"), ElementsAre("/[\\!a][!!a]"));  // '!' inverts nothing there
}

TEST(Glob, ThatCannotBeSaid_Translated_IsAProblemAndNoPattern) {
  for (const char* glob : {"", "a", "/a**b", "/a**/b", "/a/**x**", "/a[/]b", "/a{b", "/@{HOME}/x", "/[", "/\\"}) {
    const Translation translated = translate_glob(glob, {}, Meant::kGranted);
    EXPECT_NE(translated.problem, "") << glob;
    EXPECT_TRUE(translated.patterns.empty()) << glob;
  }
}

TEST(Glob, ThatUnfoldsWithoutEnd_Translated_IsRefused) {
  std::string many = "/";
  for (int i = 0; i < 12; ++i) many += "{a,b,c,d}";
  EXPECT_NE(translate_glob(many, {}, Meant::kGranted).problem, "");
  EXPECT_NE(translate_glob("/" + std::string(3000, '{'), {}, Meant::kGranted).problem, "");
  EXPECT_NE(translate_glob("@{A}", {{"A", {"/@{A}@{A}"}}}, Meant::kGranted).problem, "");
}

TEST(OpenFlags, AsNames_AreTheWordsOfTheLanguage) {
  EXPECT_EQ(open_flags("O_RDONLY|O_CLOEXEC").access, TL_READ);
  EXPECT_EQ(open_flags("O_RDONLY|O_DIRECTORY").access, TL_LIST);
  EXPECT_EQ(open_flags("O_WRONLY|O_CREAT|O_APPEND, 0644").access, TL_APPEND | TL_CREATE);
  EXPECT_EQ(open_flags("O_RDWR|O_TRUNC").access, TL_READ | TL_WRITE);
  EXPECT_EQ(open_flags("O_RDONLY|O_PATH").access, 0);
  EXPECT_FALSE(open_flags("0x241").known);
}

TEST(StraceLine, OfEveryOption_Read_IsTheSameCall) {
  for (const char* text : {"close(3) = 0", "12 close(3) = 0", "[pid 12] close(3) = 0", "12:00:01 close(3) = 0",
                           "12 12:00:01.000123 close(3) = 0", "1700000000.000123 close(3) = 0",
                           "     0.000123 close(3) = 0 <0.000011>", "[pid    12] 0.1 close(3)   = 0\r"}) {
    const Line line = read_line(text);
    EXPECT_EQ(line.kind, Line::Kind::kCall) << text;
    EXPECT_EQ(line.name, "close") << text;
    const Call call = read_call(line.rest);
    EXPECT_TRUE(call.complete) << text;
    EXPECT_THAT(call.arguments, ElementsAre("3")) << text;
  }
}

TEST(StraceLine, ArgumentsThatHoldSigns_Read_StayWhole) {
  const Call call =
      read_call(R"(3<TCP:[10.0.0.1:80->10.0.0.2:9]>, "a, \"b)\"", [{x=1, y="}"}], 0 /* none */) = 5</tmp/a (b)>)");
  ASSERT_EQ(call.arguments.size(), 4u);
  EXPECT_EQ(call.arguments[0], "3<TCP:[10.0.0.1:80->10.0.0.2:9]>");
  EXPECT_EQ(quoted(call.arguments[1])->bytes, "a, \"b)\"");
  EXPECT_EQ(call.result_path.value_or(""), "/tmp/a (b)");
}

TEST(StraceLine, DevicesOfYy_Read_AreNamedWithoutTheirNumbers) {
  for (const auto& [shown, name] : {std::pair("</dev/null<char 1:3>>", "/dev/null"), std::pair("</dev/sda<block 8:0>>", "/dev/sda"),
                                    std::pair("</dev/pts/0<char 136:0>>", "/dev/pts/0"), std::pair("</srv/a\\74char 1:3\\76>", "/srv/a<char 1:3>"),
                                    std::pair("<TCP:[10.0.0.1:80->10.0.0.2:9]>", "TCP:[10.0.0.1:80->10.0.0.2:9]"), std::pair("<pipe:[7]>", "pipe:[7]")}) {
    const std::string text = std::string("3") + shown + ", \"x\", O_RDONLY) = 4" + shown;
    const Call call = read_call(text);
    ASSERT_EQ(call.arguments.size(), 3u) << shown;
    EXPECT_EQ(descriptor(call.arguments[0])->path.value_or(""), name);
    EXPECT_EQ(call.result_path.value_or(""), name);
  }
}

TEST(Strace, CutName_Imported_IsNoRule) {
  const Outcome out = take("1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 openat(AT_FDCWD, \"/etc/sha\"..., O_RDONLY) = 3\n");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.imported->policy.nodes[0].files.empty());
  EXPECT_TRUE(out.says("not-carried", 2));
}

TEST(Strace, CallThatFailed_Imported_IsNoRule) {
  const Outcome out = take(
      "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 open(\"/etc/shadow\", O_RDONLY) = -1 EACCES (Permission denied)\n"
      "1 execve(\"/b\", [\"b\"], 0x1) = -1 ENOENT (No such file or directory)\n");
  ASSERT_TRUE(out.imported);
  EXPECT_EQ(out.imported->policy.nodes.size(), 1u);
  EXPECT_TRUE(out.imported->policy.nodes[0].files.empty());
}

TEST(Strace, LinesOfAChildBeforeItsParentReturns_Imported_AreTheChilds) {
  const Outcome out = take(
      "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 clone(flags=SIGCHLD <unfinished ...>\n2 execve(\"/b\", [\"b\"], 0x1) = 0\n"
      "2 open(\"/f\", O_RDONLY) = 3\n1 <... clone resumed>) = 2\n");
  ASSERT_TRUE(out.imported);
  ASSERT_EQ(out.imported->policy.nodes.size(), 2u);
  EXPECT_EQ(out.imported->policy.nodes[1].parent, 0u);
  EXPECT_EQ(out.imported->policy.nodes[1].files[0].path.text, "/f");
}

TEST(Strace, DescriptorsLeftOpen_AtExec_AreRightsOfTheNext) {
  const Outcome out = take(
      "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 pipe2([3, 4], 0) = 0\n1 open(\"/log\", O_WRONLY|O_APPEND) = 5\n"
      "1 open(\"/own\", O_RDONLY|O_CLOEXEC) = 6\n1 execve(\"/b\", [\"b\"], 0x1) = 0\n");
  ASSERT_TRUE(out.imported);
  const std::string text = out.profile();
  EXPECT_THAT(text.substr(text.find("exec: /b")), HasSubstr("/log: append"));
  EXPECT_THAT(text.substr(text.find("exec: /b")), HasSubstr("'{pipe}': read write"));
  EXPECT_THAT(text.substr(text.find("exec: /b")), Not(HasSubstr("/own")));
}

TEST(KubeArmor, AllowThatMeetsABlock_Imported_IsLeftOut) {
  const Outcome out = take(
      "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata: {name: x}\nspec:\n"
      "  process: {matchPaths: [{path: /a}]}\n"
      "  file:\n    matchPatterns: [{pattern: '/etc/*.conf'}, {pattern: '/etc/s[a-h]*', action: Block}, {pattern: "
      "'/var/*'}]\n"
      "  action: Allow\n");
  ASSERT_TRUE(out.imported);
  passes::Evaluator evaluator(out.imported->policy);
  EXPECT_FALSE(evaluator.access(TL_ROW_FIRST, passes::Object::at("/etc/shadow.conf"), TL_READ).allowed);
  EXPECT_FALSE(evaluator.access(TL_ROW_FIRST, passes::Object::at("/etc/a.conf"), TL_READ).allowed);
  EXPECT_TRUE(evaluator.access(TL_ROW_FIRST, passes::Object::at("/var/x"), TL_READ | TL_WRITE).allowed);
  EXPECT_TRUE(out.says("not-carried", 7));
}

TEST(KubeArmor, ThreePrograms_Imported_MayStartEachOtherInEveryOrder) {
  const Outcome out = take(
      "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nspec:\n"
      "  process: {matchPaths: [{path: /a}, {path: /b}, {path: /c}]}\n  action: Allow\n");
  ASSERT_TRUE(out.imported);
  EXPECT_EQ(out.imported->policy.nodes.size(), 15u);
  for (const ir::Node& node : out.imported->policy.nodes) EXPECT_EQ(node.children.size() + node.back_edges.size(), 3u);
}

TEST(Seccomp, ListOfRefusals_Imported_IsRefused) {
  Options options;
  options.programs = {"/a"};
  const Outcome out = take(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []})", options);
  EXPECT_FALSE(out.imported);
  EXPECT_TRUE(out.says("import-format"));
}

TEST(Seccomp, WithoutAProgram_Imported_AsksForOne) {
  const Outcome out =
      take(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})");
  EXPECT_FALSE(out.imported);
  EXPECT_TRUE(out.says("no-program"));
}

TEST(AppArmor, DenyOfAGlobThatCannotBeSaid_Imported_LeavesNoGrantItMayMeet) {
  const Outcome out = take("/usr/bin/a {\n  /etc/** r,\n  deny /etc/x**y r,\n}\n");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.imported->policy.nodes[0].files.empty());
}

// apparmor.d(5): a denial holds wherever it stands.
TEST(AppArmor, DenialsBeforeAndBehindTheGrants_Imported_TakeThemAway) {
  const std::string denials =
      "  deny network inet stream,\n  deny userns,\n  deny capability,\n  deny /etc/** w,\n  deny /tmp/[!a] r,\n";
  const std::string grants =
      "  network inet stream,\n  userns,\n  capability net_admin,\n  /etc/foo rw,\n  /tmp/a r,\n  /tmp/b r,\n";
  for (const std::string& rules : {denials + grants, grants + denials}) {
    const Outcome out = take("/usr/bin/x {\n" + rules + "}\n");
    ASSERT_TRUE(out.imported);
    const ir::Node& node = out.imported->policy.nodes[0];
    EXPECT_TRUE(node.network.empty() && node.sockets.empty());
    EXPECT_TRUE(node.operations.empty() && node.capabilities.empty());
    ASSERT_EQ(node.files.size(), 2u) << out.profile();
    EXPECT_EQ(node.files[0].access, TL_READ);  // not to be connected to either
    EXPECT_EQ(node.files[1].path.text, "/tmp/b");
    size_t lost = 0;
    for (const Diagnostic& d : out.findings.list()) lost += d.code == "not-carried";
    EXPECT_EQ(lost, 5u);
  }
}

TEST(AppArmor, DenialOfEverything_Imported_LeavesNothing) {
  for (const char* denial : {"deny file,", "deny all,"}) {
    const Outcome out = take("/usr/bin/x {\n  /etc/** rw,\n  /bin/b ix,\n" + std::string(denial) + "\n}\n");
    ASSERT_TRUE(out.imported);
    EXPECT_TRUE(out.imported->policy.nodes.empty() || out.imported->policy.nodes[0].files.empty()) << out.profile();
  }
}

// No wildcard of the language crosses {own}; the source's do.
TEST(AppArmor, DenialAboveOwnFilesOfProc_Imported_TakesThemAway) {
  const char* denials[] = {"deny @{PROC}/** w,", "deny /** w,",         "deny /proc/[0-9]*/** w,",
                           "deny @{HOME}/y w,",  "deny /proc/1/mem w,", "deny file,"};
  for (const char* denial : denials) {
    const Outcome out =
        take("profile web /usr/sbin/web {\n  @{PROC}/@{pid}/mem rw,\n  /srv/a rw,\n  " + std::string(denial) + "\n}\n");
    ASSERT_TRUE(out.imported) << denial;
    for (const ir::FileRule& rule : out.imported->policy.nodes[0].files)
      EXPECT_TRUE(rule.path.text != "/proc/{own}/mem" || (rule.access & TL_WRITE) == 0) << denial << "\n"
                                                                                        << out.profile();
    EXPECT_TRUE(out.says("not-carried", 2)) << denial;
  }
  EXPECT_THAT(take("profile web /usr/sbin/web {\n  @{PROC}/@{pid}/mem rw,\n  deny /proc/sys/** w,\n}\n").profile(),
              HasSubstr("/proc/{own}/mem: read write"));
}

TEST(KubeArmor, BlockOfADirectoryOfProc_Imported_TakesOwnFilesAway) {
  const Outcome out = take(
      "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata: {name: x}\nspec:\n"
      "  process: {matchPaths: [{path: /a}]}\n"
      "  file:\n    matchPatterns: [{pattern: '/proc/*/environ'}, {pattern: '/var/*'}]\n"
      "    matchDirectories: [{dir: /proc/, recursive: true, action: Block}]\n  action: Allow\n");
  ASSERT_TRUE(out.imported);
  EXPECT_THAT(out.profile(), Not(HasSubstr("environ")));
  EXPECT_THAT(out.profile(), HasSubstr("/var/*"));
  EXPECT_TRUE(out.says("not-carried", 7));
}

TEST(AppArmor, NetworkOfOneFamily_Imported_IsWithPeersOfIt) {
  const auto network = [](const std::string& rules) { return take("profile p /bin/a {\n" + rules + "}\n"); };
  const Outcome four = network("  network inet stream,\n");
  EXPECT_THAT(four.profile(), HasSubstr("protocol: tcp, peer: 0.0.0.0/0"));
  EXPECT_THAT(four.profile(), Not(HasSubstr("any, port")));
  EXPECT_TRUE(four.says("import-question", 2));
  EXPECT_THAT(network("  network inet6 dgram,\n").profile(), HasSubstr("protocol: udp, peer: '::/0'"));
  EXPECT_THAT(network("  network inet icmp,\n").profile(), HasSubstr("protocol: icmp, peer: 0.0.0.0/0"));
  EXPECT_THAT(network("  network tcp,\n").profile(), HasSubstr("protocol: tcp, peer: any"));
}

TEST(AppArmor, LinkToCertainFiles_Imported_IsNoLinkToAny) {
  const Outcome out = take("profile p /bin/a {\n  /foo rwl -> /bar,\n  /baz rwl,\n}\n");
  EXPECT_TRUE(out.says("not-carried", 2));
  ASSERT_EQ(out.imported->policy.nodes[0].files.size(), 2u);
  EXPECT_EQ(out.imported->policy.nodes[0].files[0].access & TL_LINK, TL_LINK) << "/baz";
  EXPECT_EQ(out.imported->policy.nodes[0].files[1].access & TL_LINK, 0) << "/foo";
}

TEST(Seccomp, ArchitecturesAndCallsThatAreAskedFor_Imported_AreSaid) {
  Options options;
  options.programs = {"/a"};
  const Outcome out = take(R"({"defaultAction": "SCMP_ACT_ERRNO",
 "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"], "syscalls": [
 {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
 {"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]})",
                           options);
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.says("import-question", 2));
  EXPECT_TRUE(out.says("not-carried", 4));
  std::string remedies;
  for (const Diagnostic& d : out.findings.list()) remedies += d.remedy + "\n";
  EXPECT_THAT(remedies, HasSubstr("--seccomp-arch x86_64,x32\n"));
}

// Each runtime then hands libseccomp none, and its default is the machine's own (seccomp_init(3)).
TEST(Seccomp, NoArchitecture_Imported_IsTheMachinesOwnAndSaid) {
  Options options;
  options.programs = {"/a"};
  const std::string calls = R"("syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})";
  EXPECT_TRUE(take("\n{\"defaultAction\": \"SCMP_ACT_ERRNO\", " + calls, options).says("import-question", 2));
  EXPECT_TRUE(take("\n{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"architectures\": [], " + calls, options).says("import-question", 2));
  const std::string all = R"("architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"], )";
  EXPECT_FALSE(take("{\"defaultAction\": \"SCMP_ACT_ERRNO\", " + all + calls, options).says("import-question"));
}

TEST(Kubescape, NeighbourWithoutAPortAndAFilterOfItsOwn_Imported_AreListed) {
  const std::string head =
      "apiVersion: spdx.softwarecomposition.kubescape.io/v1beta1\nkind: ContainerProfile\nmetadata: {name: x}\nspec:\n "
      " execs: [{path: /a}]\n";
  const Outcome out = take(head +
                           "  egress:\n    - {ipAddress: 10.0.0.1, ports: []}\n    - {ipAddress: 10.0.0.2}\n    - "
                           "{type: external, ports: [{protocol: TCP, port: 1}]}\n"
                           "    - {ipAddress: '', dnsNames: [a.example], ports: [{protocol: TCP, port: 1}]}\n"
                           "  seccompProfile: {spec: {defaultAction: SCMP_ACT_ERRNO, syscalls: []}}\n");
  ASSERT_TRUE(out.imported);
  for (const uint32_t line : {7u, 8u, 9u, 10u, 11u}) EXPECT_TRUE(out.says("not-carried", line)) << line;
  EXPECT_FALSE(take(head + "  seccompProfile: {spec: {defaultAction: ''}}\n").says("not-carried"))
      << "as a server fills it in";
}

TEST(Strace, NumberBelowOwnProc_Imported_IsAnyAndSaid) {
  const Outcome out =
      take("1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 openat(AT_FDCWD, \"/proc/self/fd/3\", O_RDONLY) = 4\n");
  ASSERT_TRUE(out.imported);
  EXPECT_EQ(out.imported->policy.nodes[0].files[0].path.text, "/proc/{own}/fd/{digits}");
  EXPECT_TRUE(out.says("import-question", 2));
}

// apparmor.d(5) of AppArmor 4: with whom a socket may talk; and of 4.1: which rule comes before which.
TEST(AppArmor, NetworkRuleWithAddresses_Imported_GrantsNoSocketForAll) {
  for (const char* rule : {"network inet stream ip=127.0.0.1 peer=(ip=10.139.15.23 port=80),", "network tcp port=80,", "network inet peer=(ip=10.0.0.1),"}) {
    const Outcome o = take("profile p /bin/a {\n  " + std::string(rule) + "\n}\n");
    EXPECT_TRUE(o.says("not-carried", 2)) << rule;
    EXPECT_THAT(o.profile(), Not(HasSubstr("network"))) << rule;
    EXPECT_THAT(o.profile(), Not(HasSubstr("sockets"))) << rule;
  }
  EXPECT_THAT(take("profile p /bin/a {\n  network inet stream,\n}\n").profile(), HasSubstr("inet-stream"));
}

TEST(AppArmor, RuleWithAPriority_Imported_LeavesNothingThatItComesBefore) {
  const Outcome o = take("profile p /bin/a {\n  priority=1 /srv/p r,\n  /srv/p rw,\n  /srv/q rw,\n  priority=2 network inet stream,\n}\n");
  EXPECT_TRUE(o.says("not-carried", 2));
  EXPECT_TRUE(o.says("not-carried", 5));
  EXPECT_THAT(o.profile(), Not(HasSubstr("/srv/p")));
  EXPECT_THAT(o.profile(), HasSubstr("/srv/q"));
  EXPECT_THAT(o.profile(), Not(HasSubstr("inet-stream")));
}

TEST(AppArmor, Includes_Imported_AreSaidToDenyToo) {
  const Outcome out = take("/usr/bin/x {\n  include <abstractions/private-files-strict>\n  /home/** rw,\n}\n");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.says("not-carried", 2));
  EXPECT_THAT(out.findings.list()[0].message, HasSubstr("what they deny, the draft may allow"));
}

TEST(Seccomp, RefusalOfSomeArguments_Imported_TakesTheCallAway) {
  Options options;
  options.programs = {"/a"};
  const Outcome out = take(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
 {"names": ["read", "kill", "socket", "write"], "action": "SCMP_ACT_ALLOW"},
 {"names": ["kill", "socket"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 9, "op": "SCMP_CMP_EQ"}]},
 {"names": ["write"], "action": "SCMP_ACT_LATER"}]})",
                           options);
  ASSERT_TRUE(out.imported);
  std::vector<std::string> names;
  for (const ir::SyscallRule& rule : out.imported->policy.nodes[0].syscalls) names.push_back(rule.name);
  EXPECT_THAT(names, ElementsAre("read", "socket"));  // families of sockets are held by 'sockets'
  EXPECT_TRUE(out.says("not-carried", 3));
}

TEST(KubeArmor, Blocks_Imported_LeaveNoSocketCapabilityOrProgramThatTheyMayMean) {
  const auto blocking = [](const std::string& block) {
    return take(
        "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nspec:\n  action: Allow\n"
        "  process: {matchDirectories: [{dir: /usr/bin/, recursive: true}], matchPaths: [{path: /a}]}\n"
        "  network: {matchProtocols: [{protocol: TCP}, {protocol: raw}]}\n"
        "  capabilities: {matchCapabilities: [{capability: net_raw}, {capability: chown}]}\n---\n"
        "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nspec:\n  action: Block\n" +
        block);
  };
  const auto node = [](const Outcome& out) { return out.imported ? out.imported->policy.nodes[0] : ir::Node{}; };
  const Outcome raw = blocking("  network: {matchProtocols: [{protocol: RAW}]}\n");
  ASSERT_EQ(node(raw).sockets.size(), 1u);
  EXPECT_EQ(node(raw).sockets[0].value, TL_SOCK_INET_STREAM);
  EXPECT_EQ(node(raw).network.size(), 2u);
  EXPECT_TRUE(raw.says("not-carried", 13));
  const Outcome any = blocking("  network: {matchProtocols: [{protocol: all, fromSource: [{path: /b}]}]}\n");
  EXPECT_TRUE(node(any).sockets.empty() && node(any).network.empty());
  EXPECT_EQ(any.profile().find("exec: /b"), std::string::npos);  // who is blocked is no program of the draft
  EXPECT_TRUE(node(blocking("  capabilities: {matchCapabilities: [{capability: all}]}\n")).capabilities.empty());
  const Outcome curl = blocking("  process: {matchPaths: [{execname: curl}]}\n");
  EXPECT_EQ(curl.profile().find("/usr/bin"), std::string::npos);
  EXPECT_THAT(curl.profile(), HasSubstr("exec: /a"));
  EXPECT_EQ(blocking("  process: {matchPaths: [{path: /a, fromSource: [{dir: /x/}]}]}\n").profile().find("exec: /a\n"),
            std::string::npos);
}

TEST(Strace, NamesAfterAChroot_Imported_AreNotTheContainers) {
  const Outcome out = take(
      "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 open(\"/etc/hosts\", O_RDONLY) = 3\n1 chroot(\"/var/empty\") = 0\n"
      "1 open(\"/etc/shadow\", O_RDONLY) = 4\n1 unlink(\"/etc/cron.d/x\") = 0\n1 chdir(\"/etc\") = 0\n"
      "1 open(\"passwd\", O_RDONLY) = 5\n1 openat(AT_FDCWD, \"/x\", O_RDONLY) = 6</var/empty/x>\n"
      "1 connect(7, {sa_family=AF_UNIX, sun_path=\"/run/s\"}, 110) = 0\n");
  ASSERT_TRUE(out.imported);
  std::vector<std::string> files;
  for (const ir::FileRule& rule : out.imported->policy.nodes[0].files) files.push_back(rule.path.text);
  EXPECT_THAT(files, ElementsAre("/etc/hosts", "/var/empty/x"));
  EXPECT_TRUE(out.says("not-carried", 4));
}

// openat2(2): an absolute name starts at the directory as well.
TEST(Strace, NamesBelowADirectoryAsRoot_Imported_AreNotFromTheRoot) {
  const std::string start = "1 execve(\"/bin/a\", [\"a\"], 0x1 /* 0 vars */) = 0\n1 openat(AT_FDCWD, \"/var/empty\", O_RDONLY|O_DIRECTORY) = 3\n";
  const Outcome o = take(start + "1 openat2(3, \"/etc/shadow\", {flags=O_RDWR, resolve=RESOLVE_IN_ROOT}, 24) = 4\n");
  EXPECT_TRUE(o.says("not-carried", 3));
  EXPECT_THAT(o.profile(), Not(HasSubstr("shadow")));
  EXPECT_THAT(take(start + "1 openat2(3, \"/etc/hosts\", {flags=O_RDONLY, resolve=RESOLVE_BENEATH}, 24) = 4\n").profile(), HasSubstr("/etc/hosts"));
}

TEST(Strace, TimesOfFiles_Imported_AreNoRightAndSaid) {
  const Outcome out = take(
      "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 utimensat(AT_FDCWD, \"/f\", NULL, 0) = 0\n1 utime(\"/g\", NULL) = 0\n"
      "1 chmod(\"/h\", 0600) = 0\n");
  ASSERT_TRUE(out.imported);
  ASSERT_EQ(out.imported->policy.nodes[0].files.size(), 1u);
  EXPECT_EQ(out.imported->policy.nodes[0].files[0].path.text, "/h");
  EXPECT_TRUE(out.says("not-carried", 2));
}

TEST(Strace, ThreadsThatShareTheirDirectory_Imported_ShareIt) {
  const auto file = [](const std::string& flags) {
    const Outcome out =
        take("1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 chdir(\"/srv\") = 0\n1 clone(child_stack=0x1, flags=" + flags +
             ") = 2\n2 chdir(\"/etc\") = 0\n1 open(\"passwd\", O_RDONLY) = 3\n");
    return out.imported ? out.imported->policy.nodes[0].files[0].path.text : "";
  };
  EXPECT_EQ(file("CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD"), "/etc/passwd");
  EXPECT_EQ(file("CLONE_VM|CLONE_FILES"), "/srv/passwd");
  EXPECT_EQ(file("CLONE_FS|CLONE_CHILD_SETTID|SIGCHLD"), "/etc/passwd");
}

TEST(AnyFormat, HostileText_Imported_EndsWithADiagnosticAndNoDraft) {
  const std::string deep = std::string(100'000, '[');
  for (const std::string& text :
       {std::string(), std::string("\0\0", 2), deep, "apiVersion: security.kubearmor.com/v1\nspec: " + deep,
        std::string("/a {"), std::string("profile x {{{{"), std::string("/a { \"x r,"), std::string("kind: [")}) {
    for (const char* format :
         {"", "kubearmor", "kubescape", "spo-seccomp", "spo-apparmor", "docker-seccomp", "apparmor", "strace"}) {
      Options options;
      options.format = find_format(format);
      const Outcome out = take(text, options);
      EXPECT_FALSE(out.imported) << format;
      EXPECT_TRUE(out.findings.has_errors()) << format << ": " << text.substr(0, 40);
    }
  }
}

TEST(AnyFormat, BlocksInsideOneAnother_Imported_AreBounded) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "profile p {\n";
  Options options;
  options.format = Format::kAppArmor;
  EXPECT_TRUE(take(text, options).says("import-syntax"));
}

TEST(AnyFormat, UnknownField_Imported_IsANote) {
  const Outcome out = take(
      "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nspec:\n  process: {matchPaths: [{path: /a}]}\n  "
      "later: 1\n  action: Allow\n");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.says("unknown-field", 5));
}

}  // namespace
}  // namespace treeline::import_
