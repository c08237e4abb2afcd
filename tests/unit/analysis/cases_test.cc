// SPDX-License-Identifier: Apache-2.0
// A file of cases -> what it asks, or every mistake in it with its place.
#include "policy-compiler/analysis/cases.h"

#include <gmock/gmock.h>

namespace treeline::analysis {
namespace {

std::vector<std::string> mistakes(const std::string& text, size_t* count = nullptr) {
  Diagnostics diagnostics("x.cases.yaml");
  const size_t cases = read_cases(text, diagnostics).size();
  if (count != nullptr) *count = cases;
  std::vector<std::string> out;
  for (const Diagnostic& d : diagnostics.list()) out.push_back(d.code + " " + std::to_string(d.position.line));
  return out;
}

TEST(Cases, RightOnesAreRead) {
  Diagnostics diagnostics("x.cases.yaml");
  const auto cases = read_cases("treeline-cases: 1\ncases:\n  - {node: a, act: exec, object: /b, expect: allow, next: b}\n  - {node: a, act: read, object: '/x y', expect: deny}\n",
                                diagnostics);
  EXPECT_TRUE(diagnostics.list().empty());
  ASSERT_EQ(cases.size(), 2u);
  EXPECT_TRUE(cases[0].allow);
  EXPECT_EQ(cases[0].next, "b");
  EXPECT_FALSE(cases[1].allow);
  EXPECT_EQ(cases[1].object, "/x y");
  EXPECT_EQ(cases[1].position.line, 4u);
}

TEST(Cases, AllMistakesAtOnceAndTheRestIsRead) {
  size_t count = 0;
  EXPECT_THAT(mistakes("treeline-cases: 2\ncases:\n  - {node: a, act: read, object: /b}\n  - {node: a, act: read, object: /b, expect: maybe}\n"
                       "  - {node: a, act: read, object: /b, expect: allow, next: c}\n  - {node: a, act: read, object: /b, expect: deny}\n"
                       "  - {nod: a, act: read, object: [1], expect: deny}\n  - 7\n",
                       &count),
              testing::UnorderedElementsAre("version 1", "missing-key 3", "unknown-name 4", "unknown-key 5", testing::_, "kind 7", "kind 8"));
  EXPECT_EQ(count, 1u);
}

TEST(Cases, EmptyAndForeignTexts) {
  EXPECT_THAT(mistakes("treeline-cases: 1\ncases: []\n"), testing::ElementsAre("empty-list 2"));
  Diagnostics nothing("x.cases.yaml");
  (void)read_cases("", nothing);
  ASSERT_EQ(nothing.list().size(), 1u);
  EXPECT_EQ(nothing.list()[0].message, "the file of cases is empty");
  EXPECT_EQ(nothing.list()[0].remedy, "it starts with 'treeline-cases: 1' and 'cases:'");
  EXPECT_FALSE(mistakes("- a\n").empty());
  EXPECT_FALSE(mistakes("treeline: 1\nname: web\n").empty());
  EXPECT_FALSE(mistakes(std::string("treeline-cases: 1\0cases", 23)).empty());
}

}  // namespace
}  // namespace treeline::analysis
