// SPDX-License-Identifier: Apache-2.0
// links: treeline_frontend
//
// Any bytes through fmt: it returns; what it lays out says the same, keeps every comment and is its own layout (which
// format_profile looks at itself: "internal" is then its diagnostic).
#include <cstdint>
#include <cstdlib>
#include <string>

#include "policy-compiler/frontend/format.h"
#include "policy-compiler/frontend/profile.h"

using treeline::Diagnostics;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics("fuzz.yaml");
  const std::optional<std::string> out = treeline::frontend::format_profile(text, diagnostics);
  if (!out) {
    if (!diagnostics.has_errors()) std::abort();
    // Block scalars with an indentation indicator are the one form that is refused.
    for (const treeline::Diagnostic& d : diagnostics.list())
      if (d.code == "internal" && text.find_first_of("|>") == std::string_view::npos) std::abort();
    return 0;
  }
  Diagnostics again("again.yaml");
  const std::optional<std::string> twice = treeline::frontend::format_profile(*out, again);
  if (!twice || *twice != *out) std::abort();
  return 0;
}
