// SPDX-License-Identifier: Apache-2.0
//
// A profile's text as a version that can be compared; a test's own mistakes in it fail the test.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "policy-compiler/analysis/diff.h"
#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/passes/check.h"

namespace treeline::analysis::test {

struct Checked {
  ir::Policy policy;
  passes::Paths paths;
  Version version() const { return {&policy, &paths}; }
};

inline Checked checked(ir::Policy policy) {
  Checked out;
  Diagnostics diagnostics("test.yaml");
  out.policy = std::move(policy);
  std::optional<passes::Paths> paths = passes::compile_paths(out.policy, diagnostics);
  if (paths) (void)passes::check_paths(out.policy, *paths, diagnostics);
  for (const Diagnostic& d : diagnostics.list())
    if (d.severity == Severity::kError) ADD_FAILURE() << d.position.line << ": " << d.message;
  if (paths) out.paths = std::move(*paths);
  return out;
}

inline Checked read(const std::string& text) {
  Diagnostics diagnostics("test.yaml");
  ir::Policy policy = frontend::read_profile(text, diagnostics);
  for (const Diagnostic& d : diagnostics.list())
    if (d.severity == Severity::kError) ADD_FAILURE() << d.position.line << ": " << d.message << "\n" << text;
  return checked(std::move(policy));
}

// One node with these lines in it.
inline Checked node(const std::string& lines, const std::string& exec = "/a") {
  return read("treeline: 1\nname: test\nentry:\n  - exec: " + exec + "\n    users: [7]\n" + lines);
}

inline Diff compared(const Checked& before, const Checked& after) {
  Result<Diff> diff = compare(before.version(), after.version());
  if (!diff) {
    ADD_FAILURE() << diff.error().message;
    return {};
  }
  return std::move(*diff);
}

// "+high file /etc/* read": one line a change, in the order of the diff.
inline std::vector<std::string> lines(const Diff& diff) {
  std::vector<std::string> out;
  for (const NodeDiff& node : diff.nodes)
    for (const Change& c : node.changes)
      out.push_back(std::string(c.effect == Effect::kAllowed  ? "+"
                                : c.effect == Effect::kDenied ? "-"
                                                              : "~") +
                    std::string(risk_name(c.risk)) + " " + c.kind + " " + c.what + (c.words.empty() ? "" : " " + c.words) +
                    (c.whole ? "" : " part"));
  return out;
}

}  // namespace treeline::analysis::test
