// SPDX-License-Identifier: Apache-2.0
// Policy -> what `check` finds in it, at which line, with which risk, and what of it the profile accepts.
#include "policy-compiler/analysis/grade.h"

#include <gmock/gmock.h>

#include "policy-compiler/analysis/accept.h"
#include "policy-compiler/analysis/kernel_limits.h"
#include "tests/unit/analysis/versions.h"

namespace treeline::analysis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Diagnostics graded(const test::Checked& checked) {
  Diagnostics diagnostics("test.yaml");
  grade(checked.policy, checked.paths, diagnostics);
  apply_accepted(checked.policy, diagnostics);
  return diagnostics;
}

// "code line risk", and " accepted".
std::vector<std::string> found(const Diagnostics& diagnostics) {
  std::vector<std::string> out;
  for (const Diagnostic& d : diagnostics.list())
    out.push_back(d.code + " " + std::to_string(d.position.line) + (d.risk.empty() ? "" : " " + d.risk) + (d.accepted.empty() ? "" : " accepted"));
  return out;
}
std::vector<std::string> found_in(const std::string& lines) { return found(graded(test::node(lines))); }

TEST(Grade, OrdinaryProfileNothing) {
  EXPECT_THAT(found_in("    files: {'/srv/www/**': read list, /var/log/x: append, '/usr/lib/**': read map}\n    capabilities: [chown]\n"
                       "    network: [{direction: in, protocol: tcp, port: 80}]\n    sockets: [inet-stream]\n    operations: [signal-descendant]\n"),
              IsEmpty());
}

TEST(Grade, ShellBehindTheNetworkAtAnyDepth) {
  const auto checked = test::read(R"(treeline: 1
name: x
entry:
  - exec: /a
    users: [1]
    network: [{direction: in, protocol: tcp, port: 80}]
    sockets: [inet-stream]
    children:
      - exec: /b
        users: [1]
        children:
          - {exec: '/usr/bin/{dash,x}', users: [1]}
)");
  EXPECT_THAT(found(graded(checked)), UnorderedElementsAre("shell-behind-network 12 critical", "interpreter-program 12 medium", "broad-pattern 12 medium"));
}

// Localhost: a proxy beside it hands on what comes from outside. vsock: no rule says who serves.
TEST(Grade, WhoServesLocalhostOrVsockFacesTheNetwork) {
  const auto with = [](const std::string& lines) {
    return found(graded(test::read("treeline: 1\nname: x\nentry:\n  - exec: /a\n    users: [1]\n" + lines + "    children: [{exec: /bin/rbash, users: [1]}]\n")));
  };
  EXPECT_THAT(with("    sockets: [inet-stream]\n"), ElementsAre("interpreter-program 7 medium"));
  EXPECT_THAT(with("    sockets: [inet-stream]\n    network: [{direction: in, protocol: tcp, peer: localhost, port: 80}]\n"), testing::Contains("shell-behind-network 8 critical"));
  for (const char* kind : {"vsock", "packet", "xdp"})
    EXPECT_THAT(with("    sockets: [" + std::string(kind) + "]\n"), testing::Contains("shell-behind-network 7 critical")) << kind;
  EXPECT_THAT(with("    sockets: [inet-stream]\n    network: [{direction: out, protocol: tcp, peer: localhost, port: 80}]\n"), ElementsAre("interpreter-program 8 medium"));
}

// An accepted connection is inherited by who is started from the listener; a socketpair by any child.
TEST(Grade, AHandedSocketCountsBelowWhoListens) {
  const std::string shell = "      - {exec: /bin/rbash, users: [1], files: {'{socket}': read write}}\n";
  const auto with = [&](const std::string& lines, const std::string& beside) {
    return found(graded(test::read("treeline: 1\nname: x\nentry:\n  - exec: /a\n    users: [1]\n    children:\n" + shell + "    sockets: [inet-stream]\n" + lines + beside)));
  };
  const std::string listens = "    network: [{direction: in, protocol: tcp, port: 80}]\n";
  EXPECT_THAT(with(listens, ""), testing::Contains("shell-behind-network 7 critical"));
  EXPECT_THAT(with("", "  - {exec: /b, users: [1], sockets: [inet-stream], network: [{direction: in, protocol: tcp, port: 80}]}\n"), ElementsAre("interpreter-program 7 medium"));
}

