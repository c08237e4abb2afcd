// SPDX-License-Identifier: Apache-2.0
//
// Fields by the names that they have in the published definitions; what limits a grant, and what is left out, is listed with its line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/import/denials.h"
#include "policy-compiler/import/meetings.h"
#include "policy-compiler/passes/evaluate.h"
#include "policy-compiler/passes/pattern.h"
#include "tests/unit/import/taken.h"

namespace treeline::import_ {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// api/apparmorprofile/*/apparmorprofile_types.go of the Security Profiles Operator.
const char* const kSpoHead =
    "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: AppArmorProfile\nmetadata: {name: x}\nspec:\n"
    "  abstract:\n    executable: {allowedExecutables: [/a]}\n";

TEST(SpoAppArmor, AllowedProtocols_Imported_AreGranted) {
  const Outcome out = take(std::string(kSpoHead) +
                           "    network: {allowRaw: false, allowedProtocols: {allowTcp: true, allowUdp: true}}\n");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.findings.list().empty());
  EXPECT_EQ(out.imported->policy.nodes[0].network.size(), 4u);
  EXPECT_THAT(out.profile(), HasSubstr("sockets: [inet-stream, inet-dgram]"));
  EXPECT_EQ(
      take(std::string(kSpoHead) + "    network: {allowedProtocols: {allowTcp: false}}\n").profile().find("network"),
      std::string::npos);
}

TEST(SpoAppArmor, Ptrace_Imported_IsListedByItsName) {
  const Outcome out = take(std::string(kSpoHead) +
                           "    filesystem: {readOnlyPaths: ['ptrace (read),', 'ptrace(trace), # x']}\n"
                           "    ptrace: {allowedAccess: [read], peer: x}\n");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.says("not-carried", 7));
  EXPECT_TRUE(out.says("not-carried", 8));
  EXPECT_FALSE(out.says("unknown-field"));
  for (const Diagnostic& d : out.findings.list()) {
    EXPECT_THAT(d.message, HasSubstr("relations of processes"));
    EXPECT_THAT(d.remedy, HasSubstr("ptrace-descendant"));
  }
  EXPECT_TRUE(out.imported->policy.nodes[0].operations.empty());
}

// The operator writes a denial for each path of the two lists; in complain mode it writes none.
TEST(SpoAppArmor, PathsThatAreOnlyRead_Imported_AreNotWrittenByAnotherList) {
  const auto files = [](const std::string& mode, const std::string& only) {
    const Outcome out = take(std::string(kSpoHead) + "    filesystem:\n      " + only +
                             "\n      readWritePaths: [/etc/a/state, /srv/b]\n  mode: " + mode + "\n");
    return out.profile();
  };
  const std::string read = files("Enforce", "readOnlyPaths: ['/etc/a/**']");
  EXPECT_THAT(read, HasSubstr("/etc/a/state: read\n"));
  EXPECT_THAT(read, HasSubstr("/srv/b: read write"));
  EXPECT_THAT(files("Enforce", "writeOnlyPaths: ['/etc/a/*']"), HasSubstr("/etc/a/state: write"));
  EXPECT_THAT(files("Enforce", "readOnlyPaths: ['/x/a**b**c']"), Not(HasSubstr("write")));
  EXPECT_THAT(files("Complain", "readOnlyPaths: ['/etc/a/**']"), HasSubstr("/etc/a/state: read write"));
}

