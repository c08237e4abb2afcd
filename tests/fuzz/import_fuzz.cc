// SPDX-License-Identifier: Apache-2.0
// links: treeline_import
//
// Any bytes as a source of each format: import_text returns, and a draft that it gives can be written out and read
// again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/import/import.h"

using treeline::Diagnostics;
namespace import_ = treeline::import_;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const import_::Format format :
       {import_::Format::kKubeArmor, import_::Format::kKubescape, import_::Format::kSpoSeccomp,
        import_::Format::kSpoAppArmor, import_::Format::kDockerSeccomp, import_::Format::kAppArmor,
        import_::Format::kStrace}) {
    // A text that is not recognised is tried as each: the parsers may not rely on it.
    const auto seen = import_::recognise(text);
    if (seen && *seen != format) continue;
    import_::Options options;
    options.format = format;
    options.programs = {"/usr/bin/web"};
    Diagnostics findings("fuzz");
    const auto imported = import_::import_text(text, options, findings);
    for (const treeline::Diagnostic& finding : findings.list())
      if (finding.code.empty() || finding.message.empty()) std::abort();
    if (!imported) {
      if (!findings.has_errors()) std::abort();
      continue;
    }
    if (findings.has_errors() || imported->policy.entry.empty()) std::abort();
    const std::string first = treeline::frontend::emit_profile(imported->policy);
    Diagnostics draft("draft");
    const treeline::ir::Policy again = treeline::frontend::read_profile(first, draft);
    // What is left to say of a draft is about the tree (deep, doubled), never about its text.
    for (const treeline::Diagnostic& d : draft.list())
      if (d.code == "syntax" || d.code == "encoding" || d.code == "unknown-key" || d.code == "duplicate-key")
        std::abort();
    if (!draft.has_errors() && treeline::frontend::emit_profile(again) != first) std::abort();
  }
  return 0;
}
