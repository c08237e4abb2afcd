// SPDX-License-Identifier: Apache-2.0
#include "enforcer/store/admission.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "policy-compiler/bundle/sign.h"
#include "policy-compiler/support/text.h"

namespace treeline::store {

const char* Provenance::state(int64_t now) const {
  if (!checked) return "unchecked";
  if (!refused.empty()) return "refused";
  return expires != 0 && now >= expires ? "expired" : "valid";
}

int64_t Admission::now() const { return rules_.now ? rules_.now() : static_cast<int64_t>(std::time(nullptr)); }

Result<Provenance> Admission::admit(const bundle::Bundle& bundle, Occasion occasion, const SignedState& before) const {
  Provenance known;
  if (!rules_.required) return known;
  known.checked = true;
  const std::string head = "bundle of " + text::quoted(bundle.name) + " is refused, as treeline.conf says require_signature = yes: ";
  Result<std::vector<bundle::PublicKey>> keys = bundle::read_trusted_keys(rules_.keys, rules_.guarded);
  if (!keys) return Error{head + keys.error().message, EPERM};
  const uint64_t least = occasion == Occasion::kLoad       ? std::max(before.generation, before.minimum)
                         : occasion == Occasion::kRollback ? before.minimum
                                                           : 0;
  const bundle::Verdict verdict = bundle::verify(bundle, *keys, now(), least);
  const bool expired = verdict.refusal && verdict.refusal->kind == bundle::RefusalKind::kExpired;
  if (verdict.refusal && !(expired && occasion == Occasion::kRestart)) return Error{head + verdict.refusal->error().message, EPERM};
  known.key = verdict.statement->key_id;
  known.generation = verdict.statement->terms.generation;
  known.minimum = std::max(before.minimum, verdict.statement->terms.minimum_generation);
  known.expires = verdict.statement->terms.expires.value_or(0);
  return known;
}

}  // namespace treeline::store
