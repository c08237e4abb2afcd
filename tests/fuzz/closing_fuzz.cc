// SPDX-License-Identifier: Apache-2.0
// links: treeline_closing
//
// Any bytes as closing.json and as the text of AppArmor profiles, of a bundle and of the kernel: the readers return; a filter that was taken holds
// what its header promises and is read again from its own text; a profile counts as loaded only where a line says so.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "enforcer/confine/apparmor.h"
#include "enforcer/confine/closing.h"

using namespace treeline;

namespace {

void closing(const std::string& text) {
  const Result<confine::Closing> taken = confine::parse_closing(text);
  if (!taken) return;
  if (taken->refusals.size() > confine::kMaxRefusals || taken->text.size() > confine::kMaxClosing) std::abort();
  for (const confine::Refusal& refusal : taken->refusals) {
    if (refusal.name.empty() || refusal.error < 1 || refusal.error > 4095) std::abort();
    if (!refusal.only) continue;
    if (refusal.only->index > 5 || refusal.only->bits == 0) std::abort();
    for (const confine::Condition& part : confine::parts_of(*refusal.only))
      if ((part.bits & (part.bits - 1)) != 0 || (part.bits & ~refusal.only->bits) != 0) std::abort();
  }
  const Result<confine::Closing> again = confine::parse_closing(taken->text);
  if (!again || again->text != taken->text || again->refusals.size() != taken->refusals.size()) std::abort();
  if (confine::beside_hooks(*taken).refusals.size() > taken->refusals.size()) std::abort();
}

// The artifact, and behind a zero byte what the kernel says it has.
void apparmor(const std::string& both) {
  const size_t zero = std::min(both.find('\0'), both.size());
  const std::string text = both.substr(0, zero), loaded = both.substr(std::min(zero + 1, both.size()));
  bundle::Bundle bundle;
  bundle.name = "web";
  bundle.artifacts.push_back({std::string(confine::kAppArmorArtifact), "apparmor", text, 0, ""});
  const Result<std::optional<confine::AppArmor>> taken = confine::apparmor_of("web", bundle);
  if (!taken) return;
  if (!*taken || (*taken)->name.empty() || (*taken)->name.find_first_of(" \n/{\"") != std::string::npos || !(*taken)->name.starts_with("treeline.web")) std::abort();
  // Held by the kernel only where it says so, in a line of its own.
  if (!confine::why_profile_does_not_hold(**taken, loaded).empty()) return;
  const std::string held = "\n" + loaded + "\n";
  if (held.find("\n" + (*taken)->name + " (enforce)\n") == std::string::npos && held.find("\n" + (*taken)->name + " (kill)\n") == std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  closing(text);
  apparmor(text);
  return 0;
}