TEST(Grade, IngressByWhatTheRuleMeans) {
  const auto lines = [](const std::string& rule) { return found_in("    sockets: [inet-stream, inet-ping]\n    network:\n      - {direction: in, " + rule + "}\n"); };
  EXPECT_THAT(lines("protocol: tcp, port: any"), ElementsAre("any-ingress 8 high"));
  EXPECT_THAT(lines("protocol: tcp, port: 1024-65535"), ElementsAre("any-ingress 8 high"));
  EXPECT_THAT(lines("protocol: tcp, port: [80, 8000-8999]"), IsEmpty());
  EXPECT_THAT(lines("protocol: icmp"), IsEmpty());
  EXPECT_THAT(lines("protocol: raw"), ElementsAre("unusual-protocol 8 high"));
  EXPECT_THAT(lines("protocol: other"), ElementsAre("unusual-protocol 8 high"));
  EXPECT_THAT(found_in("    network:\n      - {direction: out, protocol: raw, peer: internal}\n"), ElementsAre("unusual-protocol 7 high"));
  EXPECT_THAT(found_in("    sockets: [inet-stream]\n    network: [{direction: in, protocol: tcp, port: any}]\n    accept: {any-ingress: {in tcp any port 0-65535: games}}\n"),
              ElementsAre("any-ingress 7 high accepted"));
}

// Of who lacks the capability mknod(2) makes fifos and sockets: each server with a unix socket has the word.
TEST(Grade, ADeviceIsMadeByWordAndCapability) {
  const std::string capability = "    capabilities: [mknod]\n";
  EXPECT_THAT(found_in("    files: {/srv/x: mknod}\n" + capability), ElementsAre("dangerous-capability 7 high", "sensitive-file 6 high"));
  EXPECT_THAT(found_in("    files: {/srv/x: mknod}\n"), IsEmpty());
  EXPECT_THAT(found_in("    files: {/etc/passwd: mknod}\n"), ElementsAre("sensitive-file 6 critical"));
  EXPECT_THAT(found_in("    files: {/srv/x: mknod}\n" + capability + "    accept: {sensitive-file: {/srv/x mknod: why}, dangerous-capability: {mknod: why}}\n"),
              ElementsAre("dangerous-capability 7 high accepted", "sensitive-file 6 high accepted"));
}

TEST(Grade, AllAbstractNamesAndAllOfTmp) {
  EXPECT_THAT(found_in("    files:\n      '{abstract}/**': connect\n"), ElementsAre("sensitive-file 7 critical"));
  EXPECT_THAT(found_in("    files:\n      '{abstract}/bus': connect\n"), IsEmpty());
  EXPECT_THAT(found_in("    files:\n      /tmp/**: connect\n"), ElementsAre("sensitive-file 7 high"));
  EXPECT_THAT(found_in("    files:\n      /tmp/x/**: read write create connect\n"), IsEmpty());
}

TEST(Grade, AShellThatListensItself) {
  EXPECT_THAT(found(graded(test::node("    sockets: [inet-stream]\n    network: [{direction: in, protocol: tcp, port: 4444}]\n", "/bin/sh"))),
              UnorderedElementsAre("shell-behind-network 4 critical", "interpreter-program 4 medium"));
}

