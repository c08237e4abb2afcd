// SPDX-License-Identifier: Apache-2.0
//
// Policy: two versions. Act: compare. Outcome: what one allows and the other does not, and nothing where only the text differs.
#include "policy-compiler/analysis/diff.h"

#include <gmock/gmock.h>

#include "tests/unit/analysis/versions.h"

namespace treeline::analysis {
namespace {

using test::compared;
using test::lines;
using test::node;
using test::read;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Diff, SameMeaningOtherTextNoDifference) {
  const auto a = node("    files: {'/srv/{a,b}/*': read, '/etc/hosts': read write}\n"
                      "    network: [{direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 80-81}]\n    capabilities: [chown, kill]\n");
  const auto b = node("    files: {'/etc/hosts': read write append, '/srv/a/*': read, '/srv/b/*': read, '/srv/b/x': read}\n"
                      "    capabilities: [kill, chown]\n"
                      "    network:\n      - {direction: out, protocol: tcp, peer: 10.0.0.0/9, port: [80, 81]}\n"
                      "      - {direction: out, protocol: tcp, peer: 10.128.0.0/9, port: 80-81}\n");
  EXPECT_THAT(lines(compared(a, b)), IsEmpty());
  EXPECT_TRUE(compared(a, b).empty());
}

TEST(Diff, PatternWidenedOnlyTheNewPartIsAllowed) {
  const Diff diff = compared(node("    files: {/etc/hosts: read}\n"), node("    files: {'/etc/h*': read}\n"));
  EXPECT_THAT(lines(diff), ElementsAre("+low file /etc/h* read part"));
  EXPECT_NE(diff.nodes[0].changes[0].example, "/etc/hosts");
  EXPECT_THAT(diff.nodes[0].changes[0].example, HasSubstr("/etc/h"));
}

TEST(Diff, WhoMayMakeDevicesGainsThem) {
  const std::string word = "    files: {/srv/x: mknod}\n", capability = "    capabilities: [mknod]\n";
  EXPECT_THAT(lines(compared(node(""), node(word))), ElementsAre("+medium file /srv/x mknod"));
  EXPECT_THAT(lines(compared(node(capability), node(word + capability))), ElementsAre("+high file /srv/x mknod"));
}

TEST(Diff, OnlyTheMissingWordIsNamed) {
  EXPECT_THAT(lines(compared(node("    files: {/var/log/x: read append}\n"), node("    files: {/var/log/x: write}\n"))),
              ElementsAre("+medium file /var/log/x write", "-low file /var/log/x read"));
}

TEST(Diff, SecretBehindAWildcardIsFoundAndIsTheExample) {
  const Diff diff = compared(node("    files: {/etc/hosts: read}\n"), node("    files: {'/etc/*': read}\n"));
  EXPECT_THAT(lines(diff), ElementsAre("+high file /etc/* read part"));
  EXPECT_EQ(diff.nodes[0].changes[0].example, "/etc/shadow");
  // Where the old version held the secrets already, what is new is harmless.
  EXPECT_THAT(lines(compared(node("    files: {'/etc/{,g}shadow*': read, '/etc/{krb5.keytab,ipsec.secrets}': read}\n"), node("    files: {'/etc/*': read}\n"))),
              ElementsAre("+low file /etc/* read part"));
}

TEST(Diff, ObjectsWithoutAPathAndPseudoComponents) {
  EXPECT_THAT(lines(compared(node("    files: {'{pipe}': read}\n"), node("    files: {'{pipe}': read write, '/proc/{other}/stat': read}\n"))),
              ElementsAre("+high file /proc/{other}/stat read", "+medium file {pipe} write append"));
}

TEST(Diff, NetworkIsADifferenceOfSets) {
  EXPECT_THAT(lines(compared(node("    network: [{direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 443}]\n"),
                             node("    network: [{direction: out, protocol: tcp, peer: internal, port: 443}]\n"))),
              ElementsAre(HasSubstr("+medium net 100.64.0.0/11,100.96.0.0/14")));
  EXPECT_THAT(lines(compared(node("    network: [{direction: out, protocol: tcp, peer: any, port: 443}]\n"),
                             node("    network: [{direction: out, protocol: tcp, peer: external, port: any}]\n"))),
              ElementsAre("+high net external port 0-442,444-65535 out tcp part", HasSubstr("-low net ")));
}

TEST(Diff, AllOfTheOutsideIsGraveHoweverItIsCutUp) {
  const std::string one = "    network:\n      - {direction: out, protocol: tcp, peer: 203.0.113.5/32, port: 443}\n";
  const auto risk_of = [&](const std::string& after) { return compared(node(one), node(one + after)).worst_allowed(); };
  EXPECT_EQ(risk_of("      - {direction: out, protocol: tcp, peer: 0.0.0.0/0, port: 443}\n"), Risk::kHigh);
  EXPECT_EQ(risk_of("      - {direction: out, protocol: tcp, peer: 0.0.0.0/1, port: any}\n      - {direction: out, protocol: tcp, peer: 128.0.0.0/1, port: any}\n"), Risk::kHigh);
  std::string eighths;
  for (int i = 0; i < 8; ++i) eighths += "      - {direction: out, protocol: tcp, peer: " + std::to_string(32 * i) + ".0.0.0/3, port: 443}\n";
  EXPECT_EQ(risk_of(eighths), Risk::kHigh);
  EXPECT_EQ(risk_of("      - {direction: out, protocol: tcp, peer: 198.51.100.0/24, port: 443}\n"), Risk::kMedium);
  EXPECT_EQ(risk_of("      - {direction: out, protocol: tcp, peer: internal, port: 443}\n"), Risk::kMedium);
}

TEST(Diff, WhatIsNewlyAcceptedIsSaid) {
  EXPECT_THAT(lines(compared(node("    capabilities: [net_raw]\n"), node("    capabilities: [net_raw]\n    accept: {dangerous-capability: {net_raw: pings}}\n"))),
              ElementsAre("~medium accept dangerous-capability net_raw"));
  EXPECT_THAT(lines(compared(node("    accept: {any-user: x}\n"), node("    accept: {any-user: y}\n"))), ElementsAre());
  // Of a node that is new as well.
  const std::string tree = "treeline: 1\nname: x\nentry:\n  - {exec: /a, users: [1]}\n";
  EXPECT_THAT(lines(compared(read(tree),
                             read(tree + "  - {exec: /b, capabilities: [sys_admin], accept: {dangerous-capability: {sys_admin: fine}, any-user: ok}}\n"))),
              testing::IsSupersetOf({"~medium accept dangerous-capability sys_admin", "~medium accept any-user"}));
}

TEST(Diff, PodsBesideABlockAreNewlyAllowed) {
  const std::string block = "    network:\n      - {direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 1-65535}\n";
  const std::string pods = "      - {direction: out, protocol: tcp, port: 5432, peer: {pods: {}, namespace: {team: secret}, addresses: 10.0.0.0/8, target_port: any}}\n";
  EXPECT_THAT(lines(compared(node(block), node(block + pods))), ElementsAre(testing::StartsWith("+medium net 10.0.0.0/8 pods any in team=secret to 0-65535 port 5432")));
}

TEST(Diff, NumbersAreSets) {
  EXPECT_THAT(lines(compared(node("    capabilities: [chown]\n    operations: [jit]\n    sockets: [inet-stream]\n"),
                             node("    capabilities: [sys_admin]\n    operations: [jit, ptrace]\n    sockets: [packet]\n"))),
              ElementsAre("+critical capability sys_admin", "+critical operation ptrace", "+high socket packet", "-low capability chown",
                          "-low socket inet-stream"));
}

TEST(Diff, UsersAndResponse) {
  EXPECT_THAT(lines(compared(read("treeline: 1\nname: x\nentry: [{exec: /a, users: [1]}]\n"),
                             read("treeline: 1\nname: x\non_violation: kill\nentry: [{exec: /a, users: [0]}]\n"))),
              ElementsAre("~low on_violation kill, was deny", "+high user 0", "-low user 1"));
  EXPECT_THAT(lines(compared(read("treeline: 1\nname: x\nentry: [{exec: /a, users: [1]}]\n"),
                             read("treeline: 1\nname: x\nentry: [{exec: /a}]\n"))),
              ElementsAre("+high user any"));
}

TEST(Diff, WhatAViolationCostsIsComparedByWhatIsViolated) {
  const auto with = [](const std::string& costs) {
    return read("treeline: 1\nname: x\non_violation: {" + costs + "}\nentry: [{exec: /a, users: [0], children: [{exec: /b, users: [0]}]}]\n");
  };
  EXPECT_THAT(lines(compared(with("default: kill"), with("default: kill-container"))), ElementsAre("~low on_violation kill-container, was kill"));
  EXPECT_THAT(lines(compared(with("exec: kill"), with("default: kill, files: deny"))), ElementsAre("~low on_violation kill, was deny"));
  EXPECT_THAT(lines(compared(with("paths: {/s: kill}"), with("paths: {/s: freeze-container, /t: kill}"))),
              ElementsAre("~low on_violation /s: freeze-container, was kill", "~low on_violation /t: kill, was as its kind"));
}

// No pair of nodes holds what the policy itself says.
TEST(Diff, WhatThePolicySaysOfViolationsIsComparedWhereEveryRootIsAnother) {
  const auto a = read("treeline: 1\nname: x\non_violation: {default: kill-container, paths: {/s: kill}}\nentry: [{exec: /a, users: [0]}]\n");
  const auto b = read("treeline: 1\nname: x\nentry: [{exec: /b, users: [0]}]\n");
  EXPECT_THAT(lines(compared(a, b)), testing::IsSupersetOf({"~low on_violation deny, was kill-container", "~low on_violation /s: as its kind, was kill"}));
}

TEST(Diff, ANodesOwnCostIsADifferenceWhateverThePolicySays) {
  const auto with = [](const std::string& of_policy, const std::string& of_node) {
    return read("treeline: 1\nname: x\non_violation: " + of_policy + "\nentry: [{exec: /a, users: [0], on_violation: " + of_node + "}]\n");
  };
  EXPECT_THAT(lines(compared(with("kill", "kill"), with("kill", "deny"))), ElementsAre("~low on_violation deny, was kill"));
  EXPECT_THAT(lines(compared(with("kill", "freeze-container"), with("deny", "kill-container"))),
              ElementsAre("~low on_violation deny, was kill", "~low on_violation kill-container, was freeze-container"));
}

TEST(Diff, TheFilterOfSystemCallsIsThereOrGone) {
  const auto lists = node("    syscalls: [openat, read]\n"), none = node("");
  EXPECT_THAT(lines(compared(lists, none)), ElementsAre("+high syscall any"));
  EXPECT_THAT(lines(compared(none, lists)), ElementsAre("-low syscall any but the listed"));
  EXPECT_THAT(lines(compared(lists, node("    syscalls: [openat, write]\n"))), ElementsAre("+low syscall write", "-low syscall read"));
}

TEST(Diff, WhatAWiderOperationAllowedIsNotNew) {
  const auto with = [](const std::string& list) { return node("    operations: [" + list + "]\n"); };
  EXPECT_THAT(lines(compared(with("ptrace"), with("ptrace, ptrace-workload"))), IsEmpty());
  EXPECT_THAT(lines(compared(with("ptrace"), with("ptrace-workload"))), ElementsAre("-low operation ptrace"));
  EXPECT_THAT(lines(compared(with("signal-descendant"), with("signal"))), ElementsAre("+high operation signal"));
}

TEST(Diff, TheMetadataServiceIsAsGraveAsCheckFindsIt) {
  const auto with = [](const std::string& peer) { return node("    network: [{direction: out, protocol: tcp, peer: " + peer + ", port: 80}]\n"); };
  EXPECT_EQ(compared(with("internal"), with("169.254.169.254/32")).worst_allowed(), Risk::kHigh);
  EXPECT_EQ(compared(with("169.254.169.254/32"), with("169.254.169.253/32")).worst_allowed(), Risk::kMedium);
}

constexpr const char* kTree = R"(treeline: 1
name: web
entry:
  - exec: /entry
    users: [0]
    children:
      - exec: /usr/sbin/web
        users: [33]
        network: [{direction: in, protocol: tcp, port: 80}]
        files: {/srv/x: read}
)";

