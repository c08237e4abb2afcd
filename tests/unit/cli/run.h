// SPDX-License-Identifier: Apache-2.0
//
// A command as a script sees it: exit status, standard output, standard error; and a directory for its files.
#pragma once

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "policy-compiler/cli/report.h"
#include "policy-compiler/support/files.h"

namespace treeline::cli {

struct Outcome {
  int exit = -1;
  std::string out, err;
  Json json() const { return Json::parse(out); }
  // "code line" of the diagnostics of a severity, "" for all.
  std::vector<std::string> codes(const std::string& severity = "") const {
    std::vector<std::string> found;
    const Json whole = json();
    for (const Json& d : whole["diagnostics"])
      if (severity.empty() || d["severity"] == severity)
        found.push_back(d["code"].get<std::string>() + " " + std::to_string(d["line"].get<int>()));
    return found;
  }
  // The code of the first diagnostic, "" where there is none.
  std::string code() const {
    const Json whole = json();
    return whole["diagnostics"].empty() ? "" : whole["diagnostics"][0]["code"].get<std::string>();
  }
};

inline Outcome run(const std::function<int()>& command) {
  Outcome o;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  o.exit = command();
  o.out = testing::internal::GetCapturedStdout();
  o.err = testing::internal::GetCapturedStderr();
  return o;
}

class InDirectory : public testing::Test {
 protected:
  void SetUp() override {
    std::string form = (std::filesystem::temp_directory_path() / "treeline-cli.XXXXXX").string();
    ASSERT_NE(mkdtemp(form.data()), nullptr);
    base_ = form;
  }
  void TearDown() override { std::filesystem::remove_all(base_); }

  std::string put(const std::string& name, const std::string& text) {
    EXPECT_TRUE(files::write_file(base_ + "/" + name, text));
    return base_ + "/" + name;
  }

  std::string base_;
};

}  // namespace treeline::cli
