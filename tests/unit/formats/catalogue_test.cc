// SPDX-License-Identifier: Apache-2.0
// The table of codes against the sources: each code that is reported has an entry, each entry is reported, and
// DIAGNOSTICS.md is what the table says. TREELINE_UPDATE_GOLDEN=1 writes the page anew.
#include "policy-compiler/cli/formats/catalogue.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "policy-compiler/frontend/accept.h"
#include "tests/unit/common.h"

namespace treeline::cli::formats {
namespace {

const std::filesystem::path kSources = in_sources("policy-compiler");

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// The arguments of a call, from behind its parenthesis.
std::vector<std::string> arguments(const std::string& text, size_t at) {
  std::vector<std::string> out(1);
  int depth = 0;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '\\') {
      out.back() += text.substr(at++, 2);
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (!quoted) {
      if (c == '(' || c == '{' || c == '[') ++depth;
      if ((c == ')' || c == '}' || c == ']') && --depth < 0) break;
      if (c == ',' && depth == 0) {
        out.emplace_back();
        continue;
      }
    }
    out.back() += c;
  }
  return out;
}

// Codes that are text in a call of error(), warning() or note(); the second argument, whatever the object's name.
std::set<std::string> codes_in_sources() {
  std::set<std::string> codes;
  const std::regex call(R"((\.|->)(error|warning|note)\()"), literal("\"([a-z0-9]+(-[a-z0-9]+)*)\"");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSources)) {
    if (entry.path().extension() != ".cc") continue;
    const std::string text = slurp(entry.path());
    for (auto at = std::sregex_iterator(text.begin(), text.end(), call); at != std::sregex_iterator(); ++at) {
      const std::vector<std::string> words = arguments(text, static_cast<size_t>(at->position() + at->length()));
      if (words.size() < 3) continue;
      for (auto c = std::sregex_iterator(words[1].begin(), words[1].end(), literal); c != std::sregex_iterator(); ++c)
        codes.insert((*c)[1]);
    }
  }
  return codes;
}

// Everything between quotes, but in the table itself: findings and signatures name their codes by other ways than error().
std::string all_sources() {
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSources))
    if (entry.path().extension() == ".cc" && entry.path().filename() != "catalogue.cc") all += slurp(entry.path());
  return all;
}

TEST(Catalogue, EachCodeOfTheSourcesHasAnEntryAndNoEntryIsWithoutACode) {
  std::set<std::string> entries;
  for (const Entry& entry : catalogue()) EXPECT_TRUE(entries.insert(std::string(entry.code)).second) << entry.code;
  for (const std::string& code : codes_in_sources()) EXPECT_TRUE(entries.contains(code)) << code << " has no entry";
  const std::string sources = all_sources();
  for (const std::string& code : entries) EXPECT_NE(sources.find('"' + code + '"'), std::string::npos) << code << " is reported by nobody";
}

TEST(Catalogue, EntriesStandByStageAndCodeAndSaySomething) {
  const Entry* before = nullptr;
  for (const Entry& entry : catalogue()) {
    EXPECT_GT(entry.meaning.size(), 15u) << entry.code;
    EXPECT_EQ(entry.meaning.back(), '.') << entry.code;
    if (!entry.risk.empty()) {
      EXPECT_TRUE(std::regex_match(std::string(entry.risk), std::regex("10\\.0|[0-9]\\.[0-9]")));
    }
    if (before != nullptr) {
      EXPECT_LT(std::pair(before->stage, before->code), std::pair(entry.stage, entry.code)) << entry.code;
    }
    before = &entry;
  }
}

TEST(Catalogue, WhatSaysSomethingOfANodeCanBeAccepted) {
  // Of no node, or of an acceptance.
  const std::set<std::string_view> others = {"accept-outgrown", "accept-unused", "check-incomplete", "moves-budget", "unused-group"};
  std::vector<std::string_view> codes;
  for (const Entry& entry : catalogue())
    if (entry.severity != Severity::kError && entry.stage >= Stage::kTree && entry.stage <= Stage::kGrades && !others.contains(entry.code))
      codes.push_back(entry.code);
  std::sort(codes.begin(), codes.end());
  EXPECT_THAT(frontend::accepted_codes(), testing::ElementsAreArray(codes));
}

TEST(Catalogue, ThePageIsTheTable) {
  const std::filesystem::path page = kSources / "DIAGNOSTICS.md";
  if (std::getenv("TREELINE_UPDATE_GOLDEN") != nullptr) std::ofstream(page) << catalogue_markdown();
  EXPECT_EQ(slurp(page), catalogue_markdown());
}

}  // namespace
}  // namespace treeline::cli::formats