TEST(Kubescape, WhatStandsBesideARule_Imported_IsListed) {
  const Outcome out = take(
      "apiVersion: spdx.softwarecomposition.kubescape.io/v1beta1\nkind: ContainerProfile\nspec:\n"
      "  matchLabels: {app: web}\n"
      "  execs: [{path: /a}, {path: /b, args: [/b, -c], argsRequired: true}]\n"
      "  rulePolicies: {R0001: {processAllowed: [sh]}}\n"
      "  identifiedCallStacks: [{callID: open}]\n"
      "  egress:\n"
      "    - {ipAddress: 10.0.0.1, dnsNames: [a.example.], ports: [{protocol: TCP, port: 1}]}\n"
      "    - {ipAddress: 10.0.0.2, dnsNames: null, dns: b.example., ports: [{protocol: TCP, port: 1}]}\n");
  ASSERT_TRUE(out.imported);
  for (const uint32_t line : {4u, 5u, 6u, 7u, 9u, 10u}) EXPECT_TRUE(out.says("not-carried", line)) << line;
  EXPECT_FALSE(out.says("unknown-field"));
  EXPECT_EQ(out.imported->policy.nodes.size(), 1u) << "/b is for certain arguments";
  EXPECT_EQ(out.imported->policy.nodes[0].network.size(), 2u);
  EXPECT_FALSE(take("apiVersion: spdx.softwarecomposition.kubescape.io/v1beta1\nkind: ContainerProfile\nspec:\n"
                    "  execs: [{path: /a}]\n  rulePolicies: {R0001: {}}\n  identifiedCallStacks: null\n"
                    "  egress: [{ipAddress: 10.0.0.1, dns: '', dnsNames: [], ports: [{protocol: TCP, port: 1}]}]\n")
                   .says("not-carried"))
      << "as a server fills it in";
}

TEST(KubeArmor, ForWhomAPolicyIs_Imported_IsListed) {
  const auto policy = [](const std::string& kind, const std::string& spec) {
    return take("apiVersion: security.kubearmor.com/v1\nkind: " + kind + "\nspec:\n  action: Allow\n" + spec +
                "  process: {matchPaths: [{path: /a}]}\n");
  };
  EXPECT_TRUE(policy("KubeArmorPolicy", "  selector: {matchLabels: {app: web}}\n").says("not-carried", 5));
  EXPECT_FALSE(policy("KubeArmorPolicy", "").says("not-carried"));
  const Outcome host = policy("KubeArmorHostPolicy", "  nodeSelector: {matchLabels: {a: b}}\n");
  EXPECT_TRUE(host.imported);
  EXPECT_TRUE(host.says("not-carried", 2));
  EXPECT_TRUE(host.says("not-carried", 5));
}

// kubearmorpolicy_types.go: fields that limit a grant.
TEST(KubeArmor, GrantsUnderACondition_Imported_AreLeftOutAndListed) {
  const Outcome out = take(
      "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nspec:\n  action: Allow\n  process:\n    "
      "matchPaths:\n"
      "      - {path: /a, pts: true}\n      - {path: /b, allowedArgs: [-m]}\n      - {path: /c, pts: false}\n"
      "  network:\n    matchProtocols:\n      - {protocol: tcp}\n      - {protocol: udp}\n"
      "      - {protocol: icmp, pts: false, fromSource: [{path: /a}]}\n"
      "    matchDNSQueries: [{domain: example.com, action: Block}]\n  presets: [{name: protectEnv, action: Block}]\n");
  ASSERT_TRUE(out.imported);
  for (const uint32_t line : {8u, 9u, 14u, 15u, 16u}) EXPECT_TRUE(out.says("not-carried", line)) << line;
  EXPECT_FALSE(out.says("unknown-field"));
  EXPECT_EQ(out.imported->policy.nodes.size(), 1u);
  EXPECT_THAT(out.profile(), HasSubstr("sockets: [inet-stream]"));
  EXPECT_THAT(out.profile(), Not(HasSubstr("udp")));
}

