// SPDX-License-Identifier: Apache-2.0
// tests/golden/frontend/*.yaml: each line that is wrong ends in the codes of its diagnostics ("# code code"), and
// *.expected holds the whole text. TREELINE_UPDATE_GOLDEN=1 writes the latter anew.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "tests/unit/common.h"
#include "tests/unit/frontend/reading.h"

namespace treeline::frontend {
namespace {

const std::filesystem::path kGolden = in_sources("tests/golden/frontend");

std::multiset<std::string> marked(const std::string& text) {
  std::multiset<std::string> out;
  std::istringstream lines(text);
  std::string line;
  const std::regex mark("^[^#].* # ([a-z -]+)$");
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (!std::regex_match(line, match, mark)) continue;
    std::istringstream codes(match[1].str());
    for (std::string code; codes >> code;) out.insert(std::to_string(number) + " " + code);
  }
  return out;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, EachMarkedLineAndNoOtherIsReported) {
  const std::string text = slurp(kGolden / (GetParam() + ".yaml"));
  const Read r = read(text);
  std::multiset<std::string> found;
  for (const Diagnostic& d : r.diagnostics.list()) found.insert(std::to_string(d.position.line) + " " + d.code);
  EXPECT_EQ(found, marked(text));
}

TEST_P(Golden, TheTextIsTheExpectedOne) {
  const Read r = read(slurp(kGolden / (GetParam() + ".yaml")));
  std::string text;
  for (const Diagnostic& d : r.diagnostics.list())
    text += std::to_string(d.position.line) + ":" + std::to_string(d.position.column) + ": " +
            std::string(severity_name(d.severity)) + ": " + d.message + " [" + d.code + "]\n    " + d.remedy + "\n";
  const std::filesystem::path expected = kGolden / (GetParam() + ".expected");
  if (std::getenv("TREELINE_UPDATE_GOLDEN") != nullptr) std::ofstream(expected) << text;
  EXPECT_EQ(text, slurp(expected));
}

TEST(GoldenThirty, ThirtyMistakesGiveThirtyErrorsOnThirtyLines) {
  const Read r = read(slurp(kGolden / "thirty_mistakes.yaml"));
  EXPECT_EQ(r.diagnostics.errors(), 30u);
  EXPECT_EQ(r.diagnostics.warnings(), 0u);
  std::set<uint32_t> lines;
  std::set<std::string> messages;
  for (const Diagnostic& d : r.diagnostics.list()) {
    lines.insert(d.position.line);
    messages.insert(d.message);
    EXPECT_FALSE(d.remedy.empty()) << d.message;
  }
  EXPECT_EQ(lines.size(), 30u);
  EXPECT_EQ(messages.size(), 30u);
}

std::vector<std::string> profiles() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kGolden))
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}
INSTANTIATE_TEST_SUITE_P(Frontend, Golden, testing::ValuesIn(profiles()), [](const auto& test) { return test.param; });

}  // namespace
}  // namespace treeline::frontend
