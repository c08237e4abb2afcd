// SPDX-License-Identifier: Apache-2.0
// The image of small policies, looked at through decide.h: what a rule becomes, what is refused, what is left over.
#include "policy-compiler/backends/bpf/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bpf/lsm/decide.h"
#include "policy-compiler/backends/bpf/validate.h"
#include "tests/unit/backend_bpf/image_view.h"
#include "tests/unit/passes/policy_writer.h"

namespace treeline::backends::bpf {
namespace {

using test::compiled;
using test::ImageView;
using test::Writer;
using ::testing::HasSubstr;

constexpr uint32_t kFirst = TL_ROW_FIRST;

TEST(Lower, ARuleGivesItsNodeItsWordsOnItsPathsAndNoOtherNode) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.child(a, "/bin/b");
  w.file(a, "/etc/*.conf", TL_READ | TL_SETATTR);
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  const uint32_t conf = image.class_of("/etc/x.conf");
  EXPECT_EQ(tl_missing_access(image.get(), kFirst, conf, TL_READ | TL_SETATTR), 0u);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst, conf, TL_WRITE | TL_READ), uint32_t{TL_WRITE});
  EXPECT_EQ(tl_missing_access(image.get(), kFirst + 1, conf, TL_READ), uint32_t{TL_READ});
  EXPECT_EQ(image.class_of("/etc/x.confx"), uint32_t{TL_CLASS_NONE});
  EXPECT_EQ(tl_missing_access(image.get(), TL_ROW_OUTSIDE, conf, TL_READ), uint32_t{TL_READ});
}

TEST(Lower, StepsLeadFromTheFixedRowsDownTheTreeAndBack) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  const uint32_t b = w.child(a, "/bin/b");
  w.policy.nodes[b].back_edges.push_back({{"/bin/a", {}}, a});
  const uint32_t probe = w.join("/bin/probe");
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  const uint32_t class_a = image.class_of("/bin/a"), class_b = image.class_of("/bin/b"),
                 class_probe = image.class_of("/bin/probe");
  EXPECT_EQ(tl_exec_edge(image.get(), TL_ROW_ENTRY, class_a, 0), kFirst + a);
  EXPECT_EQ(tl_exec_edge(image.get(), TL_ROW_ENTRY, class_b, 0), uint32_t{TL_ROW_NONE});
  EXPECT_EQ(tl_exec_edge(image.get(), TL_ROW_ENTRY, class_probe, 0), uint32_t{TL_ROW_NONE});
  EXPECT_EQ(tl_exec_edge(image.get(), kFirst + a, class_b, 0), kFirst + b);
  EXPECT_EQ(tl_exec_edge(image.get(), kFirst + b, class_a, 0), kFirst + a);
  EXPECT_EQ(tl_exec_edge(image.get(), TL_ROW_JOIN, class_probe, 0), kFirst + probe);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst + a, class_b, TL_EXECUTE), 0u);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst + b, class_b, TL_EXECUTE), uint32_t{TL_EXECUTE});
}

TEST(Lower, AnInterpreterIsNoStepEvenWhereTheScriptMayExecuteIt) {
  Writer w;
  const uint32_t script = w.root("/run.sh");
  w.policy.nodes[script].interpreter = ir::Pattern{"/bin/sh", {}};
  const uint32_t shell = w.child(script, "/bin/sh");
  const uint32_t other = w.child(script, "/other.sh");
  w.policy.nodes[other].interpreter = ir::Pattern{"/bin/sh", {}};
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  const uint32_t sh = image.class_of("/bin/sh");
  EXPECT_EQ(tl_exec_edge(image.get(), kFirst + script, sh, TL_EDGE_INTERPRETER), kFirst + script);
  EXPECT_EQ(tl_exec_edge(image.get(), kFirst + script, sh, 0), kFirst + shell);
  EXPECT_EQ(tl_exec_edge(image.get(), kFirst + other, sh, TL_EDGE_INTERPRETER), kFirst + other);
  EXPECT_EQ(tl_exec_edge(image.get(), kFirst + other, sh, 0), uint32_t{TL_ROW_NONE});
  EXPECT_EQ(tl_missing_access(image.get(), kFirst + other, sh, TL_EXECUTE), uint32_t{TL_EXECUTE});
}

