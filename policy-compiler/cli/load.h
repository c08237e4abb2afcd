// SPDX-License-Identifier: Apache-2.0
//
// A profile as far as it can be judged: read, and its paths compiled and proved. Also out of a bundle, whose
// profile.yaml is the text that was compiled: that it was, is asked (belongs.h).
#pragma once

#include <optional>
#include <string>

#include "policy-compiler/bundle/bundle.h"
#include "policy-compiler/ir/policy.h"
#include "policy-compiler/passes/paths.h"
#include "policy-compiler/support/diagnostics.h"
#include "policy-compiler/support/result.h"

namespace treeline::cli {

struct Loaded {
  std::string text;
  ir::Policy policy;
  Diagnostics diagnostics;
  std::optional<passes::Paths> paths;    // nullopt: an error is in `diagnostics`
  std::optional<bundle::Bundle> bundle;  // where one was named
  bool good() const { return paths.has_value() && !diagnostics.has_errors(); }
};

// Error: the file or bundle could not be read. Mistakes in the profile are in `diagnostics`, those of all stages, by
// place.
Result<Loaded> load(const std::string& path);
// A bundle that was read already; `path` is for messages.
Result<Loaded> load(bundle::Bundle bundle, const std::string& path);

// The same of a text that is here already; `file` is for messages.
Loaded judge(std::string text, std::string file);

}  // namespace treeline::cli
