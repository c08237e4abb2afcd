// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/accept.h"

#include "policy-compiler/frontend/fields.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

constexpr std::string_view kAcceptForm = "write CODE: why it is right here, or CODE: and below it WHAT: why";

bool is_code(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos;
}

void read_reason(const Entry& entry, const std::string& code, const std::string& about, std::vector<ir::Accepted>& accepted,
                 Diagnostics& diagnostics) {
  if (!expect_text(entry.value, "a reason", kAcceptForm, diagnostics)) return;
  const std::string& reason = entry.value.text;
  if (reason.find_first_not_of(" \n\t") == std::string::npos || reason.size() > kMaxReason) {
    diagnostics.error(entry.value.position, "accept-reason",
                      reason.size() > kMaxReason ? "the reason is longer than " + std::to_string(kMaxReason) + " bytes" : "the reason is empty",
                      "say why it is right here, for who reviews it next");
    return;
  }
  accepted.push_back({code, about, reason, entry.position});
}

}  // namespace

void read_accept(const Value& value, std::vector<ir::Accepted>& accepted, Diagnostics& diagnostics) {
  if (!value.is_mapping()) {
    if (!value.is_refused())
      diagnostics.error(value.position, "kind", "'accept' is a mapping, not " + std::string(kind_name(value)), std::string(kAcceptForm));
    return;
  }
  for (const Entry& entry : value.entries) {
    if (accepted.size() >= kMaxAccepted) {
      diagnostics.error(entry.position, "too-large", "a node accepts more than " + std::to_string(kMaxAccepted) + " findings",
                        "mend some of them");
      return;
    }
    if (!is_code(entry.key)) {
      diagnostics.error(entry.position, "accept-code", text::quoted(entry.key) + " is no code of a finding",
                        "write the word that `check` prints in brackets");
      continue;
    }
    if (!entry.value.is_mapping()) {
      read_reason(entry, entry.key, "", accepted, diagnostics);
      continue;
    }
    for (const Entry& about : entry.value.entries)
      if (accepted.size() < kMaxAccepted) read_reason(about, entry.key, about.key, accepted, diagnostics);
  }
}

}  // namespace treeline::frontend
