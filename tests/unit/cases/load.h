// SPDX-License-Identifier: Apache-2.0
//
// A file of the case table with its policy read, for an executor that is a unit test; what is wrong with either fails
// the test.
//
//   for (const std::string& file : table_files(kTables))
//     if (const std::optional<Loaded> loaded = load(file)) ...
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/support/files.h"
#include "tests/cases/table.h"
#include "tests/unit/common.h"

namespace treeline::cases {

const std::string kTables = in_sources("tests/cases");
constexpr const char* kSyscall = "syscall";

struct Loaded {
  std::string file;
  Table table;
  ir::Policy policy;

  std::string where(const Case& c) const {
    return file + ":" + std::to_string(c.position.line) + ": " + c.node + " " + c.act + " " + c.object;
  }
};

inline void fail_on_errors(const Diagnostics& diagnostics, const std::string& what) {
  for (const Diagnostic& d : diagnostics.list())
    if (d.severity == Severity::kError) ADD_FAILURE() << what << " line " << d.position.line << ": " << d.message;
}

inline std::optional<Loaded> load(const std::string& file) {
  const Result<std::string> text = files::read_file(file, 8 << 20);
  if (!text) {
    ADD_FAILURE() << text.error().message;
    return std::nullopt;
  }
  Diagnostics mistakes(file);
  std::optional<Table> table = read_table(*text, mistakes);
  fail_on_errors(mistakes, file);
  if (!table) return std::nullopt;
  Diagnostics profile(file);
  ir::Policy policy = frontend::read_profile(table->profile, profile);
  fail_on_errors(profile, file + ", policy");
  if (profile.has_errors()) return std::nullopt;
  return Loaded{file, std::move(*table), std::move(policy)};
}

}  // namespace treeline::cases
