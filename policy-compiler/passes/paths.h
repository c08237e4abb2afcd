// SPDX-License-Identifier: Apache-2.0
//
// The policy's paths: every pattern that a rule, a step of the tree or an interpreter names, once, with who uses it and
// how; and the automaton over all of them. Input of the checks and of the back ends.
//
//   std::optional<Paths> paths = compile_paths(policy, diagnostics);
//   if (!paths) return;                     // malformed patterns, or over the budget: reported
//   check_paths(policy, *paths, diagnostics);   // check.h
//
// The automaton is not minimised yet: its labels are accept sets (Dfa::sets) of pattern numbers, so that the checks can
// name the rules that meet. A back end turns the sets into its classes and minimises for those.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/dfa.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::passes {

enum class UseKind : uint8_t {
  kFile,         // `access` on what the pattern matches
  kStep,         // exec leads to the node at row `next`: a child, an entry, what may join, or a back edge
  kInterpreter,  // may interpret the script that is the node at `row`
};

struct Use {
  uint32_t row = 0;  // of the image: row_of_node(), or TL_ROW_ENTRY, TL_ROW_JOIN
  UseKind kind = UseKind::kFile;
  bool unsafe = false;       // unsafe_write_and_execute
  ir::AccessSet access = 0;  // kFile
  uint32_t next = 0;         // kStep
  ir::Position position;
};

// What a refused act on it costs; row TL_ROW_NONE: every row that has none of its own that matches.
struct PathCost {
  uint32_t row = 0;
  ir::OnViolation cost = ir::OnViolation::kDeny;
  ir::Position position;
};

struct PathPattern {
  std::string text;
  uint32_t reserved_class = 0;  // an object without a path: not in the automaton
  std::vector<Use> uses;        // in the order of the policy; none: only `costs` name it
  std::vector<PathCost> costs;

  // Where the policy names it first.
  ir::Position position() const { return !uses.empty() ? uses[0].position : !costs.empty() ? costs[0].position : ir::Position(); }
};

struct Paths {
  std::vector<PathPattern> patterns;  // by first use; accept sets hold indices into it
  Dfa dfa;
};

uint32_t row_of_node(uint32_t node);

// Every use of every pattern, without reading the patterns.
std::vector<PathPattern> collect_patterns(const ir::Policy& policy);

// Collects, parses, determinises. Every malformed pattern is reported at each of its places; over the budget, the
// patterns whose wildcards multiply are named, costliest first, with what would be left without them.
std::optional<Paths> compile_paths(const ir::Policy& policy, Diagnostics& diagnostics, const Budget& budget = {});

// The place `offset` bytes into a text that starts at `start` (columns count characters).
ir::Position position_in(ir::Position start, std::string_view text, size_t offset);

}  // namespace treeline::passes
