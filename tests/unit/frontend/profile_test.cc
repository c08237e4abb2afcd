// SPDX-License-Identifier: Apache-2.0
// A right profile -> exactly these values, each with its place.
#include <gmock/gmock.h>

#include "bpf/lsm/abi.h"
#include "policy-compiler/ir/names.h"
#include "tests/unit/common.h"
#include "tests/unit/frontend/reading.h"

namespace treeline::frontend {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kFull = slurp(in_sources("tests/fuzz/corpus/profile/full.yaml"));

TEST(Profile, EveryConstructIsReadWithoutADiagnostic) {
  const Read r = read(kFull);
  EXPECT_THAT(r.found(), IsEmpty());
  EXPECT_EQ(r.policy.name, "nginx");
  EXPECT_EQ(r.policy.file, "test.yaml");
  ASSERT_EQ(r.policy.nodes.size(), 3u);
  EXPECT_THAT(r.policy.entry, ElementsAre(0u));
  EXPECT_THAT(r.policy.join, ElementsAre(2u));
  const ir::Node& node = r.policy.nodes[0];
  EXPECT_EQ(node.id, "entry");
  EXPECT_EQ(node.interpreter->text, "/bin/sh");
  EXPECT_EQ(node.on_violation, ir::OnViolation::kKill);
  EXPECT_EQ(node.users.size(), 2u);
  EXPECT_EQ(node.users[1].value, 101u);
  EXPECT_THAT(node.children, ElementsAre(1u));
  EXPECT_EQ(r.policy.nodes[1].parent, 0u);
  EXPECT_FALSE(r.policy.nodes[1].on_violation.has_value());
  ASSERT_EQ(r.policy.nodes[1].back_edges.size(), 1u);
  EXPECT_EQ(r.policy.nodes[1].back_edges[0].target, 0u);
  EXPECT_EQ(r.policy.nodes[1].back_edges[0].executable.text, "/bin/sh");
}

TEST(Profile, FileRulesOfGroupsComeFirstAndKeepTheirPlace) {
  const Read r = read(kFull);
  const auto& files = r.policy.nodes[0].files;
  ASSERT_EQ(files.size(), 10u);
  EXPECT_EQ(files[0].path.text, "/usr/lib/**");
  EXPECT_EQ(files[0].path.position, (Position{7, 7}));
  EXPECT_EQ(files[0].access, TL_READ | TL_MAP);
  EXPECT_EQ(files[2].path.text, "/etc/nginx/**");
  EXPECT_EQ(files[2].access, TL_READ | TL_LIST);
  EXPECT_EQ(files[4].path.text, "{pipe}");
  EXPECT_EQ(files[4].path.position, (Position{20, 7}));
  EXPECT_TRUE(files[9].unsafe_write_and_execute);
  EXPECT_EQ(files[9].access, TL_WRITE | TL_CREATE | TL_MAP);
  EXPECT_FALSE(files[8].unsafe_write_and_execute);
}

TEST(Profile, NetworkRules) {
  const auto network = read(kFull).policy.nodes[0].network;
  ASSERT_EQ(network.size(), 4u);
  EXPECT_EQ(ir::names::peer_text(network[0].peer), "10.0.0.0/8");
  EXPECT_EQ(network[0].ports[0].first, 5432);
  EXPECT_EQ(ir::names::peer_text(network[1].peer), "10.0.0.53/32,fd00::/8");
  ASSERT_EQ(network[1].ports.size(), 2u);
  EXPECT_EQ(network[1].ports[1].last, 8999);
  EXPECT_EQ(network[2].direction, ir::Direction::kIn);
  EXPECT_EQ(network[2].peer.kind, ir::PeerKind::kAny);
  EXPECT_EQ(network[3].protocol, ir::Protocol::kIcmp);
  EXPECT_EQ(network[3].ports.size(), 1u);
}

TEST(Profile, NumbersOfANodeAndItsGroupsAreThereOnce) {
  const Read r = read(kFull);
  const auto& node = r.policy.nodes[0];
  std::vector<std::string> calls;
  for (const auto& call : node.syscalls) calls.push_back(call.name);
  EXPECT_THAT(calls, ElementsAre("read", "write", "mmap", "openat"));
  ASSERT_EQ(node.netlink.size(), 2u);
  EXPECT_EQ(node.netlink[1].value, 15u);
  EXPECT_EQ(node.capabilities[1].value, 7u);
  EXPECT_EQ(node.operations[0].value, static_cast<uint32_t>(TL_OP_JIT));
}

TEST(Profile, JsonIsReadToo) {
  const Read r = read(R"({"treeline": 1, "name": "x", "entry": [{"exec": "/a", "files": {"/b": "read"}}]})");
  EXPECT_THAT(r.found(), IsEmpty());
  ASSERT_EQ(r.policy.nodes.size(), 1u);
  EXPECT_EQ(r.policy.nodes[0].files[0].path.position, (Position{1, 65}));
}

TEST(Profile, LineEndsOfWindowsAndAByteOrderMarkChangeNothing) {
  const Read r = read("\xef\xbb\xbftreeline: 1\r\nname: x\r\nentry:\r\n  - exec: /a\r\n    filse: 1\r\n");
  EXPECT_THAT(r.found(), ElementsAre("5:5 unknown-key"));
  EXPECT_EQ(r.policy.nodes[0].executable.text, "/a");
}

TEST(Profile, AnOperationThatNothingAsksForIsRefusedByName) {
  const Read r = read(node_with("    operations: [jit, spawn-workloads, spawn]\n"));
  EXPECT_THAT(r.found(), ElementsAre("5:23 unknown-name", "5:40 unknown-name"));
  EXPECT_THAT(r.diagnostics.list()[0].message, testing::HasSubstr("not enforced by this version"));
  EXPECT_THAT(r.diagnostics.list()[1].remedy, testing::Not(testing::HasSubstr("spawn-workloads")));
}

// In Kubernetes an empty selector is every namespace, and none the own one.
TEST(Profile, ANamespaceWithoutLabelsIsRefused) {
  const auto peer = [](const std::string& text) {
    return read(node_with("    network: [{direction: out, protocol: tcp, port: 1, peer: {pods: " + text +
                          "}}]\n    sockets: [inet-stream]\n"));
  };
  EXPECT_THAT(peer("{app: c}, namespace: {}").found(), ElementsAre("5:90 empty-list"));
  EXPECT_THAT(peer("{app: c}, namespace: []").found(), ElementsAre("5:90 kind"));
  EXPECT_THAT(peer("{app: c}, namespace: {team: data}").found(), IsEmpty());
  EXPECT_THAT(peer("{}").found(), IsEmpty());  // every pod of the own namespace
}

TEST(Profile, ColumnsCountCharactersNotBytes) {
  const Read r = read(node_with("    files: {/ä/ö€𝄞: read, /ä: raed}\n"));
  EXPECT_THAT(r.found(), ElementsAre("5:31 access-word"));
}

TEST(Profile, ScalarsAreTextUntilAskedFor) {
  // 'no' is no boolean, 010 no number of base eight, 1e1 none at all.
  EXPECT_THAT(read("treeline: 1\nname: no\nentry: [{exec: /a}]\n").found(), IsEmpty());
  EXPECT_THAT(read(node_with("    users: [010]\n")).found(), ElementsAre("5:13 user"));
  EXPECT_THAT(read(node_with("    users: [1e1]\n")).found(), ElementsAre("5:13 user"));
  EXPECT_THAT(read(node_with("    users: [4294967294]\n")).found(), IsEmpty());
  EXPECT_THAT(read(node_with("    users: [4294967295]\n")).found(), ElementsAre("5:13 user"));
  EXPECT_THAT(read(node_with("    users: [0x0]\n")).found(), ElementsAre("5:13 user"));
}

TEST(Profile, AViolationCostsOneWordOrWordsByWhatIsViolated) {
  const Read r = read(
      "treeline: 1\nname: x\non_violation: {exec: kill-container}\nentry:\n  - exec: /a\n    on_violation:\n      default: kill\n"
      "      written: deny\n      paths:\n        /etc/shadow: freeze-container\n        '{memfd}': kill\n");
  EXPECT_THAT(r.found(), IsEmpty());
  const auto cost = [&](uint32_t node, ir::ViolationKind kind) { return ir::cost_of(r.policy, node, kind); };
  EXPECT_EQ(r.policy.on_violation, ir::OnViolation::kDeny);
  EXPECT_EQ(cost(ir::kNoNode, ir::ViolationKind::kExec), ir::OnViolation::kKillContainer);
  EXPECT_EQ(cost(ir::kNoNode, ir::ViolationKind::kFiles), ir::OnViolation::kDeny);
  EXPECT_EQ(cost(0, ir::ViolationKind::kExec), ir::OnViolation::kKill);
  EXPECT_EQ(cost(0, ir::ViolationKind::kWritten), ir::OnViolation::kDeny);
  const auto& paths = r.policy.nodes[0].violation_costs.paths;
  ASSERT_EQ(paths.size(), 2u);
  EXPECT_EQ(paths[0].path.text, "/etc/shadow");
  EXPECT_EQ(paths[0].path.position, (Position{10, 9}));
  EXPECT_EQ(paths[0].cost, ir::OnViolation::kFreezeContainer);
  EXPECT_EQ(ir::names::violation_text(r.policy, 0), "kill, written: deny, /etc/shadow: freeze-container, {memfd}: kill");
}

TEST(Profile, MistakesInWhatAViolationCostsHaveTheirPlaces) {
  EXPECT_THAT(read(node_with("    on_violation:\n      exce: kill\n      files: kil\n      paths:\n        /a: denny\n")).found(),
              ElementsAre("6:7 unknown-key", "7:14 unknown-name", "9:13 unknown-name"));
  EXPECT_THAT(read(node_with("    on_violation: {paths: [/a]}\n")).found(), ElementsAre("5:27 kind"));
  EXPECT_THAT(read(node_with("    on_violation: [kill]\n")).found(), ElementsAre("5:19 kind"));
}

TEST(Profile, PatternsArePassedOnAsWritten) {
  const Read r =
      read(node_with("    files:\n      /a\\*b: read\n      '/it''s: here # x': read\n      \"/\\\\x41\": read\n"));
  EXPECT_THAT(r.found(), IsEmpty());
  EXPECT_EQ(r.policy.nodes[0].files[0].path.text, "/a\\*b");
  EXPECT_EQ(r.policy.nodes[0].files[1].path.text, "/it's: here # x");
  EXPECT_EQ(r.policy.nodes[0].files[2].path.text, "/\\x41");
}

TEST(Profile, ASelfLoopIsABackEdge) {
  const Read r = read(node_with("    id: me\n    children:\n      - exec: /a\n        back_to: me\n"));
  EXPECT_THAT(r.found(), IsEmpty());
  EXPECT_EQ(r.policy.nodes[0].back_edges[0].target, 0u);
}

TEST(Profile, ParentsComeBeforeTheirChildren) {
  const Read r = read(
      "treeline: 1\nname: x\nentry:\n- exec: /a\n  children:\n  - exec: /b\n    children: [{exec: /c}]\n  - exec: "
      "/d\n- "
      "exec: /e\n");
  ASSERT_EQ(r.policy.nodes.size(), 5u);
  std::vector<std::string> order;
  for (const ir::Node& node : r.policy.nodes) order.push_back(node.executable.text);
  EXPECT_THAT(order, ElementsAre("/a", "/b", "/c", "/d", "/e"));
  EXPECT_THAT(r.policy.nodes[0].children, ElementsAre(1u, 3u));
  EXPECT_EQ(r.policy.nodes[2].parent, 1u);
}

}  // namespace
}  // namespace treeline::frontend
