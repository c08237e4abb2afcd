// SPDX-License-Identifier: Apache-2.0
// merge: two profiles, what the union holds, and what has none.
#include <gmock/gmock.h>

#include "policy-compiler/cli/unite.h"
#include "policy-compiler/frontend/profile.h"

namespace treeline::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Merged {
  std::string text;
  std::vector<std::string> said;  // "b.yaml:4 merge-digest"
  ir::Policy policy;
};

Merged merge(const std::vector<std::string>& texts) {
  Merged out;
  Union all;
  std::vector<ir::Policy> policies(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    Diagnostics diagnostics(std::string(1, static_cast<char>('a' + i)) + ".yaml");
    policies[i] = frontend::read_profile(texts[i], diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << texts[i];
    Diagnostics found(diagnostics.file());
    all.add(policies[i], found, {3, 1});
    for (const Diagnostic& d : found.list())
      out.said.push_back(d.file + ":" + std::to_string(d.position.line) + " " + d.code);
  }
  out.policy = all.finish();
  out.text = frontend::emit_profile(out.policy);
  return out;
}

std::string profile(const std::string& lines, const std::string& head = "") {
  return "treeline: 1\nname: x\n" + head + "entry:\n  - exec: /a\n" + lines;
}

TEST(Union, WordsRulesAndListsAddUp) {
  const Merged m =
      merge({profile("    users: [0]\n    files: {/f: read, /g: read}\n    network:\n      - {direction: in, "
                     "protocol: tcp, port: 80}\n    capabilities: [chown]\n"),
             profile("    users: [33]\n    files: {/h: list, /f: append}\n    network:\n      - {direction: in, "
                     "protocol: tcp, port: 80}\n      - {direction: in, protocol: tcp, port: 81}\n"
                     "    capabilities: [setuid, chown]\n")});
  EXPECT_THAT(m.said, ElementsAre("b.yaml:4 merge-users"));  // each of them has the rights of both
  EXPECT_THAT(m.text, HasSubstr("users: [0, 33]"));
  EXPECT_THAT(m.text, HasSubstr("      /f: read append\n      /g: read\n      /h: list\n"));
  EXPECT_THAT(
      m.text,
      HasSubstr("port: 80}\n      - {direction: in, protocol: tcp, port: 81}\n    capabilities: [chown, setuid]"));
}

TEST(Union, NodesAreTheSameByTheirPlaceInTheTree) {
  const Merged m = merge({profile("    children: [{exec: /b, users: [1]}]\n"),
                          profile("    children: [{exec: /c, children: [{exec: /b}]}, {exec: /b, users: [2]}]\n")});
  EXPECT_THAT(m.said, ElementsAre("b.yaml:5 merge-users"));
  ASSERT_EQ(m.policy.nodes.size(), 4u);
  EXPECT_EQ(ir::canonical_path(m.policy, 1), "entry > /a > /b");
  EXPECT_EQ(m.policy.nodes[1].users.size(), 2u);
  EXPECT_EQ(ir::canonical_path(m.policy, 3), "entry > /a > /c > /b");
}

TEST(Union, WhatWasAcceptedStaysSoAndCoversNoMore) {
  const std::string rules = "    capabilities: [net_raw]\n    accept:\n      dangerous-capability: {net_raw: pings}\n";
  const Merged m = merge({profile(rules + "      any-user: the image chooses\n      sensitive-file: mine\n"),
                          profile(rules + "      any-user: it does\n")});
  EXPECT_THAT(m.said, ElementsAre("b.yaml:4 merge-accept"));
  EXPECT_THAT(m.text, HasSubstr("net_raw: pings"));
  EXPECT_THAT(m.text, HasSubstr("any-user: 'the image chooses'"));
  EXPECT_THAT(m.text, testing::Not(HasSubstr("sensitive-file")));
}

TEST(Union, WhatIsAcceptedOfOneCodeInBothStandsUnderOneKey) {
  const Merged m =
      merge({profile("    capabilities: [net_raw]\n    accept:\n      dangerous-capability: {net_raw: pings}\n      "
                     "dangerous-socket: {packet: dhcp}\n"),
             profile("    capabilities: [sys_admin]\n    accept:\n      dangerous-capability: {sys_admin: mounts}\n")});
  EXPECT_THAT(
      m.text,
      HasSubstr(
          "      dangerous-capability:\n        net_raw: pings\n        sys_admin: mounts\n      dangerous-socket:\n"));
  Diagnostics diagnostics("again.yaml");
  EXPECT_EQ(frontend::emit_profile(frontend::read_profile(m.text, diagnostics)), m.text);
  EXPECT_FALSE(diagnostics.has_errors());
}

// What any of them allows, the result allows: without a list any call passes.
TEST(Union, AListOfSystemCallsBesideNoneIsDroppedAndSaid) {
  const std::string lists = profile("    syscalls: [read]\n    accept:\n      residual: {syscalls: known, /f: mine}\n"),
                    none = profile("");
  const auto expect = [](const std::vector<std::string>& texts, const std::vector<std::string>& said) {
    const Merged m = merge(texts);
    EXPECT_EQ(m.said, said);
    for (const ir::Node& node : m.policy.nodes) EXPECT_TRUE(node.syscalls.empty());
    EXPECT_THAT(m.text, testing::Not(HasSubstr("syscalls")));
    EXPECT_THAT(m.text, HasSubstr("/f: mine"));
  };
  expect({lists, none}, {"b.yaml:4 merge-syscalls"});
  expect({none, lists}, {"b.yaml:5 merge-syscalls"});
  expect({lists, none, lists, none}, {"b.yaml:4 merge-syscalls", "c.yaml:5 merge-syscalls"});
  const Merged both = merge({lists, profile("    syscalls: [write]\n")});
  EXPECT_THAT(both.said, IsEmpty());
  EXPECT_THAT(both.text, HasSubstr("syscalls: [read, write]"));
  EXPECT_THAT(both.text, HasSubstr("syscalls: known"));
}

TEST(Union, TheSameProfileTwiceIsItself) {
  const std::string one = profile("    id: top\n    files: {/f: read}\n    children: [{exec: /a, back_to: top}]\n");
  const Merged m = merge({one, one});
  EXPECT_THAT(m.said, IsEmpty());
  EXPECT_EQ(m.text, merge({one}).text);
}

TEST(Union, DifferentDigestsAndCostsAreReportedWithBothPlaces) {
  const std::string digest = "    digest: ima:sha256:" + std::string(63, '0');
  EXPECT_THAT(merge({profile(digest + "1\n"), profile(digest + "2\n")}).said, ElementsAre("b.yaml:4 merge-digest"));
  EXPECT_THAT(merge({profile(digest + "1\n"), profile("")}).said, ElementsAre("b.yaml:4 merge-digest"));
  EXPECT_THAT(merge({profile(""), profile("    on_violation: kill\n")}).said,
              ElementsAre("b.yaml:4 merge-on-violation"));
  EXPECT_THAT(merge({profile(""), profile("", "on_violation: kill\n")}).said,
              ElementsAre("b.yaml:3 merge-on-violation"));
  EXPECT_THAT(merge({profile("    on_violation: {exec: kill}\n"), profile("    on_violation: {exec: kill-container}\n")}).said,
              ElementsAre("b.yaml:4 merge-on-violation"));
  EXPECT_THAT(merge({profile("    on_violation: {paths: {/s: kill}}\n"), profile("    on_violation: {paths: {/s: kill}}\n")}).said, IsEmpty());
  // The same cost, said in two ways.
  EXPECT_THAT(merge({profile(""), profile("    on_violation: deny\n")}).said, IsEmpty());
}

TEST(Union, AnExecThatLeadsToTwoPlacesHasNoUnion) {
  const std::string back = profile("    id: top\n    children: [{exec: /b, back_to: top}]\n");
  const std::string own = profile("    children: [{exec: /b}]\n");
  EXPECT_THAT(merge({back, own}).said, ElementsAre("b.yaml:5 merge-step"));
  EXPECT_THAT(merge({own, back}).said, ElementsAre("b.yaml:6 merge-step"));
  EXPECT_THAT(merge({own, profile("    children: [{exec: /b, interpreter: /bin/sh}]\n")}).said,
              ElementsAre("b.yaml:5 merge-step"));
}

TEST(Union, AnExemptionDoesNotSpread) {
  EXPECT_THAT(merge({profile("    files: {/f: {access: write map, unsafe_write_and_execute: true}}\n"),
                     profile("    files: {/f: create}\n")})
                  .said,
              ElementsAre("b.yaml:5 merge-exemption"));
  EXPECT_THAT(merge({profile("    files: {/f: write create}\n"),
                     profile("    files: {/f: {access: write map, unsafe_write_and_execute: true}}\n")})
                  .said,
              ElementsAre("b.yaml:5 merge-exemption"));
}

TEST(Union, AnExemptionTakesInTheWordsThatWereSigned) {
  const std::string plain = profile("    files: {/f: write create}\n");
  const std::string reviewed =
      profile("    files: {/f: {access: write create map, unsafe_write_and_execute: true}}\n");
  for (const auto& order : {std::vector{plain, reviewed}, std::vector{reviewed, plain}}) {
    const Merged m = merge(order);
    EXPECT_THAT(m.said, IsEmpty());
    ASSERT_EQ(m.policy.nodes[0].files.size(), 1u);
    EXPECT_TRUE(m.policy.nodes[0].files[0].unsafe_write_and_execute);
    EXPECT_THAT(m.text, HasSubstr("/f: {access: write create map, unsafe_write_and_execute: true}"));
  }
}

TEST(Union, AnyUserIsMoreThanListedOnes) {
  const Merged m = merge({profile("    users: [0]\n"), profile("")});
  EXPECT_THAT(m.said, ElementsAre("b.yaml:4 merge-users"));
  EXPECT_TRUE(m.policy.nodes[0].users.empty());
}

TEST(Union, AnIdThatIsTakenGetsANumberWhereItIsNeeded) {
  const Merged m = merge({profile("    children: [{exec: /b, id: top}]\n"),
                          profile("    children: [{exec: /c, id: top, children: [{exec: /c, back_to: top}]}]\n")});
  EXPECT_THAT(m.said, ElementsAre("b.yaml:5 merge-id"));
  EXPECT_THAT(m.text, HasSubstr("back_to: top-2\n"));
}

TEST(Union, AnIdThatIsLostIsSaid) {
  const std::string up = profile("    id: top\n"), below = profile("    children: [{exec: /b, id: top}]\n");
  const Merged taken = merge({below, up});  // the first one keeps it, wherever it stands
  EXPECT_THAT(taken.said, ElementsAre("b.yaml:4 merge-id"));
  EXPECT_EQ(taken.policy.nodes[0].id, "");
  EXPECT_EQ(taken.policy.nodes[1].id, "top");
  const Merged two = merge({up, profile("    id: other\n")});
  EXPECT_THAT(two.said, ElementsAre("b.yaml:4 merge-id"));
  EXPECT_EQ(two.policy.nodes[0].id, "top");
  EXPECT_THAT(merge({profile(""), up, up}).said, IsEmpty());
}

TEST(Union, EachRuleOfTheResultKnowsWhereItCameFrom) {
  Union all;
  std::vector<ir::Policy> policies;
  for (const char* name : {"a.yaml", "b.yaml"}) {
    Diagnostics diagnostics(name);
    policies.push_back(frontend::read_profile(profile("    files:\n      /f: read\n"), diagnostics));
    all.add(policies.back(), diagnostics);
  }
  Diagnostics again;
  const ir::Policy reread = frontend::read_profile(frontend::emit_profile(all.finish()), again);
  EXPECT_EQ(all.origins(reread)[reread.nodes[0].files[0].path.position], "a.yaml:6:7, b.yaml:6:7");
}

}  // namespace
}  // namespace treeline::cli
