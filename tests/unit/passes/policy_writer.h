// SPDX-License-Identifier: Apache-2.0
//
// A policy written down in a test, line by line: each node and each rule gets the next line as its position.
//
//   Writer w;
//   const uint32_t a = w.root("/bin/a");      // line 1
//   w.file(a, "/etc/*", TL_READ);             // line 2
#pragma once

#include <string>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::test {

class Writer {
 public:
  uint32_t root(const std::string& exec) {
    const uint32_t node = add(exec);
    policy.entry.push_back(node);
    return node;
  }
  uint32_t child(uint32_t parent, const std::string& exec) {
    const uint32_t node = add(exec);
    policy.nodes[node].parent = parent;
    policy.nodes[parent].children.push_back(node);
    return node;
  }
  uint32_t join(const std::string& exec) {
    const uint32_t node = add(exec);
    policy.join.push_back(node);
    return node;
  }
  void file(uint32_t node, const std::string& path, ir::AccessSet access, bool unsafe = false) {
    policy.nodes[node].files.push_back({{path, {++line, 1}}, access, unsafe});
  }
  ir::Policy policy;
  Diagnostics diagnostics;
  uint32_t line = 0;

 private:
  uint32_t add(const std::string& exec) {
    policy.nodes.emplace_back();
    policy.nodes.back().executable = {exec, {++line, 1}};
    policy.nodes.back().position = {line, 1};
    return static_cast<uint32_t>(policy.nodes.size() - 1);
  }
};

}  // namespace treeline::test