TEST(Lower, RowsHoldKeysParentsAndFlags) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  const uint32_t b = w.child(a, "/bin/b");
  const uint32_t probe = w.join("/bin/probe");
  w.policy.on_violation = ir::OnViolation::kKill;
  w.policy.nodes[b].on_violation = ir::OnViolation::kDeny;
  w.policy.nodes[b].operations = {{TL_OP_MOUNT, {}}, {TL_OP_JIT, {}}};
  w.policy.nodes[b].users = {{101, {}}, {0, {}}, {101, {}}};
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  ASSERT_EQ(lowered.rows.size(), 3u);
  EXPECT_EQ(lowered.rows[1].path, "entry > /bin/a > /bin/b");
  EXPECT_EQ(lowered.rows[1].key, ir::node_key("entry > /bin/a > /bin/b"));
  EXPECT_EQ(tl_row_of_key(image.get(), lowered.rows[1].key), kFirst + b);
  EXPECT_EQ(TL_ROW64(image.get(), kFirst + b, parent), lowered.rows[0].key);
  EXPECT_EQ(TL_ROW64(image.get(), kFirst + a, parent), TL_KEY_ENTRY);
  EXPECT_EQ(TL_ROW64(image.get(), kFirst + probe, parent), TL_KEY_JOIN);
  EXPECT_EQ(tl_row_flags(image.get(), kFirst + a), uint32_t{TL_ROW_ANY_USER} | TL_ROW_FOREIGN_MOUNTS) << "what b mounts, a sees";
  EXPECT_EQ(tl_row_flags(image.get(), kFirst + b), uint32_t{TL_ROW_WX_MEMORY} | TL_ROW_FOREIGN_MOUNTS);
  EXPECT_TRUE(tl_user_allowed(image.get(), kFirst + b, 0));
  EXPECT_TRUE(tl_user_allowed(image.get(), kFirst + b, 101));
  EXPECT_FALSE(tl_user_allowed(image.get(), kFirst + b, 1));
  EXPECT_TRUE(tl_user_allowed(image.get(), TL_ROW_ENTRY, 12345)) << "whom the runtime runs as is not judged";
  EXPECT_EQ(lowered.policy, policy_hash(w.policy.name));
}

TEST(Lower, WhatAViolationCostsIsInTheRow) {
  const std::pair<ir::OnViolation, uint32_t> costs[] = {
      {ir::OnViolation::kDeny, TL_COST_DENY},
      {ir::OnViolation::kKill, TL_COST_KILL},
      {ir::OnViolation::kKillContainer, TL_COST_KILL_CONTAINER},
      {ir::OnViolation::kFreezeContainer, TL_COST_FREEZE_CONTAINER},
  };
  for (const auto& [word, cost] : costs) {
    Writer w;
    w.root("/bin/a");
    w.policy.on_violation = word;
    const Lowered lowered = compiled(w);
    const ImageView image(lowered.image);
    for (uint32_t reason = 0; reason < TL_REASONS; ++reason)
      for (uint32_t row : {uint32_t{TL_ROW_ENTRY}, uint32_t{TL_ROW_OUTSIDE}, kFirst})
        EXPECT_EQ(tl_cost_of_reason(image.get(), row, reason), cost) << static_cast<int>(word) << " " << reason;
  }
}

TEST(Lower, AKindThatIsViolatedCostsWhatTheNodeSaysOfItElseThePolicy) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  const uint32_t b = w.child(a, "/bin/b");
  const auto kind = [](ir::ViolationCosts& costs, ir::ViolationKind which) -> auto& { return costs.kinds[static_cast<size_t>(which)]; };
  kind(w.policy.violation_costs, ir::ViolationKind::kExec) = ir::OnViolation::kKillContainer;
  kind(w.policy.nodes[b].violation_costs, ir::ViolationKind::kNetwork) = ir::OnViolation::kFreezeContainer;
  w.policy.nodes[b].on_violation = ir::OnViolation::kKill;
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  EXPECT_EQ(tl_cost_of_reason(image.get(), TL_ROW_ENTRY, TL_REASON_NOT_IN_TREE), uint32_t{TL_COST_KILL_CONTAINER});
  EXPECT_EQ(tl_cost_of_reason(image.get(), kFirst + a, TL_REASON_NOT_IN_TREE), uint32_t{TL_COST_KILL_CONTAINER});
  EXPECT_EQ(tl_cost_of_reason(image.get(), kFirst + a, TL_REASON_NETWORK), uint32_t{TL_COST_DENY});
  EXPECT_EQ(tl_cost_of_reason(image.get(), kFirst + b, TL_REASON_NOT_IN_TREE), uint32_t{TL_COST_KILL}) << "the node's word, not the policy's kind";
  EXPECT_EQ(tl_cost_of_reason(image.get(), kFirst + b, TL_REASON_SOCKET_KIND), uint32_t{TL_COST_FREEZE_CONTAINER});
  EXPECT_EQ(tl_cost_of_reason(image.get(), kFirst + b, TL_REASON_ORPHAN), uint32_t{TL_COST_KILL});
}