TEST(Grade, InterpretersAreKnownByWhatThePatternMatches) {
  const std::string web = "treeline: 1\nname: x\nentry:\n  - exec: /web\n    users: [1]\n    children:\n      - {exec: '/usr/bin/pytho[n]3', users: [1]}\n"
                          "      - {exec: /usr/bin/pwsh, users: [1]}\n      - {exec: /a.py, interpreter: /usr/bin/python3, users: [1]}\n";
  EXPECT_THAT(found(graded(test::read(web))), UnorderedElementsAre("interpreter-program 7 medium", "broad-pattern 7 medium", "interpreter-program 8 medium"));
  const std::string open = "    sockets: [inet-stream]\n    network: [{direction: in, protocol: tcp, port: 80}]\n";
  EXPECT_THAT(found(graded(test::read(web + open))),
              UnorderedElementsAre("interpreter-behind-network 7 high", "broad-pattern 7 medium", "interpreter-behind-network 8 high"));
}

TEST(Grade, EgressByWhatTheRuleMeans) {
  const auto lines = [](const std::string& rule) { return found_in("    sockets: [inet-stream]\n    network:\n      - {direction: out, protocol: tcp, " + rule + "}\n"); };
  EXPECT_THAT(lines("peer: any, port: any"), ElementsAre("any-egress 8 high"));
  EXPECT_THAT(lines("peer: 0.0.0.0/0, port: any"), ElementsAre("any-egress 8 high"));
  EXPECT_THAT(lines("peer: any, port: 1-65535"), ElementsAre("any-egress 8 high"));
  EXPECT_THAT(lines("peer: external, port: 443"), IsEmpty());
  EXPECT_THAT(lines("peer: 169.254.0.0/16, port: 80"), ElementsAre("metadata-egress 8 high"));
  EXPECT_THAT(lines("peer: internal, port: 80"), IsEmpty());
}

TEST(Grade, SensitiveNamesBehindPatterns) {
  EXPECT_THAT(found_in("    files:\n      /etc/*: read\n      /etc/passwd: write\n      /run/docker.sock: connect\n      /sys/x: read\n      /srv/*: read\n"),
              UnorderedElementsAre("sensitive-file 7 high", "sensitive-file 8 critical", "sensitive-file 9 critical", "sensitive-file 10 medium"));
}

TEST(Grade, AHomeHoldsKeysAndWhatRunsAtTheLogin) {
  EXPECT_THAT(found_in("    files:\n      /home/**: write create\n      /home/u/**: read\n      /home/u/app/**: setattr\n"),
              UnorderedElementsAre("broad-pattern 7 medium", "sensitive-file 7 critical", "sensitive-file 8 high"));
}

TEST(Grade, TheWordsSayWhoListensAndWhatGrants) {
  const auto said = [](const test::Checked& of) {
    const Diagnostics all = graded(of);
    std::vector<std::string> out;
    for (const Diagnostic& d : all.list()) out.push_back(d.message);
    return out;
  };
  const std::string listens = "    network: [{direction: in, protocol: tcp, port: 80}]\n    sockets: [inet-stream]\n";
  EXPECT_THAT(said(test::node(listens + "    children: [{exec: /bin/bash, users: [7]}]\n", "/usr/bin/shop")),
              testing::Contains("'/usr/bin/shop', which listens to the network, may start the shell '/bin/bash'"));
  EXPECT_THAT(said(test::node(listens + "    children:\n      - exec: /b\n        users: [7]\n        children: [{exec: /bin/bash, users: [7]}]\n", "/usr/bin/shop")),
              testing::Contains("'/b' may start the shell '/bin/bash' and is reached from '/usr/bin/shop', which listens to the network"));
  const std::string three = "    network:\n      - {direction: out, protocol: tcp, peer: 10.0.0.0/9, port: 80}\n      - {direction: out, protocol: tcp, peer: 10.128.0.0/9, port: 80}\n"
                            "      - {direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 80}\n";
  EXPECT_THAT(said(test::node(three)), testing::Contains(testing::HasSubstr("adds nothing: other rules of the node grant all of it")));
}

