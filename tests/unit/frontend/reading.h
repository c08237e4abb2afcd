// SPDX-License-Identifier: Apache-2.0
// Shared by the front end's tests: read a text, look at what came out.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "policy-compiler/frontend/profile.h"

namespace treeline::frontend {

struct Read {
  ir::Policy policy;
  Diagnostics diagnostics;
  // "3:7 label", sorted by place.
  std::vector<std::string> found() const {
    std::vector<std::string> out;
    for (const Diagnostic& d : diagnostics.list())
      out.push_back(std::to_string(d.position.line) + ":" + std::to_string(d.position.column) + " " + d.code);
    return out;
  }
};

inline Read read(std::string_view text) {
  Diagnostics diagnostics("test.yaml");
  ir::Policy policy = read_profile(text, diagnostics);
  return {std::move(policy), std::move(diagnostics)};
}

// A profile whose only node, '/a', has these lines (each indented by four spaces).
inline std::string node_with(const std::string& lines) {
  return "treeline: 1\nname: x\nentry:\n  - exec: /a\n" + lines;
}

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace treeline::frontend
