// SPDX-License-Identifier: Apache-2.0
//
// Policies on disk, root's alone: what is bound by name survives a restart, and the generation before is there for a rollback.
//
//   /var/lib/treeline/policies/NAME/state.json    mode, what a violation costs, which bundle is current, which was before
//   /var/lib/treeline/policies/NAME/bundle-7/     a bundle (policy-compiler/bundle), whole or not at all
//
// A bundle is read and verified where the operator names it, and what was verified is written here: the files that the operator
// named are not opened twice. state.json is replaced in one rename, after its bundle is on disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "enforcer/base/policy_name.h"
#include "enforcer/store/admission.h"
#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/support/result.h"

namespace treeline::store {

// kProfile: as each node's rows say; else what the operator says instead, for the whole policy.
enum class Violation { kProfile, kDeny, kKill, kKillContainer, kFreezeContainer };
constexpr std::string_view kViolationWords[] = {"profile", "deny", "kill", "kill-container", "freeze-container"};
std::string_view violation_word(Violation);
Result<Violation> violation_of_word(std::string_view word);

struct PolicyState {
  std::string name;
  uint32_t mode = 0;            // enum tl_mode: what the operator asked for
  Violation on_violation = Violation::kProfile;
  uint32_t generation = 0;      // of what is published; every load, rollback and mode change of the image counts up
  uint32_t current = 0;         // number of the bundle directory
  uint32_t previous = 0;        // 0: none
  bool orphans_kill = false;
  SignedState signature;        // zeros where signatures are not asked for
  std::string changed;          // RFC 3339
};

class PolicyStore {
 public:
  explicit PolicyStore(std::string root) : root_(std::move(root)) {}

  Result<void> open() const;  // makes the directory, or refuses one that others can write
  Result<std::vector<std::string>> names() const;
  Result<PolicyState> read(const std::string& name) const;
  Result<void> write(const PolicyState& state) const;  // an Error: the one of before is there
  // Writes the bundle under a number that is not in use and returns it.
  Result<uint32_t> add_bundle(const std::string& name, const bundle::Bundle& bundle) const;
  Result<bundle::Bundle> read_bundle(const std::string& name, uint32_t number) const;
  // Removes every bundle that `state` does not name, and what a daemon that died had begun.
  void prune(const PolicyState& state) const;
  // Removes the state: from then on there is no such policy. Missing is success.
  Result<void> forget(const std::string& name) const;
  Result<void> remove(const std::string& name) const;

 private:
  [[nodiscard]] std::string directory(const std::string& name) const { return root_ + "/" + name; }
  Result<std::vector<uint32_t>> numbers(const std::string& name) const;  // none: there is no such policy
  std::string root_;
};

}  // namespace treeline::store
