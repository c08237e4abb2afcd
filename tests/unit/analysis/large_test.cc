// SPDX-License-Identifier: Apache-2.0
//
// Policy: so many trees that with the sensitive names they are more combinations than any bound. Act: compare it, grade it. Outcome: what a small
// one gets: the differences with their grades and examples, each pattern looked at.
#include <gmock/gmock.h>

#include "policy-compiler/analysis/grade.h"
#include "policy-compiler/analysis/spots.h"
#include "tests/unit/analysis/versions.h"

namespace treeline::analysis {
namespace {

using test::compared;
using test::lines;
using testing::ElementsAre;

// `more` before the trees, so that its lines are known.
test::Checked large(const std::string& more) {
  std::string files = "    files:\n" + more;
  for (int i = 0; i < 1'500; ++i) files += "      /srv/d" + std::to_string(i) + "/x/" + (i % 10 == 9 ? "name" : "**") + ": read\n";
  return test::node(files);
}

TEST(Large, ItIsComparedWithItself) {
  const test::Checked one = large("");
  EXPECT_TRUE(compared(one, one).empty());
}

TEST(Large, WhatDiffersIsGraded) {
  const Diff diff = compared(large("      /srv/home/.ssh/*: read\n      /opt/a: read\n"),
                             large("      /srv/home/.ssh/*: read write\n      '/opt/[ab]': read\n      /run/[a-z]*/docker.sock: connect\n"));
  EXPECT_THAT(lines(diff), ElementsAre("+critical file /srv/home/.ssh/* write append", "+critical file /run/[a-z]*/docker.sock connect",
                                       "+low file /opt/[ab] read part"));
  EXPECT_EQ(diff.nodes[0].changes[2].example, "/opt/b");
}

TEST(Large, AWholeTreeLessOrMore) {
  EXPECT_THAT(lines(compared(large("      /srv/more/**: read\n"), large(""))), ElementsAre("-low file /srv/more/** read"));
  EXPECT_THAT(lines(compared(large(""), large("      /srv/d1/**: list\n"))), ElementsAre("+low file /srv/d1/** list"));
}

// With the sensitive names each tree is some thousand combinations: together too many, spot by spot all alike.
TEST(Large, ManyTreesAtOnce) {
  std::string reads = "    files:\n", appends = reads;
  for (int i = 0; i < 3'000; ++i) {
    const std::string name = "      /data/d" + std::to_string(i) + (i % 3 == 0 ? "/**" : i % 3 == 1 ? "/*.so" : "/x/**/y");
    reads += name + ": read\n";
    appends += name + ": read append\n";
  }
  const std::string grave = "      /data/u/.ssh/*: read\n      /etc/cron*/**: read\n";
  const std::string graver = "      /data/u/.ssh/*: read append\n      /etc/cron*/**: read append\n";
  const test::Checked none = test::node(""), read = test::node(reads + grave), append = test::node(appends + graver);
  const Diff all = compared(none, read), more = compared(read, append);
  EXPECT_TRUE(all.doubts.empty());
  EXPECT_EQ(all.count(Effect::kAllowed), 3'002u);
  EXPECT_EQ(all.nodes[0].changes[0].what, "/data/u/.ssh/*");
  EXPECT_EQ(all.nodes[0].changes[0].risk, Risk::kHigh);
  EXPECT_EQ(all.nodes[0].changes[1].risk, Risk::kLow);
  EXPECT_EQ(more.count(Effect::kAllowed), 3'002u);
  EXPECT_EQ(more.nodes[0].changes[0].risk, Risk::kCritical);
  EXPECT_EQ(more.nodes[0].changes[1].risk, Risk::kCritical);
  EXPECT_EQ(more.nodes[0].changes[2].risk, Risk::kMedium);
  const Diff less = compared(append, none);
  EXPECT_EQ(less.count(Effect::kAllowed), 0u);
  EXPECT_EQ(less.count(Effect::kDenied), 3'002u);
}

// Patterns of the two that multiply: what is written otherwise is different, and nothing else.
TEST(Large, WhatCannotBeComparedIsComparedAsItIsWritten) {
  const auto version = [](char letter, const std::string& more) {
    return test::node("    files:\n      /srv/same/**: read\n" + more + "      '/srv/*" + letter + std::string(14, '?') + "': read\n");
  };
  const test::Checked before = version('a', "      /etc/x: read\n"), after = version('b', "      /etc/x: read append\n      /srv/same/y: write\n");
  Spots spots;
  ASSERT_FALSE(spots.make(before.paths, after.paths)) << "the two are too alike for this test";
  const Diff diff = compared(before, after);
  ASSERT_EQ(diff.doubts.size(), 1u);
  EXPECT_EQ(diff.count(Effect::kAllowed), 3u);
  EXPECT_EQ(diff.count(Effect::kDenied), 1u);
  EXPECT_THAT(lines(diff), testing::IsSupersetOf({"+medium file /etc/x append", "+medium file /srv/same/y write append"}));
  EXPECT_TRUE(compared(before, before).empty());
}

TEST(Large, EachPatternIsGraded) {
  const test::Checked one = large("      /srv/more/*.key: read\n      /etc/sh*: read\n      /etc/cron.d/x: write\n      /srv/more/**: write\n");
  Diagnostics diagnostics("test.yaml");
  grade_paths(one.policy, one.paths, diagnostics);
  std::vector<std::string> found;
  for (const Diagnostic& d : diagnostics.list()) found.push_back(d.code + " " + std::to_string(d.position.line) + " " + d.risk);
  EXPECT_THAT(found, testing::UnorderedElementsAre("sensitive-file 7 high", "sensitive-file 8 high", "sensitive-file 9 critical"));
}

// Where all of what may be looked at is gone it is said once, and at no node's line, which could accept it for the others.
TEST(Large, WhatWasNotLookedAtIsSaidOnce) {
  std::string files = "    files:\n";
  for (int i = 0; i < 60; ++i) files += "      '/a/*a" + std::string(10, '?') + std::to_string(i) + "': read\n";
  const test::Checked one = test::node(files);
  Diagnostics diagnostics("test.yaml");
  grade_paths(one.policy, one.paths, diagnostics, 20'000);
  size_t without_place = 0;
  for (const Diagnostic& d : diagnostics.list()) {
    EXPECT_EQ(d.code + " " + d.risk, "not-graded critical");
    without_place += d.position.line == 0;
  }
  EXPECT_EQ(without_place, 1u);
  EXPECT_LT(diagnostics.list().size(), 60u);
}

}  // namespace
}  // namespace treeline::analysis