// Who starts a source is not said: it is no program that the container may start.
TEST(KubeArmor, ProgramThatOnlyASourceNames_Imported_HasNoPlaceAndIsListed) {
  const std::string head =
      "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nspec:\n  action: Allow\n  process:\n    "
      "matchPaths:\n";
  const std::string sleep = "      - {path: /bin/sleep, fromSource: [{path: /bin/bash}]}\n";
  const std::string more =
      "  file:\n    matchPaths:\n      - {path: /etc/shadow, fromSource: [{path: /bin/bash}]}\n"
      "      - {path: /etc/x, fromSource: [{path: /bin/sleep}]}\n";
  const auto nodes = [](const Outcome& out) {
    std::vector<std::string> paths;
    for (uint32_t i = 0; out.imported && i < out.imported->policy.nodes.size(); ++i)
      paths.push_back(ir::canonical_path(out.imported->policy, i));
    return paths;
  };
  const Outcome out = take(head + "      - {path: /usr/sbin/nginx}\n" + sleep + more);
  EXPECT_THAT(nodes(out), ElementsAre("entry > /usr/sbin/nginx"));
  for (const uint32_t line : {8u, 11u, 12u}) EXPECT_TRUE(out.says("not-carried", line)) << line;
  const Outcome started = take(
      head + "      - {path: /usr/sbin/nginx}\n      - {path: /bin/bash, fromSource: [{path: /usr/sbin/nginx}]}\n" +
      sleep);
  EXPECT_THAT(nodes(started), testing::Contains("entry > /usr/sbin/nginx > /bin/bash > /bin/sleep"));
  EXPECT_FALSE(started.says("not-carried"));
  EXPECT_EQ(started.imported->policy.entry.size(), 1u);
  Options options;
  options.programs = {"/bin/bash"};
  EXPECT_THAT(nodes(take(head + sleep, options)), ElementsAre("entry > /bin/bash", "entry > /bin/bash > /bin/sleep"));
  const Outcome none = take(head + sleep);
  EXPECT_FALSE(none.imported);
  EXPECT_TRUE(none.says("no-program"));
}

const std::string kAllow =
    "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nspec:\n  action: Allow\n  process:\n    matchPaths:\n";

TEST(KubeArmor, BlockOfAStep_Imported_IsTakenAwayOrListed) {
  const std::string two = "      - {path: /usr/sbin/a}\n      - {path: /bin/bash}\n";
  const std::string more = "      - {path: /usr/sbin/b}\n      - {path: /usr/sbin/c}\n      - {path: /usr/sbin/d}\n";
  const auto block = [](const char* source) {
    return "      - {path: /bin/bash, fromSource: [{path: " + std::string(source) + "}], action: Block}\n";
  };
  const Outcome out = take(kAllow + two + more + block("/usr/sbin/a"));
  ASSERT_TRUE(out.imported);
  EXPECT_EQ(out.imported->policy.nodes.size(), 5u);
  EXPECT_TRUE(out.says("not-carried", 12));
  EXPECT_TRUE(take(kAllow + two + more + block("/none")).says("not-carried", 12));
  const Outcome every = take(kAllow + two + block("/usr/sbin/a"));
  EXPECT_FALSE(every.says("not-carried", 9));
  EXPECT_TRUE(every.says("not-carried", 8));
  ASSERT_EQ(every.imported->policy.nodes.size(), 3u);  // a, bash and bash > a
  for (const ir::Node& node : every.imported->policy.nodes)
    for (const ir::Node::BackEdge& edge : node.back_edges)
      EXPECT_FALSE(node.executable.text == "/usr/sbin/a" && edge.executable.text == "/bin/bash");
  EXPECT_TRUE(take(kAllow + two + block("/bin/bash")).says("not-carried", 8));  // of itself: no way back
}

TEST(KubeArmor, BlockOfASourceThatAPatternMatches_Imported_HoldsForThatProgram) {
  const Outcome out = take(kAllow + "      - {path: /b}\n    matchDirectories: [{dir: /usr/sbin/}]\n  file:\n    matchPaths:\n"
                                    "      - {path: /etc/shadow}\n"
                                    "      - {path: /etc/shadow, fromSource: [{path: /usr/sbin/a}], action: Block}\n");
  ASSERT_TRUE(out.imported);
  for (const ir::Node& node : out.imported->policy.nodes) EXPECT_EQ(node.files.empty(), node.executable.text != "/b");
}

