// SPDX-License-Identifier: Apache-2.0
//
// Which bundles may come into force: those that are signed by a trusted key, where treeline.conf says `require_signature = yes`.
//
//   Admission admission({.required = true, .keys = "/etc/treeline/keys"});
//   Result<Provenance> known = admission.admit(bundle, Occasion::kLoad, floor);      an Error: nothing has changed
//
// Asked whenever bytes become a policy: a load and a `treeline run` (kLoad), a rollback (kRollback), and what a new treelined finds on
// disk (kRestart). The keys are read each time: one that was taken away admits nothing any more, without a restart.
//
// Time is a condition of admission, not of staying: a bundle whose signature expires while it is loaded goes on, across restarts too,
// and is said to have expired. Otherwise a date would stop workloads, or let them go free.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/support/result.h"

namespace treeline::store {

enum class Occasion { kLoad, kRollback, kRestart };

// What the enforcer keeps of the signatures of one policy's bundles.
struct SignedState {
  uint64_t generation = 0;  // as signed, of the bundle in force
  uint64_t minimum = 0;     // the highest minimum generation that any bundle of this policy named
};

struct Provenance {
  bool checked = false;  // false: signatures are not asked for
  std::string refused;   // kRestart of what is in force already: why it would not be admitted
  std::string key;
  uint64_t generation = 0, minimum = 0;
  int64_t expires = 0;   // seconds since 1970; 0: never
  // "unchecked", "valid", "expired" or "refused", at this moment.
  [[nodiscard]] const char* state(int64_t now) const;
};

class Admission {
 public:
  struct Rules {
    bool required = false;
    std::string keys = "/etc/treeline/keys";  // directory of *.pem
    bool guarded = true;                       // keys must be root's; false in tests
    std::function<int64_t()> now;              // seconds since 1970; unset: the clock
  };
  Admission() = default;
  explicit Admission(Rules rules) : rules_(std::move(rules)) {}

  // Error (EPERM): it may not come into force, and what would help.
  Result<Provenance> admit(const bundle::Bundle& bundle, Occasion occasion, const SignedState& before) const;
  [[nodiscard]] int64_t now() const;

 private:
  Rules rules_;
};

}  // namespace treeline::store