TEST(Lower, APathCostsTheDearestOfTheNodeElseOfThePolicyAndGrantsNothing) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  const uint32_t b = w.child(a, "/bin/b");
  w.file(a, "/data/**", TL_READ | TL_CREATE | TL_RENAME_IN);
  w.policy.violation_costs.paths = {{{"/etc/shadow", {}}, ir::OnViolation::kFreezeContainer}};
  w.policy.nodes[b].violation_costs.paths = {{{"/etc/*", {}}, ir::OnViolation::kKill}, {{"/etc/s*", {}}, ir::OnViolation::kDeny}};
  w.policy.nodes[a].violation_costs.paths = {{{"/data/trap", {}}, ir::OnViolation::kKillContainer}};
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  const auto cost = [&](uint32_t row, const char* path) { return tl_cost_of_class(image.get(), row, image.class_of(path)); };
  EXPECT_EQ(cost(kFirst + a, "/etc/shadow"), 1u + TL_COST_FREEZE_CONTAINER);
  EXPECT_EQ(cost(TL_ROW_ENTRY, "/etc/shadow"), 1u + TL_COST_FREEZE_CONTAINER);
  EXPECT_EQ(cost(kFirst + b, "/etc/shadow"), 1u + TL_COST_KILL);
  EXPECT_EQ(cost(kFirst + b, "/etc/group"), 1u + TL_COST_KILL);
  EXPECT_EQ(cost(kFirst + a, "/etc/group"), 0u);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst + b, image.class_of("/etc/shadow"), TL_READ), uint32_t{TL_READ});
  EXPECT_EQ(cost(kFirst + a, "/data/trap"), 1u + TL_COST_KILL_CONTAINER);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst + a, image.class_of("/data/trap"), TL_READ), 0u);
  EXPECT_TRUE(tl_move_allowed(image.get(), image.class_of("/data/x"), image.class_of("/data/trap"))) << "a cost is no right";
}

TEST(Lower, ASignedRuleMarksItsRowAndItsClass) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  const uint32_t b = w.child(a, "/bin/b");
  w.file(a, "/jit/*", TL_WRITE | TL_CREATE | TL_MAP);
  w.policy.nodes[a].files.back().unsafe_write_and_execute = true;
  w.file(b, "/jit/*", TL_READ);
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  EXPECT_TRUE(tl_row_flags(image.get(), kFirst + a) & TL_ROW_UNSAFE);
  EXPECT_FALSE(tl_row_flags(image.get(), kFirst + b) & TL_ROW_UNSAFE);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst + a, image.class_of("/jit/x"), TL_UNSAFE), 0u);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst + b, image.class_of("/jit/x"), TL_UNSAFE), uint32_t{TL_UNSAFE});
  EXPECT_EQ(tl_missing_access(image.get(), kFirst + a, image.class_of("/bin/a"), TL_UNSAFE), uint32_t{TL_UNSAFE});
}

TEST(Lower, ObjectsWithoutAPathKeepTheirFixedClasses) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.file(a, "{pipe}", TL_READ | TL_WRITE);
  w.file(a, "{anon:eventfd}", TL_READ);
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst, TL_CLASS_PIPE, TL_READ | TL_APPEND), 0u);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst, TL_CLASS_ANON_EVENTFD, TL_READ), 0u);
  EXPECT_EQ(tl_missing_access(image.get(), kFirst, TL_CLASS_SOCKET, TL_READ), uint32_t{TL_READ});
  EXPECT_EQ(image.class_of("{pipe}"), uint32_t{TL_CLASS_NONE});
}

TEST(Lower, RulesThatNoNodeCanTellApartAreOneClass) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  for (const char* path : {"/etc/a", "/etc/b", "/srv/**", "/var/*/x"}) w.file(a, path, TL_READ);
  w.file(a, "/etc/c", TL_READ | TL_SETATTR);
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  EXPECT_EQ(image.class_of("/etc/a"), image.class_of("/srv/x/y"));
  EXPECT_EQ(image.class_of("/etc/b"), image.class_of("/var/q/x"));
  EXPECT_NE(image.class_of("/etc/a"), image.class_of("/etc/c"));
  EXPECT_EQ(lowered.figures.classes, uint32_t{TL_CLASS_FIRST} + 3) << "read, read+setattr, the executable";
}

