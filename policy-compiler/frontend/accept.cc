// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/accept.h"

#include <algorithm>
#include <iterator>

#include "policy-compiler/frontend/fields.h"
#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

constexpr std::string_view kAcceptForm = "write CODE: why it is right here, or CODE: and below it WHAT: why";

// A code that says nothing of a node (unused-group), or nothing that a reason answers (accept-unused), is not here. A test holds the list against the
// table of all codes.
constexpr std::string_view kCodes[] = {
    "any-egress", "any-ingress", "any-user", "back-edge-program", "broad-pattern", "dangerous-capability", "dangerous-operation", "dangerous-socket", "dead-step",
    "interpreter-behind-network", "interpreter-program", "kernel-limit", "metadata-egress", "netlink-protocol", "netlink-socket", "not-graded",
    "process-by-name", "residual", "sensitive-file", "shadowed-rule", "shell-behind-network", "unsafe-write-and-execute", "unused-rule",
    "unusual-protocol", "written-scripts"};

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

std::span<const std::string_view> accepted_codes() { return kCodes; }

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
    if (std::find(std::begin(kCodes), std::end(kCodes), entry.key) == std::end(kCodes)) {
      const std::string guess = text::did_you_mean(text::closest(entry.key, kCodes));
      diagnostics.error(entry.position, "accept-code", text::quoted(entry.key) + " is no code of a finding that can be accepted",
                        !guess.empty() ? guess : "write the word in brackets of a warning or a note of `check`; mistakes cannot be accepted");
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