TEST(Grade, ReadingTheKernelsFilesIsAFindingOfMediumRisk) {
  EXPECT_THAT(found_in("    files: {'/sys/**': read}\n"), UnorderedElementsAre("sensitive-file 6 medium"));
  EXPECT_THAT(found_in("    files:\n      /proc/kallsyms: read\n      /proc/sys/**: read\n      /sys/kernel/debug/**: read\n"),
              UnorderedElementsAre("sensitive-file 7 medium", "sensitive-file 8 medium", "sensitive-file 9 medium"));
}

TEST(Grade, TheHostBelowAMount) {
  EXPECT_THAT(found_in("    files:\n      /host/**: read\n      /host/proc/{other}/mem: read write\n      /app/**: read\n      /node/proc/sys/**: write\n"),
              testing::IsSupersetOf({"sensitive-file 7 critical", "sensitive-file 8 high", "sensitive-file 10 critical"}));
  EXPECT_THAT(found_in("    files: {'/app/**': read, '/data/*/x/**': read}\n"), IsEmpty());
}

TEST(Grade, ExamplesAreNamesThatPathsHold) {
  Diagnostics all = graded(test::node("    files: {'/data/**': read write create, '/sys/kernel/debug/**': read}\n", "/usr/bin/python3"));
  for (const Diagnostic& d : all.list()) {
    EXPECT_THAT(d.message, testing::Not(testing::HasSubstr("/.\"")));
    EXPECT_THAT(d.message, testing::Not(testing::HasSubstr("/./")));
  }
}

// The kernel's mark alone tells a file that the workload wrote and removed.
TEST(Grade, FilesThatLostTheirName) {
  const std::string child = "    children: [{exec: '{unlinked}', users: [7]}]\n";
  EXPECT_THAT(found_in("    files: {'/tmp/**': write create delete}\n" + child), testing::Contains("broad-pattern 7 high"));
  EXPECT_THAT(found_in(child), ElementsAre("broad-pattern 6 medium"));
  EXPECT_THAT(found_in("    files:\n      /srv/x: write\n      '{unlinked}': read map\n"), ElementsAre("broad-pattern 8 high"));
  EXPECT_THAT(found_in("    files:\n      /srv/x: write\n      '{unlinked}': read\n"), IsEmpty());
}

TEST(Grade, AListeningInterpreterThatChangesWhatItReads) {
  const std::string listens = "    sockets: [inet-stream]\n    network: [{direction: in, protocol: tcp, port: 80}]\n";
  const auto python = [&](const std::string& lines) { return found(graded(test::node(lines, "/usr/bin/python3"))); };
  EXPECT_THAT(python(listens + "    files: {'/app/**': read write create}\n"), testing::Contains("written-scripts 8 medium"));
  EXPECT_THAT(python(listens + "    files:\n      /app/x/**: read\n      /app/x/*.py: create write\n"), testing::Contains("written-scripts 10 medium"));
  const auto none = testing::Not(testing::Contains(testing::StartsWith("written-scripts")));
  EXPECT_THAT(python(listens + "    files: {/app/x/**: read, /data/x/*: append create, /dev/null: read write}\n"), none);
  EXPECT_THAT(python("    files: {'/app/**': read write create}\n"), none);
  EXPECT_THAT(found_in(listens + "    files: {'/app/**': read write create}\n"), none);
}

TEST(Grade, BroadPatterns) {
  EXPECT_THAT(found_in("    files:\n      /**: read\n      /data/**: write\n      /data/x/**: write\n      '/*': list\n"),
              testing::Contains("broad-pattern 7 high"));
  EXPECT_THAT(found_in("    files:\n      /data/**: write\n      /data/x/**: create\n      '/*': list\n"), ElementsAre("broad-pattern 7 medium"));
}

