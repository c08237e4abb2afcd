// SPDX-License-Identifier: Apache-2.0
// Hostile texts: refused with a place, within bounded time and memory.
#include <gmock/gmock.h>

#include "tests/unit/common.h"
#include "tests/unit/frontend/reading.h"

namespace treeline::frontend {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Limits, AnEmptyTextAndOneOfCommentsAreReported) {
  EXPECT_THAT(read("").found(), ElementsAre("1:1 empty"));
  EXPECT_THAT(read("# nothing\n\n").found(), ElementsAre("1:1 empty"));
  EXPECT_THAT(read("just text\n").found(), ElementsAre("1:1 kind"));
  EXPECT_THAT(read("- list\n").found(), ElementsAre("1:1 kind"));
}

TEST(Limits, BytesThatAReviewerDoesNotSeeAreRefused) {
  const std::string more = "entry: [{exec: /a}]\n", head = "treeline: 1\nname: x\n" + more;
  EXPECT_THAT(read("treeline: 1\nname: x\x01\n" + more).found(), ElementsAre("2:8 encoding"));
  EXPECT_THAT(read(std::string("treeline: 1\nname: \0x\n", 21) + more).found(), ElementsAre("2:7 encoding"));
  EXPECT_THAT(read("treeline: 1\nname: \xff\n" + more).found(), ElementsAre("2:7 encoding"));
  EXPECT_THAT(read(head + "# \xc0\xaf overlong\n").found(), ElementsAre("4:3 encoding"));
  EXPECT_THAT(read(head + "# \xed\xa0\x80 surrogate\n").found(), ElementsAre("4:3 encoding"));
  // U+202E turns what follows around on the screen: /bin/hs looks like something else than what is compiled.
  EXPECT_THAT(read(head + "# \xe2\x80\xae turned around\n").found(), ElementsAre("4:3 encoding"));
  EXPECT_THAT(read(head + "# \xe2\x80\x8b zero width\n").found(), ElementsAre("4:3 encoding"));
  EXPECT_THAT(read(head + "# \xc2\x85 next line\n").found(), ElementsAre("4:3 encoding"));
}

// All mistakes at once: those of the text's bytes hide none, and nothing is said of what they are part of.
TEST(Limits, BytesThatAreRefusedHideNoOtherMistake) {
  EXPECT_THAT(read(node_with("    filse: 1\n    files: {/b: raed}\n# \xe2\x80\x8b\n# \xff\xfe\n")).found(),
              ElementsAre("5:5 unknown-key", "6:17 access-word", "7:3 encoding", "8:3 encoding"));
  EXPECT_THAT(read(node_with("    files:\n      /a\xff: raed\n      /b: read\x01\n      \xff /c: raed\n")).found(),
              ElementsAre("6:9 encoding", "6:12 access-word", "7:15 encoding", "8:7 encoding", "8:13 access-word"));
  EXPECT_THAT(read("treeline: 1\nname: x\nentry\xe2\x80\x8b:\n  - exec: /a\xe2\x80\x8b\n    filse: 1\n").found(),
              ElementsAre("3:6 encoding", "4:13 encoding", "5:5 unknown-key"));
  // An escape is a character that is seen.
  EXPECT_THAT(read(node_with("    files: {\"/a\\x1a\": raed}\n")).found(), Contains("5:23 access-word"));
}

TEST(Limits, BytesThatAreRefusedEverywhereAreCounted) {
  std::string text = node_with("");
  for (int i = 0; i < 5000; ++i) text += "# \xff x \xff\n";
  const Read r = read(text + "filse: 1\n");
  EXPECT_EQ(r.diagnostics.errors(), 102u);
  EXPECT_THAT(r.diagnostics.list()[100].message, testing::HasSubstr("9900 more places"));
  EXPECT_THAT(r.found(), Contains("5005:1 unknown-key"));
}

// JSON that YAML does not read: said as what it is.
TEST(Limits, HalvesOfACharacterAndKeysThatAreTooLongAreNamed) {
  const auto said = [](const Read& r) {
    std::string out;
    for (const Diagnostic& d : r.diagnostics.list()) out += d.message + "\n";
    return out;
  };
  EXPECT_THAT(said(read(R"({"treeline": 1, "name": "\ud83d\ude00"})")), testing::HasSubstr("half of a pair"));
  const std::string key = "/" + std::string(1030, 'k');
  for (const std::string& text :
       {"{\"treeline\": 1, \"" + key + "\": 1}", "treeline: 1\nfiles:\n  " + key + ": read\n",
        "treeline: 1\nfiles: {" + key + ": read}\n", "treeline: 1\nentry:\n  - '" + key + "': read\n"}) {
    const Read r = read(text);
    EXPECT_THAT(said(r), testing::HasSubstr("a key is longer than 1024 bytes")) << text.substr(0, 60);
    for (const Diagnostic& d : r.diagnostics.list()) EXPECT_NE(d.code, "key-kind");
  }
  EXPECT_THAT(read("{a: {: 1}}\n").found(), Contains("1:6 key-kind"));
}