TEST(KubeArmor, PathsOfProc_Imported_AreByTheirRelation) {
  const auto files = [](const std::string& rules) { return take(kAllow + "      - {path: /a}\n  file:\n" + rules); };
  const Outcome self = files("    matchPaths: [{path: /proc/self/status, readOnly: true}, {path: '/srv/[a]*\xc3\xa9'}]\n"
                             "    matchDirectories: [{dir: /proc/self/fd/, recursive: true, readOnly: true}]\n");
  EXPECT_THAT(self.profile(), HasSubstr("/proc/{own}/status: read"));
  EXPECT_THAT(self.profile(), HasSubstr("/proc/{own}/fd/**: read"));
  EXPECT_THAT(self.profile(), HasSubstr("/proc/{own}/fd: list"));
  EXPECT_THAT(self.profile(), HasSubstr(passes::literal_pattern("/srv/[a]*\xc3\xa9")));
  EXPECT_FALSE(self.says("not-carried"));
  const Outcome first = files("    matchPaths:\n      - {path: /proc/1/environ}\n      - {path: /srv/b}\n"
                              "    matchDirectories:\n      - {dir: /proc/1/}\n      - {dir: /proc/, recursive: true}\n");
  EXPECT_TRUE(first.says("not-carried", 10) && first.says("not-carried", 13) && first.says("narrower", 14));
  EXPECT_THAT(first.profile(), Not(HasSubstr("/proc/1")));
  const Outcome blocked = files("    matchDirectories: [{dir: /proc/self/, recursive: true}]\n"
                                "    matchPaths: [{path: /proc/self/mem, action: Block}]\n");
  EXPECT_THAT(blocked.profile(), Not(HasSubstr("{own}/**")));
  EXPECT_TRUE(blocked.says("not-carried", 9));
}

TEST(AppArmor, ProcessByItsNumber_Imported_IsListed) {
  const Outcome out = take("profile p /a {\n  /proc/1/environ r,\n  @{PROC}/self/status r,\n  /proc/thread-self/comm rw,\n"
                           "  @{PROC}/[0-9]*/stat r,\n}\n");
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.says("not-carried", 2));
  for (const uint32_t line : {3u, 4u, 5u}) EXPECT_FALSE(out.says("not-carried", line)) << line;
  EXPECT_THAT(out.profile(), Not(HasSubstr("environ")));
  for (const char* file : {"/proc/{own}/status: ", "/proc/{own}/task/{digits}/comm: ", "/proc/{own}/stat: "})
    EXPECT_THAT(out.profile(), HasSubstr(file));
}

TEST(AppArmor, ManyDenialsOfWordsThatNobodyIsGranted_Imported_TakeNothing) {
  std::string rules;
  for (int i = 0; i < 4000; ++i) rules += "  /srv/d" + std::to_string(i) + "/** r,\n";
  for (int i = 0; i < 400; ++i) rules += "  deny /srv/d*/s" + std::to_string(i) + "/* w,\n";
  const Outcome out = take("profile p /a {\n" + rules + "  deny /srv/d7/** r,\n}\n");
  ASSERT_TRUE(out.imported);
  EXPECT_EQ(out.imported->policy.nodes[0].files.size(), 3999u);
  EXPECT_TRUE(out.says("not-carried", 9));
  EXPECT_FALSE(out.says("not-carried", 10));
}

