// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/support/diagnostics.h"

#include <gmock/gmock.h>

namespace treeline {
namespace {

TEST(Diagnostics, AnErrorBehindAThousandWarningsIsKept) {
  Diagnostics found("x.yaml");
  for (uint32_t i = 1; i <= 3000; ++i) found.warning({i, 1}, "unsafe-write-and-execute", "signed for");
  found.error({9999, 1}, "write-and-execute", "not signed for");
  EXPECT_EQ(found.list().size(), Diagnostics::kMost);
  EXPECT_EQ(found.list().back().code, "write-and-execute");
  EXPECT_EQ(found.errors(), 1u);
  EXPECT_EQ(found.warnings(), 3000u);
  EXPECT_EQ(found.dropped(), 2001u);
  EXPECT_EQ(found.list().front().position.line, 1u);  // the last of the least grave goes
}

TEST(Diagnostics, TheGravestStayAndAllAreCounted) {
  Diagnostics found("x.yaml", 2);
  found.finding(Severity::kNote, {1, 1}, "any-user", "a", "", "medium");
  found.finding(Severity::kNote, {2, 1}, "any-user", "b", "", "low");
  found.finding(Severity::kWarning, {3, 1}, "sensitive-file", "c", "", "critical");
  found.finding(Severity::kWarning, {4, 1}, "sensitive-file", "d", "", "high");
  found.finding(Severity::kNote, {5, 1}, "any-user", "e", "", "medium");
  ASSERT_EQ(found.list().size(), 2u);
  EXPECT_EQ(found.list()[0].risk, "critical");
  EXPECT_EQ(found.list()[1].risk, "high");
  EXPECT_EQ(found.with_risk("medium"), 2u);
  EXPECT_EQ(found.with_risk("critical"), 1u);
  EXPECT_EQ(found.findings(), 5u);
  EXPECT_EQ(found.dropped_text(), "2 medium, 1 low");
}

TEST(Diagnostics, WhatIsSignedForGivesWayAndCountsNoMore) {
  Diagnostics found("x.yaml", 2);
  found.finding(Severity::kWarning, {1, 1}, "sensitive-file", "a", "", "critical");
  found.finding(Severity::kWarning, {2, 1}, "sensitive-file", "b", "", "critical");
  found.accept(0, "reviewed");
  EXPECT_EQ(found.with_risk("critical"), 1u);
  EXPECT_EQ(found.warnings(), 1u);
  found.note({3, 1}, "residual", "c");
  EXPECT_EQ(found.list()[0].position.line, 2u);
  EXPECT_EQ(found.dropped_text(), "1 others");
}

TEST(Diagnostics, PouredIntoAnotherListNothingIsLost) {
  Diagnostics many("x.yaml", 3);
  for (uint32_t i = 1; i <= 10; ++i) many.error({i, 1}, "pattern", "wrong");
  many.finding(Severity::kWarning, {1, 1}, "sensitive-file", "a", "", "high");
  Diagnostics all("x.yaml");
  all.warning({}, "residual", "before");
  all.take(many);
  EXPECT_EQ(all.errors(), 10u);
  EXPECT_EQ(all.warnings(), 2u);
  EXPECT_EQ(all.with_risk("high"), 1u);
  EXPECT_EQ(all.list().size(), 4u);
  EXPECT_EQ(all.dropped_text(), "7 errors, 1 high");
  EXPECT_EQ(all.dropped(), 8u);
}

}  // namespace
}  // namespace treeline