TEST(Limits, ATextLargerThanTheLimitIsRefusedUnread) {
  EXPECT_THAT(read(std::string(kMaxBytes + 1, '#')).found(), ElementsAre("1:1 too-large"));
}

TEST(Limits, DepthIsBounded) {
  for (const std::string& text : {std::string(100'000, '['), std::string(100'000, '{'), [] {
                                    std::string s;
                                    for (int i = 0; i < 3000; ++i) s += "- ";
                                    return s;
                                  }()}) {
    const Read r = read(text);
    EXPECT_TRUE(r.diagnostics.has_errors());
    EXPECT_THAT(r.found(), Contains(testing::HasSubstr("too-deep")));
  }
}

// `steps` programs inside one another.
std::string chain(int steps) {
  std::string text = "treeline: 1\nname: x\nentry:\n";
  std::string indent = "  ";
  for (int i = 0; i < steps; ++i) {
    text += indent + "- exec: /p" + std::to_string(i) + "\n" + indent + "  children:\n";
    indent += "  ";
  }
  return text + indent + "- exec: /last\n";
}

TEST(Limits, NinetyFiveStepsOfTheTreeFit) {
  EXPECT_THAT(read(chain(95)).found(), IsEmpty());
  EXPECT_THAT(read(chain(120)).found(), Contains(testing::HasSubstr("too-deep")));
}

TEST(Limits, NumberOfValuesIsBounded) {
  std::string text = "treeline: 1\nname: x\nentry: [";
  for (size_t i = 0; i < kMaxValues; ++i) text += "a,";
  const Read r = read(text + "]\n");
  EXPECT_TRUE(r.diagnostics.has_errors());
}

TEST(Limits, GroupsCannotMultiplyRulesWithoutBound) {
  std::string text = "treeline: 1\nname: x\ngroups:\n  g:\n    files:\n";
  for (int i = 0; i < 2000; ++i) text += "      /f" + std::to_string(i) + ": read\n";
  text += "entry:\n  - exec: /a\n    children:\n";
  for (int i = 0; i < 600; ++i) text += "      - {exec: /c" + std::to_string(i) + ", use: [g]}\n";
  const Read r = read(text);
  EXPECT_EQ(r.diagnostics.errors(), 1u);
  EXPECT_EQ(r.diagnostics.list()[0].code, "too-large");
}

TEST(Limits, MoreMistakesThanAreShownAreCountedAndStillErrors) {
  std::string text = "treeline: 1\nname: x\nentry:\n";
  for (int i = 0; i < 5000; ++i) text += "  - {exec: /p" + std::to_string(i) + ", filse: 1}\n";
  const Read r = read(text);
  EXPECT_EQ(r.diagnostics.list().size(), Diagnostics::kMost);
  EXPECT_EQ(r.diagnostics.errors(), 5000u);
  EXPECT_EQ(r.diagnostics.dropped(), 4000u);
}

TEST(Limits, AHundredThousandRulesOnOneLineAreRead) {
  std::string text = "{\"treeline\": 1, \"name\": \"x\", \"entry\": [{\"exec\": \"/ä\", \"files\": {\"/0\": \"read\"";
  for (int i = 1; i < 100'000; ++i) text += ", \"/" + std::to_string(i) + "\": \"read\"";
  const Read r = read(text + "}}]}");
  EXPECT_THAT(r.found(), IsEmpty());
  EXPECT_EQ(r.policy.nodes[0].files.size(), 100'000u);
}

TEST(Limits, EveryPrefixOfAProfileIsJudgedWithoutACrash) {
  const std::string full = slurp(in_sources("tests/fuzz/corpus/profile/full.yaml"));
  for (size_t i = 0; i < full.size(); ++i) {
    const Read r = read(std::string_view(full).substr(0, i));
    for (const Diagnostic& d : r.diagnostics.list()) EXPECT_GE(d.position.line, 1u);
  }
}

}  // namespace
}  // namespace treeline::frontend