TEST(Meetings, WhatCannotBeCompared_IsInDoubt) {
  Meetings meetings;
  meetings.find({"/srv/**", "/etc/a"}, {"/srv/*/key", "/[", "/etc/a"});
  EXPECT_THAT(*meetings.of("/srv/**"), ElementsAre("/srv/*/key"));
  EXPECT_THAT(*meetings.of("/etc/a"), ElementsAre("/etc/a"));
  for (const char* ours : {"/srv/**", "/etc/a"}) {
    ASSERT_EQ(meetings.in_doubt(ours).size(), 1u);
    EXPECT_THAT(*meetings.in_doubt(ours)[0], ElementsAre("/["));
  }
  meetings.find({"/opt/x/*", "/opt/{y,z}", "/op", "/opt", "/v"}, {"/opt/*", "/opt/x/y/**"});
  EXPECT_THAT(*meetings.of("/opt/{y,z}"), ElementsAre("/opt/*"));
  for (const char* ours : {"/opt/x/*", "/op", "/opt", "/v"}) EXPECT_EQ(meetings.of(ours), nullptr) << ours;
  EXPECT_TRUE(meetings.in_doubt("/x").empty());
  EXPECT_EQ(meetings.of("/x"), nullptr);
}

TEST(Denials, ThatCannotBeCompared_TakeWhatSharesAWordAndSaySo) {
  ir::Policy policy;
  policy.entry = {0};
  ir::Node& node = policy.nodes.emplace_back();
  node.executable = {"/a", {1, 1}};
  node.files = {{{"/srv/a", {2, 1}}, TL_READ, false}, {{"/srv/b", {3, 1}}, TL_READ | TL_SETATTR, false}};
  Denials denials;
  denials.add("/[", TL_SETATTR, {9, 1});
  denials.add("/[", TL_READ, {10, 1}, "/other");
  Diagnostics said;
  denials.apply(policy, said);
  ASSERT_EQ(policy.nodes[0].files.size(), 2u);
  EXPECT_EQ(policy.nodes[0].files[0].access, TL_READ);
  EXPECT_EQ(policy.nodes[0].files[1].access, TL_READ);
  ASSERT_EQ(said.list().size(), 1u);
  EXPECT_EQ(said.list()[0].position.line, 3u);
  EXPECT_THAT(said.list()[0].message, HasSubstr("the source's denials say (the first on line 9)"));
}

TEST(Seccomp, NamesAndDocumentsThatAreNotRead_Imported_AreListed) {
  Options options;
  options.programs = {"/a"};
  const Outcome out = take("{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [\n"
                           "{\"names\": [\"read\", [\"write\"]], \"action\": \"SCMP_ACT_ALLOW\"}]}\n---\n"
                           "{\"defaultAction\": \"SCMP_ACT_ERRNO\"}\n",
                           options);
  EXPECT_TRUE(out.says("not-carried", 2));
  EXPECT_TRUE(out.says("not-carried", 4));
}

TEST(Strace, NamesThatItCouldNotReadAndPortsThatTheKernelChose_Imported_AreListed) {
  const std::string start = "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3\n";
  EXPECT_TRUE(take(start + "1 openat(AT_FDCWD, 0x7ffd1, O_RDONLY) = 4\n").says("not-carried", 3));
  EXPECT_TRUE(take(start + "1 listen(3, 5) = 0\n").says("not-carried", 3));
  const std::string any = "1 bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr(\"0.0.0.0\")}, 16) = 0\n";
  EXPECT_FALSE(take(start + any).says("not-carried"));
  EXPECT_TRUE(take(start + any + "1 listen(3, 5) = 0\n").says("not-carried", 4));
  const std::string one = "1 bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"0.0.0.0\")}, 16) = 0\n";
  EXPECT_FALSE(take(start + one + "1 listen(3, 5) = 0\n").says("not-carried"));
}

TEST(Strace, LinesThatCannotBeRead_Imported_AreCountedWithTheFirst) {
  const auto finding = [](const std::string& more) {
    const Outcome out = take("1 execve(\"/a\", [\"a\"], 0x1) = 0\n" + more);
    for (const Diagnostic& d : out.findings.list())
      if (d.message.find("could not be read") != std::string::npos)
        return std::to_string(d.position.line) + " " + d.message;
    return std::string();
  };
  EXPECT_EQ(finding("hello\n1 close(3) = 0\n1 openat(AT_FDCWD, \"/etc/pas\n[pid x] close(3) = 0\n"),
            "2 3 lines could not be read, the first is line 2");
  EXPECT_EQ(finding("1 close(3) = 0\n) = 3\n"), "3 1 line could not be read, the first is line 3");
  EXPECT_EQ(
      finding("\n1 --- SIGCHLD {si_signo=SIGCHLD} ---\nstrace: Process 2 detached\n1 futex(0x1, FUTEX_WAIT) = ?\n"
              "[ Process PID=1 runs in 32 bit mode. ]\n1 read(3, <unfinished ...>\n1 <... read resumed>\"\", 1) = 0\n"
              "1 pause() = ? ERESTARTNOHAND (To be restarted if no handler)\n1 +++ exited with 0 +++\n"),
      "");
}

