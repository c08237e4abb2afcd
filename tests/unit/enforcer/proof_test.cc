// SPDX-License-Identifier: Apache-2.0
#include "enforcer/canary/proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace treeline::canary {
namespace {
using testing::HasSubstr;

constexpr uint64_t kSecond = 1'000'000'000;

CanaryReport of_one_hook(const std::string& time, bool refused) {
  HookProof proof;
  proof.hook = "file_open";
  proof.refused = proof.counted = refused;
  proof.let_pass = !refused;
  CanaryReport report;
  report.time = time;
  report.hooks.push_back(proof);
  return report;
}
CanaryReport refused() { return of_one_hook("refused", true); }
CanaryReport let_pass() { return of_one_hook("let pass", false); }
CanaryReport not_tried(const std::string& why) {
  CanaryReport report;
  report.time = "not tried";
  report.error = why;
  return report;
}

TEST(Proof, IsNotLostByAnAttemptThatCouldNotBeMade) {
  Proof proof;
  EXPECT_FALSE(proof.passed());
  proof.take(refused(), 0, 1);
  proof.take(not_tried("the arena is full"), 2, 3);
  EXPECT_TRUE(proof.passed());
  EXPECT_EQ(proof.report().time, "refused");
  ASSERT_TRUE(proof.failed_attempt());
  EXPECT_EQ(proof.failed_attempt()->error, "the arena is full");
  EXPECT_FALSE(proof.is_due(1000 * kSecond));
  proof.take(refused(), 4, 5);
  EXPECT_FALSE(proof.failed_attempt());
}

TEST(Proof, IsLostByAHookThatLetAnActPassAlsoWhereTheAttemptDidNotEnd) {
  for (const bool ended : {true, false}) {
    Proof proof;
    proof.take(refused(), 0, 1);
    CanaryReport report = let_pass();
    if (!ended) report.error = "the victim did not finish";
    proof.take(report, 2, 3);
    EXPECT_FALSE(proof.passed());
    EXPECT_EQ(proof.report().time, "let pass");
    EXPECT_FALSE(proof.is_due(1000 * kSecond));  // it was tried
  }
}

TEST(Proof, IsTriedForAgainWhereTheFirstAttemptCouldNotBeMade) {
  Proof proof;
  EXPECT_FALSE(proof.is_due(1000 * kSecond));  // the start makes the first one
  proof.take(not_tried("cannot fork"), 0, kSecond / 10);
  EXPECT_THAT(proof.why(), HasSubstr("cannot fork"));
  EXPECT_THAT(proof.why(), HasSubstr("could not be tried"));
  EXPECT_FALSE(proof.is_due(5 * kSecond));
  EXPECT_TRUE(proof.is_due(11 * kSecond));
  for (int i = 0; i < 6; ++i) proof.take(not_tried("cannot fork"), 20 * kSecond, 20 * kSecond);
  EXPECT_FALSE(proof.is_due(40 * kSecond));
  EXPECT_TRUE(proof.is_due(81 * kSecond));
  proof.take(refused(), 90 * kSecond, 90 * kSecond);
  EXPECT_TRUE(proof.passed());
  EXPECT_EQ(proof.why(), "");
}

TEST(Proof, ThatAHookLetPassIsNotForgottenForAnAttemptThatCouldNotBeMade) {
  Proof proof;
  proof.take(let_pass(), 0, 1);
  proof.take(not_tried("cannot fork"), 2, 3);
  EXPECT_FALSE(proof.passed());
  EXPECT_THAT(proof.why(), HasSubstr("file_open"));
}

// While the victim hangs nobody is answered.
TEST(Proof, IsTriedForRarelyWhereThatTakesLong) {
  Proof proof;
  proof.take(not_tried("the victim did not finish"), 0, 30 * kSecond);
  EXPECT_FALSE(proof.is_due(600 * kSecond));
  EXPECT_TRUE(proof.is_due(631 * kSecond));
}

}  // namespace
}  // namespace treeline::canary
