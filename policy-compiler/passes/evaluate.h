// SPDX-License-Identifier: Apache-2.0
//
// The slow, obvious meaning of a policy: may this node do this, and which rules say so. No automaton, no table, no
// class: each question looks at every rule. The image with decide.h, the other back ends and the live kernel are held
// against it.
//
//   Evaluator evaluator(policy);
//   Verdict v = evaluator.access(row_of_node(3), Object::at("/etc/passwd"), TL_READ);
//   if (!v.allowed) ... v.missing == TL_READ
//
// Subjects are rows (paths.h): row_of_node(n), TL_ROW_ENTRY (the runtime: holds only the entry steps), TL_ROW_JOIN. A
// row that is no node may do nothing. Paths are texts as the hooks' walk feeds them (match.h). The policy must outlive
// the evaluator. A malformed pattern matches nothing; compile_paths() reports it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/network_match.h"
#include "policy-compiler/passes/paths.h"
#include "policy-compiler/passes/pattern.h"

namespace treeline::passes {

struct Object {
  uint32_t reserved_class = 0;  // an object without a path, else 0 and `path`
  std::string path;

  static Object at(std::string path) { return {0, std::move(path)}; }
  static Object without_path(uint32_t reserved_class) { return {reserved_class, {}}; }
  friend bool operator==(const Object&, const Object&) = default;
};

// A rule that took part in a verdict. `what` is its text: the pattern, or the word.
struct RuleReference {
  std::string what;
  ir::Position position;
};

struct Verdict {
  bool allowed = false;
  ir::AccessSet missing = 0;         // access(): the words that no rule holds
  uint32_t next = 0;                 // exec(): the row it leads to
  std::vector<RuleReference> rules;  // those that grant what was asked, in the policy's order
};

class Evaluator {
 public:
  explicit Evaluator(const ir::Policy& policy);

  // All of `words` (enum tl_access; TL_EXECUTE: there is a step). TL_WRITE includes TL_APPEND.
  Verdict access(uint32_t row, const Object& object, ir::AccessSet words);
  // The step of the tree that an exec of this object takes.
  Verdict exec(uint32_t row, const Object& object);
  // May this object interpret the script that is the node at `row`?
  Verdict interpreter(uint32_t row, const Object& object);
  // May a file get another name: only where no node has a right under the new one that it lacks under the old.
  Verdict move(const Object& from, const Object& to);
  // What a refused act on this object costs, where a path of `on_violation` says it.
  std::optional<ir::OnViolation> path_cost(uint32_t row, const Object& object);
  Verdict user(uint32_t row, uint32_t uid) const;
  Verdict capability(uint32_t row, uint32_t capability) const;
  Verdict operation(uint32_t row, uint32_t operation) const;
  Verdict socket(uint32_t row, uint32_t kind, uint32_t netlink) const;
  // The node's list, which a filter holds for the workload as a whole; where no node lists any there is none, and all pass.
  Verdict syscall(uint32_t row, const std::string& call) const;
  // connect, send to.
  Verdict connect(uint32_t row, ir::Protocol protocol, const Address& peer, uint32_t port) const;
  // accept: who connects, to which local port.
  Verdict accept(uint32_t row, ir::Protocol protocol, const Address& peer, uint32_t port) const;
  // bind, listen: the peer is not known yet, any rule of that port will do.
  Verdict listen(uint32_t row, ir::Protocol protocol, uint32_t port) const;

 private:
  const ir::Node* node(uint32_t row) const;
  void look_at(const Object& object);  // fills matched_
  ir::AccessSet held(uint32_t row);
  std::vector<uint32_t> steps(uint32_t row);
  bool interprets(uint32_t row);

  struct OwnUse {
    uint32_t pattern;
    Use use;
  };

  const ir::Policy& policy_;
  std::vector<PathPattern> patterns_;
  std::vector<Pattern> parsed_;
  std::vector<bool> well_formed_;
  std::vector<std::vector<OwnUse>> uses_;  // by row
  Object looked_at_;
  std::vector<bool> matched_;  // by pattern, for looked_at_
};

}  // namespace treeline::passes