TEST(Lower, AFileMayMoveOnlyWhereNobodyGains) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.file(a, "/rich/*", TL_READ | TL_WRITE | TL_CREATE);
  w.file(a, "/poor/*", TL_READ | TL_CREATE);
  w.file(a, "/plain/*", TL_READ);
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  const uint32_t rich = image.class_of("/rich/x"), poor = image.class_of("/poor/x"), plain = image.class_of("/plain/x");
  EXPECT_TRUE(tl_move_allowed(image.get(), rich, poor));
  EXPECT_FALSE(tl_move_allowed(image.get(), poor, rich));
  EXPECT_TRUE(tl_move_allowed(image.get(), poor, poor));
  EXPECT_FALSE(tl_move_allowed(image.get(), plain, poor));
  EXPECT_FALSE(tl_move_allowed(image.get(), TL_CLASS_NONE, poor));
}

TEST(Lower, TheSamePolicyGivesTheSameBytes) {
  const auto image = [] {
    Writer w;
    const uint32_t a = w.root("/bin/a");
    const uint32_t b = w.child(a, "/bin/[b-d]");
    for (int i = 0; i < 60; ++i)
      w.file(i % 2 == 0 ? a : b, "/data/" + std::to_string(i * 7919 % 101) + "/*",
             static_cast<ir::AccessSet>(1 << (i % 4)));
    ir::NetworkRule rule;
    rule.peer.kind = ir::PeerKind::kExternal;
    rule.ports = {{80, 443}};
    w.policy.nodes[a].network = {rule};
    return compiled(w).image;
  };
  EXPECT_EQ(image(), image());
}

TEST(Lower, AnEmptyPolicyIsAnImageThatAllowsNothing) {
  Writer w;
  const Lowered lowered = compiled(w);
  const ImageView image(lowered.image);
  EXPECT_EQ(image.class_of("/bin/sh"), uint32_t{TL_CLASS_NONE});
  EXPECT_EQ(tl_exec_edge(image.get(), TL_ROW_ENTRY, TL_CLASS_FIRST, 0), uint32_t{TL_ROW_NONE});
}

TEST(Lower, WhatTheImageCannotSayIsLeftOver) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.policy.nodes[a].digest = "fsverity:sha256:00";
  w.policy.nodes[a].syscalls = {{"read", {9, 3}}, {"write", {9, 9}}};
  const Lowered lowered = compiled(w);
  ASSERT_EQ(lowered.residuals.size(), 2u);
  EXPECT_THAT(lowered.residuals[0].message, HasSubstr("digest"));
  EXPECT_THAT(lowered.residuals[1].message, HasSubstr("2 listed"));
  EXPECT_EQ(lowered.residuals[1].position.line, 9u);
}

std::string refusal(Writer& w) {
  std::optional<passes::Paths> paths = passes::compile_paths(w.policy, w.diagnostics);
  if (!paths || lower(w.policy, std::move(*paths), w.diagnostics)) return "";
  return w.diagnostics.list().back().code;
}

TEST(Lower, WhatCannotBeLaidOutIsRefused) {
  Writer users;
  users.root("/bin/a");
  for (uint32_t uid = 0; uid < 65; ++uid) users.policy.nodes[0].users.push_back({uid, {}});
  EXPECT_EQ(refusal(users), "too-many-users");

  Writer number;
  number.root("/bin/a");
  number.policy.nodes[0].netlink = {{64, {4, 1}}};
  EXPECT_EQ(refusal(number), "number-range");

  Writer twins;
  twins.root("/bin/a");
  twins.root("/bin/b");
  twins.policy.nodes[1].executable.text = "/bin/a";
  EXPECT_EQ(refusal(twins), "ambiguous-step") << "without check_paths() too";

  Writer same_key;
  const uint32_t a = same_key.root("/bin/a");
  same_key.policy.nodes.push_back(same_key.policy.nodes[a]);  // in no list of roots: no step meets, the keys do
  EXPECT_EQ(refusal(same_key), "node-key");

  Writer addresses;
  addresses.root("/bin/a");
  ir::NetworkRule rule;
  rule.peer.kind = ir::PeerKind::kBlocks;
  rule.ports = {{}};
  for (uint32_t i = 0; i < 70'000; ++i) {
    rule.peer.blocks.push_back(
        {false, {10, static_cast<uint8_t>(i >> 15), static_cast<uint8_t>(i >> 7), static_cast<uint8_t>(i << 1)}, 32});
  }
  addresses.policy.nodes[0].network = {rule};
  EXPECT_EQ(refusal(addresses), "network-budget");
}

}  // namespace
}  // namespace treeline::backends::bpf