TEST(AppArmor, IncludeIfExists_Imported_IsNamedByItsFile) {
  for (const char* word : {"include", "#include"}) {
    const Outcome out = take("/usr/bin/x {\n  /srv/a r,\n  " + std::string(word) + " if exists <local/x>\n}\n");
    ASSERT_TRUE(out.imported);
    ASSERT_EQ(out.findings.list().size(), 1u);
    EXPECT_THAT(out.findings.list()[0].message, HasSubstr("the rules of '<local/x>'"));
    EXPECT_THAT(out.profile(), HasSubstr("/srv/a: read"));
  }
  EXPECT_FALSE(take("include if exists <tunables/x>\n/usr/bin/x {\n  /srv/a r,\n}\n").says("not-carried"));
}

TEST(Seccomp, CallsOfCertainKernels_Imported_AreLeftOut) {
  Options options;
  options.programs = {"/a"};
  const auto imported = [&](const std::string& condition) {
    const Outcome out = take(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
 {"names": ["read"], "action": "SCMP_ACT_ALLOW"}, {"names": ["write"], "action": "SCMP_ACT_ALLOW", )" +
                                 condition + "}]}",
                             options);
    return out.profile().find("write") != std::string::npos;
  };
  EXPECT_TRUE(imported(R"("includes": {"minKernel": "4.8"})"));
  EXPECT_TRUE(imported(R"("includes": {"minKernel": "5.10"})"));
  EXPECT_FALSE(imported(R"("includes": {"minKernel": "5.11"})"));
  EXPECT_FALSE(imported(R"("includes": {"minKernel": "six"})"));
  EXPECT_FALSE(imported(R"("excludes": {"minKernel": "4.8"})"));
}

std::string remedies(const Outcome& out, std::string_view code) {
  std::string text;
  for (const Diagnostic& d : out.findings.list())
    if (d.code == code) text += d.remedy + "\n";
  return text;
}

TEST(Seccomp, MapOfArchitectures_Imported_IsAQuestionAsTheirListIs) {
  Options options;
  options.programs = {"/a"};
  const auto asked = [&](const std::string& map) {
    return remedies(take("{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"archMap\": [" + map +
                             "],\n\"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\"}]}",
                         options),
                    "import-question");
  };
  EXPECT_EQ(asked(R"({"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []})"), "compile with --seccomp-arch x86_64\n");
  EXPECT_EQ(asked(R"({"architecture": "SCMP_ARCH_AARCH64"}, {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X32"]})"),
            "compile with --seccomp-arch x86_64,x32,aarch64\n");
  EXPECT_EQ(asked(R"({"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                     {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]})"),
            "")
      << "as Docker's own";
  EXPECT_EQ(asked(R"({"architecture": "SCMP_ARCH_S390X"})"), "none of them is one that a filter is made for\n");
  EXPECT_EQ(asked(""), "compile with --seccomp-arch and the machines' own, as x86_64 or aarch64\n");
}

TEST(Seccomp, FilterThatOnlyLogs_Imported_IsOneErrorAndNothingBesides) {
  const Outcome out = take("apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nspec:\n  defaultAction: SCMP_ACT_LOG\n"
                           "  baseProfileName: runc\n  architectures: [SCMP_ARCH_X86_64]\n  flags: [X]\n"
                           "  syscalls: [{action: SCMP_ACT_ALLOW, names: [read]}]\n");
  EXPECT_FALSE(out.imported);
  EXPECT_TRUE(out.says("import-format", 4));
  EXPECT_FALSE(out.says("unknown-field"));
}

