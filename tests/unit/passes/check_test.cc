// SPDX-License-Identifier: Apache-2.0
// The proofs over a policy's paths: what is refused, where, and with which path as the proof.
#include "policy-compiler/passes/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "bpf/lsm/abi.h"
#include "tests/unit/passes/policy_writer.h"

namespace treeline::passes {
namespace {

using test::Writer;
using ::testing::HasSubstr;
using ::testing::Not;

bool check(Writer& w) {
  const std::optional<Paths> paths = compile_paths(w.policy, w.diagnostics);
  return paths.has_value() && check_paths(w.policy, *paths, w.diagnostics);
}

TEST(WriteAndExecute, AWriteThatMeetsAStepOfAnotherNodeIsRefused) {
  Writer w;
  const uint32_t a = w.root("/bin/a");        // line 1
  w.child(a, "/opt/app/run");                 // line 2
  w.file(0, "/opt/**", TL_CREATE | TL_READ);  // line 3
  EXPECT_FALSE(check(w));
  ASSERT_EQ(w.diagnostics.list().size(), 1u);
  const Diagnostic& d = w.diagnostics.list()[0];
  EXPECT_EQ(d.code, "write-and-execute");
  EXPECT_EQ(d.position.line, 3u);
  EXPECT_THAT(d.message, HasSubstr("/opt/app/run"));
  EXPECT_THAT(d.message, HasSubstr("line 2"));
  EXPECT_THAT(d.message, HasSubstr("create"));
  EXPECT_THAT(d.message, Not(HasSubstr("read")));
}

TEST(WriteAndExecute, EachWritingWordMeetsEachWayToExecute) {
  for (ir::AccessSet word : {TL_WRITE, TL_APPEND, TL_CREATE, TL_RENAME_IN, TL_MKNOD, TL_LINK}) {
    Writer w;
    const uint32_t a = w.root("/bin/a");
    w.file(a, "/data/*", word);
    w.file(a, "/data/x.so", TL_MAP);
    EXPECT_FALSE(check(w)) << word;
    EXPECT_THAT(w.diagnostics.list()[0].message, HasSubstr("mapped executable, for example '/data/x.so'"));
  }
  for (ir::AccessSet word : {TL_READ, TL_DELETE, TL_SETATTR, TL_LIST, TL_MKDIR, TL_CONNECT}) {
    Writer w;
    const uint32_t a = w.root("/bin/a");
    w.file(a, "/data/*", word);
    w.file(a, "/data/x.so", TL_MAP);
    EXPECT_TRUE(check(w)) << word;
  }
}

TEST(WriteAndExecute, InterpretersAndJoinStepsAndBackEdgesCountAsExecuted) {
  Writer w;
  const uint32_t a = w.root("/srv/run.sh");
  w.policy.nodes[a].interpreter = ir::Pattern{"/srv/sh", {}};
  w.policy.nodes[a].back_edges.push_back({{"/srv/back", {}}, a});
  const uint32_t probe = w.root("/srv/probe");
  w.policy.entry.pop_back();
  w.policy.join.push_back(probe);
  w.file(a, "/srv/*", TL_WRITE);
  EXPECT_FALSE(check(w));
  EXPECT_EQ(w.diagnostics.errors(), 4u);
}

TEST(WriteAndExecute, DisjointPatternsPass) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.file(a, "/lib/**", TL_READ | TL_MAP);
  w.file(a, "/lib", TL_WRITE);
  w.file(a, "/library/*", TL_WRITE);
  w.file(a, "/lib/{tmpfile}", TL_WRITE);
  EXPECT_TRUE(check(w));
}

TEST(WriteAndExecute, OneRuleOrOneObjectWithBothIsRefused) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.file(a, "/jit/*", TL_WRITE | TL_MAP);
  w.file(a, "{memfd}", TL_WRITE | TL_MAP);
  EXPECT_FALSE(check(w));
  EXPECT_EQ(w.diagnostics.errors(), 2u);
}

// memfd_create(2), write(2), mmap(2): no word is asked for the writing.
TEST(WriteAndExecute, WhatLiesInMemoryIsWrittenAndIsSignedForWhereItIsExecuted) {
  for (const char* object : {"{memfd}", "{sysv-shm}", "{socket}", "{anon:io_uring}", "{anon:bpf}", "{anon:perf}", "{anon:other}"}) {
    Writer w;
    const uint32_t a = w.root("/bin/a");
    w.file(a, object, TL_READ | TL_WRITE);
    EXPECT_TRUE(check(w));
    const uint32_t b = w.root("/bin/b");
    w.file(b, object, TL_MAP);
    EXPECT_FALSE(check(w)) << object;
    EXPECT_EQ(w.diagnostics.list().back().code, "write-and-execute");
  }
  Writer signed_for;
  const uint32_t a = signed_for.root("/bin/a");
  signed_for.file(a, "{memfd}", TL_MAP, true);
  EXPECT_TRUE(check(signed_for));
  EXPECT_EQ(signed_for.diagnostics.warnings(), 1u);
  EXPECT_THAT(signed_for.diagnostics.list()[0].remedy, testing::Not(testing::HasSubstr("remove it")));
  signed_for.file(signed_for.root("/bin/b"), "{memfd}", TL_MAP);
  EXPECT_FALSE(check(signed_for)) << "one node's signature is not another's";
}

