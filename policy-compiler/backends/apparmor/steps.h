// SPDX-License-Identifier: Apache-2.0
//
// The steps of each node to others, read once, and which steps of several nodes meet: one file may be meant by both.
//
//   Steps steps(policy);
//   for (const Step& step : steps.of(node)) ...
//   for (const Way& way : steps.ways({a, b})) ...   // no file is meant by two of them
//
// Of one node's own steps no file is meant by two that lead to different nodes: passes/check.cc refuses such a profile (`ambiguous-step`). Across nodes it
// is decided exactly, by an automaton over the patterns of all steps: two that stand in one accept set meet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"

namespace treeline::backends::apparmor {

using Nodes = std::vector<uint32_t>;  // a set of nodes: ascending, each once

Nodes as_set(Nodes nodes);

struct Step {
  std::string glob, why;  // of the executable (glob.h)
  uint32_t target = 0;
  const ir::Pattern* executable = nullptr;
  uint32_t pattern = 0;  // number of its text
};

struct Way {
  std::vector<const Step*> steps;  // each meets another one of them, where there is more than one
  Nodes targets;
};

class Steps {
 public:
  explicit Steps(const ir::Policy& policy);  // keeps a reference
  const std::vector<Step>& of(uint32_t node) const { return steps_[node]; }
  // What the nodes start, as a task does that may stand on any of them. Their steps have to be exact (`why` is empty).
  std::vector<Way> ways(const Nodes& nodes);
  size_t effort() const { return effort_; }  // steps and accept sets that ways() looked at

 private:
  void find_meetings();

  std::vector<std::vector<Step>> steps_;  // by node
  std::vector<const std::string*> texts_;  // by pattern
  // By pattern: accept sets that hold another one too. Made when several nodes are asked of: a policy with one root has no use for it.
  std::optional<std::vector<std::vector<uint32_t>>> meetings_;
  size_t effort_ = 0;
};

}  // namespace treeline::backends::apparmor