const char* const kContainer =
    "apiVersion: spdx.softwarecomposition.kubescape.io/v1beta1\nkind: ContainerProfile\nspec:\n  execs: [{path: /a}]\n";

TEST(Kubescape, ArchitecturesOfCalls_Imported_AreAQuestion) {
  const std::string calls = "  syscalls: [read]\n";
  const auto asked = [](const std::string& more) { return remedies(take(kContainer + more), "import-question"); };
  EXPECT_THAT(asked("  architectures: [amd64]\n" + calls), HasSubstr("--seccomp-arch x86_64\n"));
  EXPECT_THAT(asked("  architectures: [amd64, arm64]\n" + calls), HasSubstr("--seccomp-arch x86_64,aarch64\n"));
  EXPECT_THAT(asked("  architectures: [amd64]\n"), Not(HasSubstr("seccomp"))) << "no calls";
  EXPECT_THAT(asked(calls), Not(HasSubstr("seccomp")));
}

TEST(Kubescape, FlagThatIsNotKnown_Imported_IsSaid) {
  const std::string opens = "  opens:\n    - path: /x\n      flags: [O_RDWR, O_SYNC, ";
  const Outcome out = take(kContainer + opens + "O_NOSUCH]\n");
  EXPECT_TRUE(out.says("narrower", 7));
  EXPECT_THAT(out.profile(), HasSubstr("/x: read write\n"));
  EXPECT_FALSE(take(kContainer + opens + "O_CLOEXEC]\n").says("narrower"));
}

TEST(KubeArmor, FilesThatAreMappedAsCode_Imported_AreAQuestion) {
  const Outcome out = take("apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nspec:\n  action: Allow\n  process: {matchPaths: [{path: /a}]}\n"
                           "  file: {matchDirectories: [{dir: /usr/lib/, recursive: true, readOnly: true}]}\n");
  ASSERT_TRUE(out.imported);
  EXPECT_THAT(out.profile(), Not(HasSubstr("map")));
  EXPECT_EQ(remedies(out, "import-question"), "add 'map' to the shared libraries\n");
}

// `compile` would stop at them (syscall-unknown).
TEST(AnyFormat, CallThatIsNotKnown_Imported_IsListedAndLeftOut) {
  Options options;
  options.programs = {"/a"};
  options.syscalls = true;
  for (const std::string& text :
       {"{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\"syscalls\": [{\"action\": \"SCMP_ACT_ALLOW\",\n\n\"names\": [\"read\",\n\"notacall\"]}]}" + std::string(),
        "apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nspec:\n  defaultAction: SCMP_ACT_ERRNO\n"
        "  syscalls: [{action: SCMP_ACT_ALLOW, names: [read, notacall]}]\n" + std::string(),
        kContainer + std::string("  syscalls: [read, notacall]\n"),
        "1 execve(\"/a\", [\"a\"], 0x1) = 0\n1 read(0, \"\", 1) = 0\n\n\n1 syscall_0x1ff(0, 0) = -1 ENOSYS (Function not implemented)\n" + std::string()}) {
    const Outcome out = take(text, options);
    ASSERT_TRUE(out.imported) << text;
    EXPECT_TRUE(out.says("not-carried", 5)) << text;
    EXPECT_THAT(out.profile(), HasSubstr("read]")) << text;
    EXPECT_THAT(out.profile(), testing::AllOf(Not(HasSubstr("notacall")), Not(HasSubstr("0x1ff")))) << text;
  }
}

