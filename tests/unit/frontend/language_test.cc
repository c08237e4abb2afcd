// SPDX-License-Identifier: Apache-2.0
// LANGUAGE.md -> its examples are read without a diagnostic, and it lists every code that the front end reports.
#include <gmock/gmock.h>

#include <filesystem>
#include <regex>
#include <set>

#include "tests/unit/common.h"
#include "tests/unit/frontend/reading.h"

namespace treeline::frontend {
namespace {

const std::string kPage = slurp(in_sources("policy-compiler/LANGUAGE.md"));

std::vector<std::string> blocks(const std::string& kind) {
  std::vector<std::string> out;
  const std::string open = "```yaml " + kind + "\n";
  for (size_t at = kPage.find(open); at != std::string::npos; at = kPage.find(open, at)) {
    at += open.size();
    const size_t end = kPage.find("```", at);
    out.push_back(kPage.substr(at, end - at));
    at = end;
  }
  return out;
}

TEST(Language, ExamplesOfProfilesAreRight) {
  const auto profiles = blocks("profile");
  EXPECT_GE(profiles.size(), 2u);
  for (const std::string& profile : profiles) EXPECT_THAT(read(profile).found(), testing::IsEmpty()) << profile;
}

TEST(Language, ExamplesOfNodesAreRight) {
  const auto nodes = blocks("node");
  EXPECT_GE(nodes.size(), 7u);
  for (const std::string& node : nodes) {
    const std::string text = node_with(std::regex_replace(node, std::regex("(^|\n)(?=.)"), "$1    "));
    EXPECT_THAT(read(text).found(), testing::IsEmpty()) << text;
  }
}

TEST(Language, EveryReportedCodeIsListed) {
  std::set<std::string> codes;
  for (const auto& entry : std::filesystem::directory_iterator(in_sources("policy-compiler/frontend"))) {
    if (entry.path().extension() != ".cc") continue;
    const std::string source = slurp(entry.path());
    const std::regex call("(?:error|warning)\\(([^;]*?),\\s*\"([a-z]+(?:-[a-z]+)*)\"");
    for (std::sregex_iterator at(source.begin(), source.end(), call), end; at != end; ++at) codes.insert((*at)[2]);
  }
  EXPECT_GE(codes.size(), 40u);
  for (const std::string& code : codes) EXPECT_THAT(kPage, testing::HasSubstr("`" + code + "`"));
}

}  // namespace
}  // namespace treeline::frontend