TEST(Diff, ShellBelowTheNetworkIsCritical) {
  const std::string with_shell = std::string(kTree) + "        children: [{exec: /bin/sh, users: [33], files: {/etc/hosts: read}}]\n";
  const Diff diff = compared(read(kTree), read(with_shell));
  EXPECT_THAT(lines(diff), ElementsAre("+critical exec /bin/sh to entry > /entry > /usr/sbin/web > /bin/sh", "+low file /etc/hosts read"));
  ASSERT_EQ(diff.nodes.size(), 2u);
  EXPECT_EQ(diff.nodes[1].state, NodeDiff::State::kAdded);
  EXPECT_EQ(diff.worst_allowed(), Risk::kCritical);
  const Diff back = compared(read(with_shell), read(kTree));
  EXPECT_EQ(back.worst_allowed(), std::nullopt);
  EXPECT_EQ(back.nodes[1].state, NodeDiff::State::kRemoved);
}

TEST(Diff, ShellThatTheNetworkNewlyReaches) {
  const std::string quiet = "treeline: 1\nname: x\nentry:\n  - exec: /a\n    users: [1]\n    children: [{exec: /bin/sh, users: [1]}]\n";
  const std::string open = quiet + "    network: [{direction: in, protocol: tcp, port: 80}]\n";
  EXPECT_THAT(lines(compared(read(quiet), read(open))), ElementsAre("+medium net any port 80 in tcp", "+critical reach from entry > /a"));
}

