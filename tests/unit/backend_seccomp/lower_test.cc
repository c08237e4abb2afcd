// SPDX-License-Identifier: Apache-2.0
// policy -> the text of closing.json: the whole of it, what each operation opens, and that its readers take it.
#include "policy-compiler/backends/seccomp/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "bpf/lsm/abi.h"
#include "enforcer/confine/closing.h"
#include "tests/unit/passes/policy_writer.h"

namespace treeline::backends::seccomp {
namespace {

using test::Writer;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kAllClosedBegin[] = R"({
  "defaultAction": "SCMP_ACT_ALLOW",
  "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
  "syscalls": [
    {"names": ["clone", "unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [{"index": 0, "value": 268435456, "valueTwo": 268435456, "op": "SCMP_CMP_MASKED_EQ"}]},
    {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
    {"names": ["io_uring_enter", "io_uring_register", "io_uring_setup"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
    {"names": ["userfaultfd"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
    {"names": ["modify_ldt"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
    {"names": ["seccomp"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [{"index": 1, "value": 8, "valueTwo": 8, "op": "SCMP_CMP_MASKED_EQ"}]})";

// READ_IMPLIES_EXEC without all the other bits: an entry for each of those.
std::string all_closed() {
  std::string text = kAllClosedBegin;
  for (uint64_t bit = 1; bit <= 0x80000000; bit <<= 1)
    if (bit != 0x400000)
      text += ",\n    {\"names\": [\"personality\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 1, \"args\": [{\"index\": 0, \"value\": " +
              std::to_string(0x400000 | bit) + ", \"valueTwo\": 4194304, \"op\": \"SCMP_CMP_MASKED_EQ\"}]}";
  return text + "\n  ]\n}\n";
}

std::vector<std::string> refused(const ir::Policy& policy) {
  const Result<confine::Closing> closing = confine::parse_closing(lower(policy));
  EXPECT_TRUE(closing) << (closing ? "" : closing.error().message);
  std::vector<std::string> names;
  if (closing)
    for (const confine::Refusal& refusal : closing->refusals) names.push_back(refusal.name);
  return names;
}

TEST(Closing, OfAPolicyWithoutOperationsEveryDoorIsClosed) {
  Writer w;
  w.root("/bin/a");
  EXPECT_EQ(lower(w.policy), all_closed());
  EXPECT_EQ(lower(ir::Policy{}), all_closed());
}

TEST(Closing, AnOperationOfOneNodeOpensItsDoorForAll) {
  struct Case {
    tl_operation operation;
    std::vector<std::string> opens;
  } cases[] = {
      {TL_OP_USERNS, {"clone", "unshare", "clone3"}},
      {TL_OP_IO_URING, {"io_uring_enter", "io_uring_register", "io_uring_setup"}},
      {TL_OP_USERFAULTFD, {"userfaultfd"}},
      {TL_OP_LDT, {"modify_ldt"}},
      {TL_OP_SECCOMP_LISTENER, {"seccomp"}},
      {TL_OP_JIT, {"personality"}},
      {TL_OP_STACK_EXEC, {"personality"}},
      {TL_OP_MOUNT, {}},
  };
  const std::vector<std::string> all = refused(ir::Policy{});
  for (const Case& c : cases) {
    Writer w;
    w.child(w.root("/bin/a"), "/bin/b");
    w.policy.nodes[w.join("/bin/probe")].operations = {{static_cast<uint32_t>(c.operation), {}}};
    std::vector<std::string> expected;
    for (const std::string& name : all)
      if (std::find(c.opens.begin(), c.opens.end(), name) == c.opens.end()) expected.push_back(name);
    EXPECT_EQ(refused(w.policy), expected) << c.operation;
  }
}

TEST(Closing, WhatNoHookHoldsAndNotAllNodesHaveIsAResidual) {
  Writer w;
  const uint32_t a = w.root("/bin/a"), b = w.child(a, "/bin/b");
  w.policy.nodes[b].operations = {{TL_OP_LDT, {7, 1}}, {TL_OP_SECCOMP_LISTENER, {8, 1}}, {TL_OP_JIT, {9, 1}}, {TL_OP_IO_URING, {10, 1}}};
  const std::vector<ClosingResidual> residuals = closing_residuals(w.policy);
  ASSERT_EQ(residuals.size(), 2u);
  EXPECT_EQ(residuals[0].position, (Position{7, 1}));
  EXPECT_THAT(residuals[0].message, testing::HasSubstr("operation ldt"));
  EXPECT_EQ(residuals[1].position, (Position{8, 1}));
  w.policy.nodes[a].operations = {{TL_OP_LDT, {3, 1}}, {TL_OP_SECCOMP_LISTENER, {4, 1}}};
  EXPECT_THAT(closing_residuals(w.policy), IsEmpty()) << "all of them may";
}

TEST(Closing, WithEveryDoorOpenTheListIsEmptyAndTheTextIsThere) {
  Writer w;
  const uint32_t a = w.root("/bin/a"), b = w.child(a, "/bin/b");
  w.policy.nodes[a].operations = {{TL_OP_USERNS, {}}, {TL_OP_IO_URING, {}}};
  w.policy.nodes[b].operations = {{TL_OP_USERFAULTFD, {}}, {TL_OP_LDT, {}}, {TL_OP_SECCOMP_LISTENER, {}}, {TL_OP_JIT, {}}};
  EXPECT_THAT(refused(w.policy), IsEmpty());
  EXPECT_EQ(
      lower(w.policy),
      "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  \"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\", "
      "\"SCMP_ARCH_X32\", \"SCMP_ARCH_AARCH64\", \"SCMP_ARCH_ARM\"],\n  \"syscalls\": []\n}\n");
}

TEST(Closing, WhatANodeMayOnlyAppendToIsNotChangedByCallsThatNoHookSees) {
  const auto refusals = [](const Writer& w) {
    std::vector<std::string> out;
    const Result<confine::Closing> closing = confine::parse_closing(lower(w.policy));
    if (!closing) return std::vector<std::string>{closing.error().message};
    for (const confine::Refusal& refusal : closing->refusals)
      if (refusal.name == "fallocate" || refusal.name == "pwritev2" || refusal.name == "io_submit")
        out.push_back(refusal.name + " " + std::to_string(refusal.error) +
                      (refusal.only ? " " + std::to_string(refusal.only->index) + " " + std::to_string(refusal.only->bits) : ""));
    return out;
  };
  Writer w;
  const uint32_t a = w.root("/bin/a"), b = w.child(a, "/bin/b");
  w.file(a, "/data", TL_WRITE | TL_APPEND);
  w.file(a, "{pipe}", TL_APPEND);
  EXPECT_THAT(refusals(w), IsEmpty());
  w.file(b, "/var/log/x", TL_APPEND | TL_CREATE);
  EXPECT_THAT(refusals(w), ElementsAre("fallocate 95 1 186", "pwritev2 95 5 32")) << "no calls are listed, so what it submits is not known";
  w.policy.nodes[a].syscalls = {{"read", {}}};
  EXPECT_THAT(refusals(w), ElementsAre("fallocate 95 1 186", "pwritev2 95 5 32", "io_submit 1"));
  w.policy.nodes[b].syscalls = {{"io_submit", {}}};
  EXPECT_THAT(refusals(w), ElementsAre("fallocate 95 1 186", "pwritev2 95 5 32"));
}

TEST(Closing, ConditionsAskForBitsSinceTheKernelTakesLessThanTheFilterSees) {
  const Result<confine::Closing> closing = confine::parse_closing(lower(ir::Policy{}));
  ASSERT_TRUE(closing);
  std::vector<std::string> conditional;
  for (const confine::Refusal& refusal : closing->refusals) {
    if (!refusal.only) continue;
    conditional.push_back(refusal.name);
    EXPECT_EQ(refusal.only->index, refusal.name == "seccomp" ? 1u : 0u);
    EXPECT_EQ(refusal.only->bits, refusal.name == "seccomp" ? 8u : refusal.name == "personality" ? 0x400000u : 0x10000000u);
    EXPECT_EQ(refusal.only->without, refusal.name == "personality" ? 0xffbfffffu : 0u);
  }
  EXPECT_THAT(conditional, ElementsAre("clone", "unshare", "seccomp", "personality"));
}

}  // namespace
}  // namespace treeline::backends::seccomp
