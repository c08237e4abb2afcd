// SPDX-License-Identifier: Apache-2.0
//
// The case table, tests/cases/*.yaml: what a policy allows and what it does not, said once, asked of every executor.
// The form stands in tests/cases/README.md.
//
//   Diagnostics diagnostics("files.yaml");
//   std::optional<Table> table = read_table(text, diagnostics);
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/diagnostics.h"

namespace treeline::cases {

struct Case {
  std::string node, act, object;
  bool allowed = false;
  std::string not_live;  // why the act cannot be performed on a kernel in the VM; "" where it can
  Position position;
};

// Acts that a back end cannot express: it must name a residual that holds the text.
struct Residual {
  std::string backend, act, text;
};

struct Table {
  std::string profile;  // the policy's text
  std::vector<Case> cases;
  std::vector<Residual> residuals;

  // The residual of this back end for this act; nullptr: it must be exact.
  const Residual* residual(std::string_view backend, std::string_view act) const;
};

// Every mistake at once; nullopt if there is one.
std::optional<Table> read_table(std::string_view text, Diagnostics& diagnostics);

// Paths of the table's files, sorted.
std::vector<std::string> table_files(const std::string& directory);

}  // namespace treeline::cases