TEST(WriteAndExecute, AStepIntoMemoryTakesTheSignatureOfWhoExecutes) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.child(a, "{memfd}");
  EXPECT_FALSE(check(w));
  Writer signed_for;
  const uint32_t b = signed_for.root("/bin/b");
  signed_for.file(b, "{memfd}", TL_READ, true);
  signed_for.child(b, "{memfd}");
  EXPECT_TRUE(check(signed_for));
}

TEST(WriteAndExecute, AnUnsafeRuleIsExemptAndReported) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.file(a, "/data/*", TL_WRITE, true);
  w.file(a, "/data/x.so", TL_MAP);
  EXPECT_TRUE(check(w));
  ASSERT_EQ(w.diagnostics.warnings(), 1u);
  EXPECT_EQ(w.diagnostics.list()[0].code, "unsafe-write-and-execute");
  // Another rule without it on the same pattern is not covered by the signature.
  const uint32_t b = w.root("/bin/b");
  w.file(b, "/data/*", TL_WRITE);
  EXPECT_FALSE(check(w));
}

// The kernel asks for the signature of who executes, whatever this proof finds.
TEST(WriteAndExecute, EverySignatureIsSaid) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.file(a, "/data/**", TL_WRITE);
  w.file(a, "/usr/**", TL_READ | TL_MAP, true);
  EXPECT_TRUE(check(w));
  ASSERT_EQ(w.diagnostics.warnings(), 1u);
  EXPECT_EQ(w.diagnostics.list()[0].code, "unsafe-write-and-execute");
  EXPECT_THAT(w.diagnostics.list()[0].remedy, testing::HasSubstr("remove it"));
}

TEST(WriteAndExecute, ASignatureCoversTheSameNodesWordsBelowItsPattern) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.file(a, "/data/*", TL_WRITE | TL_CREATE, true);
  w.file(a, "/data/x", TL_WRITE);
  w.child(a, "/data/x");
  EXPECT_TRUE(check(w));
  EXPECT_EQ(w.diagnostics.warnings(), 1u);  // the signed rule, once
  w.file(a, "/data/?", TL_RENAME_IN);
  EXPECT_FALSE(check(w)) << "a word that nobody signed for";
}

TEST(WriteAndExecute, ASignatureCoversNothingBesideItsPattern) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.file(a, "/data/x*", TL_WRITE, true);
  w.file(a, "/data/?y", TL_WRITE);
  w.child(a, "/data/{x,z}y");
  EXPECT_FALSE(check(w)) << "/data/zy";
}

TEST(Steps, TwoChildrenThatMatchTheSameExecutableAreRefused) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.child(a, "/opt/*/run");
  w.child(a, "/opt/x/*");
  EXPECT_FALSE(check(w));
  ASSERT_EQ(w.diagnostics.list().size(), 1u);
  EXPECT_EQ(w.diagnostics.list()[0].code, "ambiguous-step");
  EXPECT_THAT(w.diagnostics.list()[0].message, HasSubstr("/opt/x/run"));
}

TEST(Steps, TheSameTextTwiceAndTwoEntriesAndABackEdgeAreRefused) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.root("/bin/a");
  w.child(a, "/bin/b");
  w.child(a, "/bin/b");
  w.policy.nodes[a].back_edges.push_back({{"/bin/b", {}}, a});
  EXPECT_FALSE(check(w));
  EXPECT_GE(w.diagnostics.errors(), 3u);
}

TEST(Steps, OverlappingPatternsThatLeadToOneNodePass) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  w.policy.nodes[a].back_edges.push_back({{"/bin/[ab]", {}}, a});
  w.policy.nodes[a].back_edges.push_back({{"/bin/[bc]", {}}, a});
  EXPECT_TRUE(check(w));
}

TEST(Paths, AMalformedPatternIsReportedOncePerPlace) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  const uint32_t b = w.child(a, "/bin/b");
  w.file(a, "/x/\xc3\xa9\xc3\xa9[z-a]", TL_READ);
  w.policy.nodes[b].files.push_back(w.policy.nodes[a].files[0]);  // the same rule of a group
  w.file(b, "/y**", TL_READ);
  EXPECT_FALSE(check(w));
  ASSERT_EQ(w.diagnostics.errors(), 2u);
  EXPECT_EQ(w.diagnostics.list()[0].position.column, 7u) << "columns count characters";
}

TEST(Paths, OverBudgetNamesTheCostliestRulesWithinSeconds) {
  Writer w;
  const uint32_t a = w.root("/bin/a");
  for (int i = 0; i < 200; ++i) w.file(a, "/srv/plain/" + std::to_string(i), TL_READ);
  for (char c = 'a'; c <= 'x'; ++c) w.file(a, std::string("/**/*") + c + "*" + static_cast<char>(c + 1) + "*", TL_READ);
  const std::clock_t start = std::clock();  // of this process: the machine may be busy
  Budget budget;
#ifdef __SANITIZE_ADDRESS__
  budget = {.states = 100'000, .effort = 20'000'000};
#endif
  EXPECT_FALSE(compile_paths(w.policy, w.diagnostics, budget).has_value());
  const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_LT(took, 15.0);
  ASSERT_GE(w.diagnostics.errors(), 2u);
  EXPECT_EQ(w.diagnostics.list()[0].code, "automaton-budget");
  EXPECT_THAT(w.diagnostics.list()[0].remedy, HasSubstr("costliest"));
  EXPECT_THAT(w.diagnostics.list()[1].message, HasSubstr("/**/"));
  EXPECT_GT(w.diagnostics.list()[1].position.line, 200u);
}

}  // namespace
}  // namespace treeline::passes
