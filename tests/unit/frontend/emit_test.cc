// SPDX-License-Identifier: Apache-2.0
// A policy -> its text -> the same policy.
#include <gmock/gmock.h>

#include "bpf/lsm/abi.h"
#include "tests/unit/common.h"
#include "tests/unit/frontend/reading.h"

namespace treeline::frontend {
namespace {

using testing::IsEmpty;

std::string round_trip(const std::string& text) {
  const Read first = read(text);
  EXPECT_THAT(first.found(), IsEmpty());
  const std::string emitted = emit_profile(first.policy);
  const Read second = read(emitted);
  EXPECT_THAT(second.found(), IsEmpty()) << emitted;
  EXPECT_EQ(emit_profile(second.policy), emitted);
  return emitted;
}

TEST(Emit, TheCanonicalTextOfAllConstructs) {
  EXPECT_EQ(round_trip(slurp(in_sources("tests/fuzz/corpus/profile/full.yaml"))),
            slurp(in_sources("tests/golden/frontend/canonical.txt")));
}

TEST(Emit, QuotesExactlyWhatNeedsThem) {
  ir::Policy policy;
  policy.name = "null";
  policy.entry = {0};
  policy.nodes.emplace_back();
  policy.nodes[0].executable.text = "/bin/[";
  const std::vector<std::string> patterns = {
      "{pipe}",   "/tmp/{tmpfile}", "/a: b",  "/a #b", "/it's",
      "/[a-z]*?", "/x,y",           "/ends:", "/a\\*", "/\xc3\xa4",
      "/a b",     "{abstract}/@x",  "/\\x0a", "/!x&y", "/" + std::string(2000, 'l')};
  for (const std::string& pattern : patterns) policy.nodes[0].files.push_back({{pattern, {}}, TL_READ, false});
  const Read r = read(emit_profile(policy));
  EXPECT_THAT(r.found(), IsEmpty()) << emit_profile(policy);
  EXPECT_EQ(r.policy.name, "null");
  ASSERT_EQ(r.policy.nodes[0].files.size(), patterns.size());
  for (size_t i = 0; i < patterns.size(); ++i) EXPECT_EQ(r.policy.nodes[0].files[i].path.text, patterns[i]);
}

TEST(Emit, BytesThatAProfileCannotHoldBecomeEscapesOfThePattern) {
  ir::Policy policy;
  policy.name = "x";
  policy.entry = {0};
  policy.nodes.emplace_back();
  policy.nodes[0].executable.text = "/a";
  policy.nodes[0].files = {{{"/b\n\xff\xe2\x80\xae", {}}, TL_READ, false}};
  const Read r = read(emit_profile(policy));
  EXPECT_THAT(r.found(), IsEmpty());
  EXPECT_EQ(r.policy.nodes[0].files[0].path.text, "/b\\x0a\\xff\\xe2\\x80\\xae");
}

TEST(Emit, WordsOfOnePatternFromTwoPlacesAreJoined) {
  const std::string text = round_trip(
      "treeline: 1\nname: x\ngroups: {g: {files: {/f: read}}}\nentry: [{exec: /a, use: [g], files: {/f: append}}]\n");
  EXPECT_THAT(text, testing::HasSubstr("/f: read append\n"));
}

}  // namespace
}  // namespace treeline::frontend