TEST(AnyFormat, ListOfResources_Imported_SaysToImportItsItems) {
  const std::string items =
      "\nitems:\n- apiVersion: security.kubearmor.com/v1\n  kind: KubeArmorPolicy\n  spec: {process: {matchPaths: "
      "[{path: /a}]}, action: Allow}\n";
  for (const char* kind :
       {"apiVersion: v1\nkind: List", "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicyList"})
    for (const char* programs : {"", "/a"}) {
      Options options;
      if (*programs != 0) options.programs = {programs};
      const Outcome out = take(kind + items, options);
      EXPECT_FALSE(out.imported);
      ASSERT_EQ(out.findings.list().size(), 1u);
      EXPECT_TRUE(out.says("import-format", 2));
      EXPECT_THAT(out.findings.list()[0].remedy, HasSubstr("one by one"));
    }
}

TEST(Seccomp, CallsForWhoLacksACapability_Imported_AreThoseThatOtherRightsHold) {
  Options options;
  options.programs = {"/a"};
  const Outcome out = take(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
 {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
 {"names": ["umount2"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
 {"names": ["unshare"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
 {"names": ["write"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": []}}]})",
                           options);
  ASSERT_TRUE(out.imported);
  EXPECT_TRUE(out.says("not-carried", 3));
  EXPECT_TRUE(out.says("narrower", 4));
  EXPECT_THAT(out.profile(), HasSubstr("syscalls: [read, unshare, write]"));
}

TEST(Spo, DisabledProfile_Imported_IsAQuestion) {
  Options options;
  options.programs = {"/a"};
  const std::string calls = "apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nspec:\n  defaultAction: SCMP_ACT_ERRNO\n"
                            "  architectures: [SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_AARCH64]\n"
                            "  syscalls: [{action: SCMP_ACT_ALLOW, names: [read]}]\n";
  EXPECT_TRUE(take(calls + "  disabled: true\n", options).says("import-question", 4));
  EXPECT_FALSE(take(calls + "  disabled: false\n", options).says("import-question"));
  EXPECT_TRUE(take(std::string(kSpoHead) + "  disabled: true\n").says("import-question", 5));
  EXPECT_TRUE(take(std::string(kSpoHead) + "  disabled: false\n").findings.list().empty());
}

TEST(Kubescape, RecordingThatIsNotWhole_Imported_IsAQuestion) {
  const auto asked = [](const std::string& annotations) {
    const Outcome out = take(std::string(kContainer) + "metadata:\n  annotations:\n" + annotations);
    std::string text;
    for (const Diagnostic& d : out.findings.list())
      if (d.message.find("not whole") != std::string::npos) text += d.code + " " + std::to_string(d.position.line) + "\n";
    return text;
  };
  EXPECT_EQ(asked("    kubescape.io/completion: partial\n    kubescape.io/status: completed\n"), "import-question 7\n");
  EXPECT_EQ(asked("    kubescape.io/completion: complete\n    kubescape.io/status: ready\n"), "import-question 8\n");
  EXPECT_EQ(asked("    kubescape.io/completion: complete\n    kubescape.io/status: completed\n"), "");
}

TEST(Kubescape, OpenWithoutAnAccessMode_Imported_Reads) {
  const auto opened = [](const std::string& flags) { return take(kContainer + ("  opens:\n    - path: /x\n      flags: [" + flags + "]\n")); };
  EXPECT_THAT(opened("O_DIRECTORY").profile(), HasSubstr("/x: list\n"));
  EXPECT_THAT(opened("O_LARGEFILE, O_CLOEXEC, O_NONBLOCK, O_NOFOLLOW, O_NOATIME").profile(), HasSubstr("/x: read\n"));
  EXPECT_FALSE(opened("O_DIRECTORY").says("not-carried"));
  EXPECT_THAT(opened("O_PATH").profile(), Not(HasSubstr("/x")));
  EXPECT_FALSE(opened("O_PATH").says("not-carried"));
  EXPECT_TRUE(opened("O_NOSUCH").says("not-carried", 6));
  EXPECT_TRUE(opened("").says("not-carried", 6));
}

}  // namespace
}  // namespace treeline::import_
