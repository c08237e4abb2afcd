// SPDX-License-Identifier: Apache-2.0
//
// tests/golden/import: a source, and what becomes of it: the findings by line, then the draft. Each draft is judged as
// `treelinec check` does. TREELINE_UPDATE_GOLDEN=1 rewrites the texts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/import/import.h"
#include "policy-compiler/passes/check.h"
#include "tests/unit/common.h"

namespace treeline::import_ {
namespace {

namespace fs = std::filesystem;

fs::path folder() { return in_sources("tests/golden/import"); }

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<fs::path> sources() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder()))
    if (entry.path().extension() != ".txt") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, SourceIsRecognisedAndCarriedOverAsWrittenDown) {
  const std::string text = contents(GetParam());
  const std::string name = GetParam().stem().string();
  const std::optional<Format> format = recognise(text);
  ASSERT_TRUE(format.has_value());
  EXPECT_EQ(name.rfind(format_name(*format), 0), 0u) << format_name(*format);

  Options options;
  if (name.find("seccomp") != std::string::npos) options.programs = {"/usr/sbin/web"};
  Diagnostics findings(GetParam().filename().string());
  const auto imported = import_text(text, options, findings);
  findings.sort();
  std::string got;
  for (const Diagnostic& finding : findings.list())
    got += std::to_string(finding.position.line) + ":" + std::to_string(finding.position.column) + " " +
           std::string(severity_name(finding.severity)) + " " + finding.code + ": " + finding.message + "\n";
  got += "---\n";
  ASSERT_TRUE(imported.has_value()) << got;
  const std::string profile = frontend::emit_profile(imported->policy);
  got += profile;

  Diagnostics draft("draft.yaml");
  const ir::Policy policy = frontend::read_profile(profile, draft);
  const auto paths = passes::compile_paths(policy, draft);
  if (paths) (void)passes::check_paths(policy, *paths, draft);
  for (const Diagnostic& d : draft.list())
    EXPECT_NE(d.severity, Severity::kError) << d.position.line << ": " << d.message << "\n" << profile;

  const fs::path golden = folder() / (name + ".txt");
  if (std::getenv("TREELINE_UPDATE_GOLDEN") != nullptr) std::ofstream(golden, std::ios::binary) << got;
  EXPECT_EQ(got, contents(golden));
}

INSTANTIATE_TEST_SUITE_P(Import, Golden, testing::ValuesIn(sources()), [](const auto& one) {
  std::string name = one.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace treeline::import_