TEST(Diff, NodeAtAnotherPathIsMovedNotAddedAndRemoved) {
  std::string moved = kTree;
  moved.replace(moved.find("/usr/sbin/web"), 13, "/opt/web/web");
  const Diff diff = compared(read(kTree), read(moved));
  EXPECT_THAT(lines(diff), ElementsAre("+high exec /opt/web/web to entry > /entry > /opt/web/web",
                                       "-medium exec /usr/sbin/web to entry > /entry > /usr/sbin/web"));
  ASSERT_EQ(diff.nodes.size(), 2u);
  EXPECT_EQ(diff.nodes[1].state, NodeDiff::State::kMoved);
  EXPECT_EQ(diff.nodes[1].old_node, "entry > /entry > /usr/sbin/web");
}

TEST(Diff, OneNodeSplitIntoTwoOfTheSameRightsNoDifference) {
  const auto one = read("treeline: 1\nname: x\nentry: [{exec: '/bin/{a,b}', users: [1], files: {/x: read}}]\n");
  const auto two = read("treeline: 1\nname: x\nentry:\n  - {exec: /bin/a, users: [1], files: {/x: read}}\n  - {exec: /bin/b, users: [1], files: {/x: read}}\n");
  EXPECT_THAT(lines(compared(one, two)), IsEmpty());
  EXPECT_THAT(lines(compared(two, one)), IsEmpty());
}