TEST(Grade, AProcessByItsNumberIsADeadRule) {
  for (const char* dead : {"/proc/self/status", "/proc/thread-self/**", "/proc/77", "/proc/[0-9]*/stat", "/proc/{digits}/fd/*", "/proc/{self,[1-9]*}/stat"})
    EXPECT_THAT(found_in("    files:\n      '" + std::string(dead) + "': read\n"), ElementsAre("process-by-name 7 low")) << dead;
  for (const char* not_known : {"/proc/*/stat", "/proc/self*/x", "/proc/[0-9a-z]*/x", "/host/proc/self/x", "/proc/{own}/task/[0-9]*/stat", "/proc/?/x", "/proc/{,1}x"})
    EXPECT_THAT(found_in("    files:\n      '" + std::string(not_known) + "': read\n"), testing::Not(testing::Contains("process-by-name 7 low"))) << not_known;
}

TEST(Grade, NumbersOfHighRisk) {
  EXPECT_THAT(found_in("    capabilities: [chown, sys_admin, net_raw]\n    operations: [mount, keyring]\n    sockets: [packet, inet-stream]\n"),
              ElementsAre("dangerous-capability 6 critical", "dangerous-capability 6 high", "dangerous-operation 7 critical", "dangerous-socket 8 high"));
}

TEST(Grade, ShadowedFileRules) {
  EXPECT_THAT(found_in("    files:\n      /srv/**: read write\n      /srv/a: read\n      /srv/b: read list\n      /srv/c: append\n"),
              UnorderedElementsAre("broad-pattern 7 medium", "shadowed-rule 8 low", "shadowed-rule 10 low"));
  // Two rules together cover a third; of two equal ones the later adds nothing.
  EXPECT_THAT(found_in("    files:\n      /s/x/[a-m]*: read\n      '/s/x/[!a-m]*': read\n      /s/x/*: read\n"),
              ElementsAre("shadowed-rule 7 low", "shadowed-rule 8 low"));
  EXPECT_THAT(found_in("    files:\n      '/s/{a,b}': read\n      '/s/[ab]': read\n"), ElementsAre("shadowed-rule 8 low"));
}

TEST(Grade, RuleOfAGroupIsShadowedOnlyWhereItIsInAllItsNodes) {
  const std::string head = "treeline: 1\nname: x\ngroups:\n  g:\n    files: {/s/a: read}\nentry:\n  - {exec: /a, users: [1], use: [g], files: {'/s/*': read}}\n";
  EXPECT_THAT(found(graded(test::read(head))), ElementsAre("shadowed-rule 5 low"));
  EXPECT_THAT(found(graded(test::read(head + "  - {exec: /b, users: [1], use: [g]}\n"))), IsEmpty());
}

TEST(Grade, ShadowedNetworkRulesAndRulesWithoutASocket) {
  EXPECT_THAT(found_in("    sockets: [inet-stream]\n    network:\n      - {direction: out, protocol: tcp, peer: 10.0.0.0/8, port: 1-9}\n"
                       "      - {direction: out, protocol: tcp, peer: 10.1.0.0/16, port: 5}\n      - {direction: out, protocol: udp, peer: 10.0.0.1/32, port: 5}\n"),
              UnorderedElementsAre("shadowed-rule 9 low", "unused-rule 10 low"));
}

TEST(Grade, ProgramThatItsParentCannotStart) {
  const std::string tree = "treeline: 1\nname: x\nentry:\n  - exec: /a\n    users: [0]\n    children: [{exec: /b, users: [33]}]\n";
  EXPECT_THAT(found(graded(test::read(tree))), ElementsAre("dead-step 6 low"));
  EXPECT_THAT(found(graded(test::read(tree + "    operations: [setuid]\n"))), testing::Not(testing::Contains("dead-step 6 low")));
}

