// SPDX-License-Identifier: Apache-2.0
//
// A source, imported: the draft, and what was said.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy-compiler/frontend/profile.h"
#include "policy-compiler/import/import.h"

namespace treeline::import_ {

struct Outcome {
  std::optional<Imported> imported;
  Diagnostics findings{"source"};
  std::string profile() const { return imported ? frontend::emit_profile(imported->policy) : ""; }
  bool says(std::string_view code, uint32_t line = 0) const {
    for (const Diagnostic& d : findings.list())
      if (d.code == code && (line == 0 || d.position.line == line)) return true;
    return false;
  }
};

inline Outcome take(const std::string& text, Options options = {}) {
  Outcome out;
  out.imported = import_text(text, options, out.findings);
  return out;
}

}  // namespace treeline::import_