TEST(Diff, RecursionUnrolledNoDifference) {
  const auto folded = read("treeline: 1\nname: x\nentry:\n  - exec: /a\n    id: a\n    users: [1]\n    children: [{exec: /a, back_to: a}]\n");
  const auto unrolled = read("treeline: 1\nname: x\nentry:\n  - exec: /a\n    users: [1]\n    children:\n      - exec: /a\n        id: b\n        users: [1]\n"
                             "        children: [{exec: /a, back_to: b}]\n");
  EXPECT_THAT(lines(compared(folded, unrolled)), IsEmpty());
}

TEST(Diff, FilesThatAreWrittenWhereOthersExecuteAreCritical) {
  const auto a = node("    files: {'/opt/*.so': map}\n");
  const auto b = node("    files: {'/opt/*.so': {access: map write, unsafe_write_and_execute: true}}\n");
  EXPECT_THAT(lines(compared(a, b)), ElementsAre("+critical file /opt/*.so write append unsafe_write_and_execute"));
}

TEST(Diff, ASignatureAloneIsADifference) {
  const auto a = node("    files: {/data/**: write create, '/usr/**': read map}\n");
  const auto b = node("    files: {/data/**: write create, '/usr/**': {access: read map, unsafe_write_and_execute: true}}\n");
  EXPECT_THAT(lines(compared(a, b)), ElementsAre("+critical file /usr/** unsafe_write_and_execute"));
  EXPECT_THAT(lines(compared(b, a)), ElementsAre("-low file /usr/** unsafe_write_and_execute"));
}

TEST(Diff, WhatAMovedNodeHoldsIsTheRiskOfTheStepToIt) {
  const std::string web = "treeline: 1\nname: x\nentry:\n  - exec: /web\n    users: [0]\n    network: [{direction: in, protocol: tcp, port: 80}]\n";
  const auto tool = [](const std::string& indent, const std::string& exec) {
    return indent + "- exec: " + exec + "\n" + indent + "  id: tool\n" + indent + "  users: [0]\n" + indent + "  children:\n" + indent +
           "    - {exec: /x, users: [0], capabilities: [sys_admin], files: {/etc/shadow: read write}}\n";
  };
  const auto before = read(web + "join:\n" + tool("  ", "/admin"));
  const Diff diff = compared(before, read(web + "    children:\n" + tool("      ", "/evil")));
  EXPECT_EQ(diff.worst_allowed(), Risk::kCritical);
  EXPECT_THAT(lines(diff), testing::Contains("+critical exec /evil to entry > /web > /evil"));
  EXPECT_EQ(diff.nodes.back().state, NodeDiff::State::kMoved);
}

TEST(Diff, InterpreterChanged) {
  const auto a = read("treeline: 1\nname: x\nentry: [{exec: /a.sh, interpreter: /bin/sh, users: [1]}]\n");
  const auto b = read("treeline: 1\nname: x\nentry: [{exec: /a.sh, interpreter: /bin/bash, users: [1]}]\n");
  EXPECT_THAT(lines(compared(a, b)), ElementsAre("+high interpreter /bin/bash", "-low interpreter /bin/sh"));
}

}  // namespace
}  // namespace treeline::analysis