// 2^10 states of one pattern times those of the names: what the other patterns meet is said all the same, and of that one that nothing is known.
TEST(Grade, APatternThatCannotBeLookedAtHidesNoOtherAndIsNotClean) {
  const auto checked = test::node("    files:\n      '/a/*a" + std::string(10, '?') + "': read\n      /run/containerd/containerd.sock: connect\n      /home/u/.ssh/authorized_keys: write create\n");
  Diagnostics bounded("test.yaml"), whole("test.yaml");
  grade_paths(checked.policy, checked.paths, bounded, 20'000);
  EXPECT_THAT(found(bounded), UnorderedElementsAre("not-graded 7 critical", "sensitive-file 8 critical", "sensitive-file 9 critical"));
  grade_paths(checked.policy, checked.paths, whole, passes::kMostCombinations);
  EXPECT_THAT(found(whole), UnorderedElementsAre("sensitive-file 8 critical", "sensitive-file 9 critical"));
}

// 60 rules that a machine compiles in no time: looked at for seconds, not for minutes, and what is not known is said.
TEST(Grade, SmallPoliciesThatMultiplyTakeNoLongerThanTheirSizeEarns) {
  EXPECT_LT(passes::most_combinations(1'000), 1'100'000u);
  EXPECT_EQ(passes::most_combinations(3'000'000), passes::kMostCombinations);
}

// Accepting the shell is not accepting python.
TEST(Grade, AnInterpreterBesideAShellIsToldApart) {
  const std::string text = "    network: [{direction: in, protocol: tcp, port: 80}]\n    sockets: [inet-stream]\n    children: [{exec: '/bin/{sh,python3}', users: [1]}]\n";
  EXPECT_THAT(found_in(text), testing::IsSupersetOf({"shell-behind-network 8 critical", "interpreter-behind-network 8 high"}));
}

TEST(Grade, TwoHalvesOfTheOutsideAreAll) {
  EXPECT_THAT(found_in("    sockets: [inet-stream]\n    network:\n      - {direction: out, protocol: tcp, peer: 0.0.0.0/1, port: any}\n"
                       "      - {direction: out, protocol: tcp, peer: 128.0.0.0/2, port: any}\n      - {direction: out, protocol: tcp, peer: 198.51.100.0/24, port: any}\n"),
              testing::IsSupersetOf({"any-egress 8 high", "any-egress 9 high", "any-egress 10 high"}));
  EXPECT_THAT(found_in("    sockets: [inet-stream]\n    network:\n      - {direction: out, protocol: tcp, peer: 198.51.100.0/24, port: any}\n"), IsEmpty());
}

TEST(Grade, PortsThatTogetherAreNearlyAll) {
  const auto with = [](const std::string& rules) { return found_in("    sockets: [inet-stream]\n    network:\n" + rules); };
  const auto rule = [](const std::string& peer, const std::string& port) {
    return "      - {direction: out, protocol: tcp, peer: " + peer + ", port: " + port + "}\n";
  };
  EXPECT_THAT(with(rule("external", "2-65535")), ElementsAre("any-egress 8 high"));
  EXPECT_THAT(with(rule("external", "1-32767") + rule("external", "32768-65535")), ElementsAre("any-egress 8 high", "any-egress 9 high"));
  // None has many alone: all are named. Where one has, it is, and the single port is not.
  EXPECT_THAT(with(rule("external", "1-9000") + rule("external", "9001-18000")), ElementsAre("any-egress 8 high", "any-egress 9 high"));
  EXPECT_THAT(with(rule("external", "443") + rule("external", "1024-65535")), ElementsAre("any-egress 9 high"));
  // Half of the ports of one half, half of those of the other: each address has as many.
  EXPECT_THAT(with(rule("0.0.0.0/1", "1-20000") + rule("128.0.0.0/1", "30000-50000")), ElementsAre("any-egress 8 high", "any-egress 9 high"));
  EXPECT_THAT(with(rule("external", "[443, 8000-9000]")), IsEmpty());
  EXPECT_THAT(with(rule("internal", "any")), IsEmpty());
}

TEST(Accept, OfANetworkRuleItCoversDirectionAndProtocol) {
  const std::string udp = "      - {direction: out, protocol: udp, peer: any, port: any}\n",
                    tcp = "      - {direction: out, protocol: tcp, peer: any, port: any}\n";
  const auto with = [](const std::string& rules, const std::string& about) {
    return graded(test::node("    sockets: [inet-stream, inet-dgram]\n    network:\n" + rules + "    accept: {any-egress: {" + about + ": games}}\n"));
  };
  EXPECT_THAT(found(with(udp, "out udp any port 0-65535")), ElementsAre("any-egress 8 high accepted"));
  EXPECT_THAT(found(with(udp + tcp, "out udp any port 0-65535")), ElementsAre("any-egress 8 high accepted", "any-egress 9 high"));
  const Diagnostics old = with(udp, "any port 0-65535");
  EXPECT_THAT(found(old), ElementsAre("any-egress 8 high", "accept-unused 9"));
  EXPECT_THAT(old.list()[1].remedy, testing::HasSubstr("'out udp any port 0-65535'"));
}

TEST(Accept, OfAStepByEitherEnd) {
  const auto with = [](const std::string& above, const std::string& below) {
    return found(
        graded(test::read("treeline: 1\nname: x\nentry:\n  - exec: /web\n    users: [1]\n    sockets: [inet-stream]\n"
                          "    network: [{direction: in, protocol: tcp, port: 80}]\n" +
                          above + "    children:\n      - {exec: /bin/sh, users: [1]" + below + "}\n")));
  };
  const std::string accept = "accept: {shell-behind-network: {/bin/sh: templates}}";
  EXPECT_THAT(with("    " + accept + "\n", ""), testing::Contains("shell-behind-network 10 critical accepted"));
  EXPECT_THAT(with("", ", " + accept), testing::Contains("shell-behind-network 9 critical accepted"));
  EXPECT_THAT(with("    " + accept + "\n", ""), testing::Not(testing::Contains(testing::HasSubstr("accept-unused"))));
}

TEST(Accept, ByCodeOrByRuleWithItsReason) {
  const auto lines = [](const std::string& accept) { return found_in("    capabilities: [sys_admin, net_raw]\n    accept:\n" + accept); };
  EXPECT_THAT(lines("      dangerous-capability: reviewed\n"),
              ElementsAre("dangerous-capability 6 critical", "dangerous-capability 6 high accepted", "accept-outgrown 8"))
      << "what is critical is named";
  EXPECT_THAT(lines("      dangerous-capability: {sys_admin: mounts, net_raw: pings}\n"),
              ElementsAre("dangerous-capability 6 critical accepted", "dangerous-capability 6 high accepted"));
  EXPECT_THAT(lines("      dangerous-capability:\n        net_raw: pings\n"), ElementsAre("dangerous-capability 6 critical", "dangerous-capability 6 high accepted"));
  EXPECT_THAT(lines("      dangerous-capability:\n        net_raw: pings\n        chown: nobody\n"),
              ElementsAre("dangerous-capability 6 critical", "dangerous-capability 6 high accepted", "accept-unused 10"));
}

TEST(Accept, AcceptedOnesCountNoMore) {
  const Diagnostics d = graded(test::node("    capabilities: [sys_admin]\n    accept: {dangerous-capability: {sys_admin: it is the backup}}\n"));
  EXPECT_EQ(d.warnings(), 0u);
  EXPECT_EQ(d.list()[0].accepted, "it is the backup");
}

TEST(Accept, OfAFileItCoversWhatWasAccepted) {
  const auto lines = [](const std::string& words, const std::string& accept) {
    return found_in("    files: {/etc/shadow: " + words + "}\n    accept: {sensitive-file: " + accept + "}\n");
  };
  EXPECT_THAT(lines("read", "{/etc/shadow: checks passwords}"), ElementsAre("sensitive-file 6 high accepted"));
  EXPECT_THAT(lines("read write", "{/etc/shadow: checks passwords}"), ElementsAre("sensitive-file 6 critical", "accept-outgrown 7"));
  EXPECT_THAT(lines("read write", "it checks passwords"), ElementsAre("sensitive-file 6 critical", "accept-outgrown 7"));
  EXPECT_THAT(lines("read write", "{/etc/shadow read write: sets them}"), ElementsAre("sensitive-file 6 critical accepted"));
  EXPECT_THAT(lines("read", "{/etc/shadow read write: sets them}"), ElementsAre("sensitive-file 6 high accepted"));
  EXPECT_THAT(lines("read write delete", "{/etc/shadow read write: sets them}"), ElementsAre("sensitive-file 6 critical", "accept-outgrown 7"));
}

TEST(Accept, WhatMeetsNothingIsAWarning) {
  const Diagnostics d = graded(test::node("    capabilities: [sys_admin]\n    accept: {dangerous-operation: x, sensitive-file: y}\n"));
  EXPECT_THAT(found(d), ElementsAre("dangerous-capability 6 critical", "accept-unused 7", "accept-unused 7"));
}

TEST(Accept, OfAGroupsRuleByAllItsNodes) {
  const std::string text = "treeline: 1\nname: x\ngroups:\n  g: {capabilities: [sys_admin]}\nentry:\n  - {exec: /a, users: [1], use: [g], accept: {dangerous-capability: {sys_admin: yes}}}\n  - {exec: /b, users: [1], use: [g]";
  EXPECT_THAT(found(graded(test::read(text + "}\n"))), ElementsAre("dangerous-capability 4 critical", "dangerous-capability 4 critical"));
  EXPECT_THAT(found(graded(test::read(text + ", accept: {dangerous-capability: {sys_admin: too}}}\n"))),
              ElementsAre("dangerous-capability 4 critical accepted", "dangerous-capability 4 critical accepted"));
}

TEST(Accept, TheCanonicalTextKeepsIt) {
  const auto one = test::node("    capabilities: [sys_admin, net_raw]\n    accept:\n      any-user: why not\n      dangerous-capability: {net_raw: 'a: b', sys_admin: c}\n");
  const std::string text = frontend::emit_profile(one.policy);
  const auto two = test::read(text);
  EXPECT_EQ(frontend::emit_profile(two.policy), text);
  ASSERT_EQ(two.policy.nodes[0].accepted.size(), 3u);
  EXPECT_EQ(two.policy.nodes[0].accepted[1].about, "net_raw");
  EXPECT_EQ(two.policy.nodes[0].accepted[1].reason, "a: b");
}

TEST(KernelLimits, OperationOfOneNodeThatAKernelLeavesToTheFilter) {
  const auto checked = test::read("treeline: 1\nname: x\nentry:\n  - {exec: /a, users: [1], operations: [userns]}\n  - {exec: /b, users: [1], operations: [ldt]}\n");
  const auto notes = [&](const char* kernel) {
    Diagnostics diagnostics;
    note_kernel_limits(checked.policy, kernel == nullptr ? std::nullopt : kernel_of(kernel), diagnostics);
    return found(diagnostics);
  };
  EXPECT_THAT(notes(nullptr), ElementsAre("kernel-limit 4 medium", "kernel-limit 5 medium"));
  EXPECT_THAT(notes("5.10"), ElementsAre("kernel-limit 4 medium", "kernel-limit 5 medium", "kernel-limit 0 low"));
  EXPECT_THAT(notes("6.1"), ElementsAre("kernel-limit 5 medium", "kernel-limit 0 low"));
  EXPECT_THAT(notes("5.4"), ElementsAre("kernel-limit 0 high"));
}

TEST(KernelLimits, Versions) {
  EXPECT_EQ(kernel_of("6.1.0-13-amd64"), (Kernel{6, 1}));
  EXPECT_EQ(kernel_of("5.10"), (Kernel{5, 10}));
  for (const char* wrong : {"", "6", "6.", "x.1", "6.1x", "-6.1"}) EXPECT_EQ(kernel_of(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace treeline::analysis
