// SPDX-License-Identifier: Apache-2.0
// fmt: one layout, comments at what they stood at, the same meaning, and nothing more the second time.
#include "policy-compiler/frontend/format.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/unit/common.h"
#include "tests/unit/frontend/reading.h"

namespace treeline::frontend {
namespace {

std::string format(const std::string& text) {
  Diagnostics diagnostics("test.yaml");
  const std::optional<std::string> out = format_profile(text, diagnostics);
  std::string codes;
  for (const Diagnostic& d : diagnostics.list())
    if (d.severity == Severity::kError) codes += d.code + " ";
  return out ? *out : "refused: " + codes;
}

std::string node(const std::string& lines) { return format(node_with(lines)); }
std::string expected(const std::string& lines) { return "treeline: 1\nname: x\n\nentry:\n  - exec: /a\n" + lines; }

TEST(Format, TheGoldenProfile) {
  const std::string base = in_sources("tests/golden/format/");
  const std::string out = format(slurp(base + "before.yaml"));
  if (std::getenv("TREELINE_UPDATE_GOLDEN") != nullptr) std::ofstream(base + "after.yaml") << out;
  EXPECT_EQ(out, slurp(base + "after.yaml"));
  EXPECT_EQ(format(out), out);
}

TEST(Format, WhatLearnWritesIsItsOwnLayout) {
  const std::string canonical = slurp(in_sources("tests/golden/frontend/canonical.txt"));
  EXPECT_EQ(format(canonical), canonical);
}

TEST(Format, KeysComeInTheOrderOfTheLanguageAndRulesStay) {
  EXPECT_EQ(node("    sockets: [netlink, inet-stream]\n    netlink: [route]\n    files:\n      /b: read\n      /a: "
                 "list read\n"),
            expected("    files:\n      /b: read\n      /a: read list\n    sockets: [netlink, inet-stream]\n    "
                     "netlink: [route]\n"));
}

TEST(Format, ACommentedOutRuleStaysAtTheEndOfItsList) {
  EXPECT_EQ(node("    files:\n      /b: read\n      # /c: read\n    users: [0]\n"),
            expected("    users: [0]\n    files:\n      /b: read\n      # /c: read\n"));
}

TEST(Format, ACommentBesideAListInBracketsBelongsToItsKey) {
  EXPECT_EQ(node("    users: [0,\n        33]   # both\n"), expected("    users: [0, 33]  # both\n"));
}

TEST(Format, ACommentWithinBracketsOpensThem) {
  EXPECT_EQ(node("    users: [0, # root\n      # the rest\n      33]\n"),
            expected("    users:\n      - 0  # root\n      # the rest\n      - 33\n"));
}

TEST(Format, ALongListFillsLines) {
  std::string calls, lines;
  for (int i = 0; i < 20; ++i) {
    calls += (i == 0 ? "" : ", ") + std::string("syscall_") + std::to_string(i);
    lines += "      - syscall_" + std::to_string(i) + "\n";
  }
  const std::string filled =
      "    syscalls: [syscall_0, syscall_1, syscall_2, syscall_3, syscall_4, syscall_5, syscall_6,\n"
      "      syscall_7, syscall_8, syscall_9, syscall_10, syscall_11, syscall_12, syscall_13, syscall_14,\n"
      "      syscall_15, syscall_16, syscall_17, syscall_18, syscall_19]\n";
  EXPECT_EQ(node("    syscalls: [" + calls + "]\n"), expected(filled));
  EXPECT_EQ(node("    syscalls:\n" + lines), expected(filled));
  EXPECT_EQ(node(filled), expected(filled));
  // What is said of an item, or of the list, keeps its place.
  lines.replace(lines.find("syscall_7"), 9, "syscall_7  # why");
  EXPECT_EQ(node("    syscalls:\n" + lines), expected("    syscalls:\n" + lines));
  EXPECT_EQ(node("    syscalls:  # these\n      [" + calls + "]\n").find("[syscall_0"), std::string::npos);
}

TEST(Format, OneEmptyLineAtMostAndNoneAtTheStart) {
  EXPECT_EQ(node("\n    files:\n\n      /a: read\n\n\n      /b: read\n\n"),
            expected("\n    files:\n      /a: read\n\n      /b: read\n"));
}

TEST(Format, QuotesAreThereWhereTheyAreNeeded) {
  EXPECT_EQ(node("    files:\n      \"/plain\": read\n      '/it''s #1': read\n      \"{pipe}\": \"read write\"\n"),
            expected("    files:\n      /plain: read\n      '/it''s #1': read\n      '{pipe}': read write\n"));
}

// A label's `no` would be a truth value for readers of YAML 1.1, its `1` a number for all.
TEST(Format, QuotesStayWhereAReaderWouldSeeMoreThanText) {
  const std::string labels =
      "'no', a: 'y', b: 'On', c: 'true', d: 'null', f: '1', g: '010', h: '1.5', i: '1e3', j: '0x1f', l: '2027-01-31', "
      "m: '1_000'";
  const std::string rule =
      "    network:\n      - {direction: out, protocol: tcp, peer: {pods: {x: " + labels + "}}, port: 1}\n";
  const std::string out = node(rule);
  EXPECT_THAT(out, testing::HasSubstr("'no'"));
  for (const char* value : {"a: 'y'", "b: 'On'", "c: 'true'", "d: 'null'", "f: '1'", "g: '010'", "h: '1.5'", "i: '1e3'",
                            "j: '0x1f'", "l: '2027-01-31'", "m: '1_000'"})
    EXPECT_THAT(out, testing::HasSubstr(value));
  // What is no more than text has none, and what stood without them has none.
  EXPECT_THAT(node("    network:\n      - {direction: out, protocol: tcp, peer: {pods: {a: 'nope', b: '1.2.3', d: no, "
                   "e: 1, f: '1-2'}}, port: 1}\n"),
              testing::HasSubstr("{a: nope, b: 1.2.3, d: no, e: 1, f: 1-2}"));
}

TEST(Format, AHashWithinTextIsNoComment) {
  EXPECT_EQ(node("    files: {'/a # b': read, \"/c\\\"# d\": read, /e#f: read}  # real\n"),
            expected("    files:  # real\n      '/a # b': read\n      '/c\"# d': read\n      '/e#f': read\n"));
}

TEST(Format, AWordThatCannotBeSeenStaysAnEscape) {
  EXPECT_EQ(node("    files: {\"/a\\u200b\": read}\n"), expected("    files:\n      \"/a\\U0000200B\": read\n"));
}

TEST(Format, AProfileWithMistakesIsRefused) {
  EXPECT_EQ(format("treeline: 1\nname: x\n"), "refused: missing-key ");
  EXPECT_EQ(node("    files: {/a: raed}\n"), "refused: access-word ");
}

TEST(Format, LineEndsMarksAndMarkersOfTheTextGo) {
  EXPECT_EQ(format("\xef\xbb\xbf%YAML 1.2\n---\r\ntreeline: 1\r\nname: x\r\nentry: [{exec: /a}]\r\n"), expected(""));
}

TEST(Format, AnEmptyListKeepsTheCommentsThatStoodInIt) {
  EXPECT_EQ(node("    sockets: [ # none\n      ]\n"), expected("    sockets: []  # none\n"));
  EXPECT_EQ(node("    files: {\n      # nothing yet\n      }\n"), expected("    # nothing yet\n    files: {}\n"));
}

TEST(Format, ALongPatternStandsBehindAQuestionMark) {
  const std::string path = "/" + std::string(2000, 'l');
  EXPECT_EQ(node("    files:\n      ? " + path + "\n      : read   # long\n"),
            expected("    files:\n      ? " + path + "\n      : read  # long\n"));
}

}  // namespace
}  // namespace treeline::frontend
