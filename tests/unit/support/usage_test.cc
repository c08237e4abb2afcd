// SPDX-License-Identifier: Apache-2.0
//
// command line -> the one line that says what is wrong with it.
#include "policy-compiler/support/usage.h"

#include <gtest/gtest.h>

namespace treeline::support {
namespace {

std::string said(const std::string& line) {
  CLI::App app{"", "tool"};
  app.require_subcommand(1);
  std::string file, output;
  int jobs = 0;
  CLI::App* check = app.add_subcommand("check", "");
  check->add_option("FILE", file)->required();
  check->add_option("--output", output)->required();
  check->add_option("--jobs", jobs)->check(CLI::Range(1, 9));
  CLI::App* policy = app.add_subcommand("policy", "");
  policy->require_subcommand(1);
  policy->fallthrough();
  policy->add_subcommand("load", "");
  try {
    app.parse(line, false);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, "tool");
  }
  return "";
}

TEST(Usage, UnknownCommand_IsNamedWithTheClosest) {
  EXPECT_EQ(said("cheek p.yaml"), "there is no command 'cheek' (did you mean 'check'?); see tool --help");
  EXPECT_EQ(said("fly"), "there is no command 'fly'; see tool --help");
  EXPECT_EQ(said("policy laod x"), "there is no command 'policy laod' (did you mean 'load'?); see tool policy --help");
}

TEST(Usage, NoCommand_IsAskedFor) {
  EXPECT_EQ(said(""), "a command is missing; see tool --help");
  EXPECT_EQ(said("policy"), "a command is missing; see tool policy --help");
  EXPECT_EQ(said("--fly"), "not expected: '--fly'; see tool --help");
}

TEST(Usage, WhatIsLeftOverAndWhatIsMissing_AreSaidTogether) {
  EXPECT_EQ(said("check"), "FILE is required; see tool check --help");
  EXPECT_EQ(said("check x --ouput=y"), "not expected: '--ouput=y'; --output is required; see tool check --help");
  EXPECT_EQ(said("check x y --output z"), "not expected: 'y'; see tool check --help");
  EXPECT_EQ(said("--fly check x --output y"), "not expected: '--fly'; see tool check --help");
}

TEST(Usage, AWrongValue_IsSaidInCli11sWordsWithoutWhatMovesTheCursor) {
  EXPECT_EQ(said("check x --output y --jobs 10"), "--jobs: Value 10 not in range 1 to 9; see tool check --help");
  EXPECT_EQ(said("che\x1b" "ck"), "there is no command 'che\\x1bck' (did you mean 'check'?); see tool --help");
}

TEST(Usage, ARightLine_IsNoError) { EXPECT_EQ(said("check x --output y"), ""); }

}  // namespace
}  // namespace treeline::support
