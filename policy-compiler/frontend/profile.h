// SPDX-License-Identifier: Apache-2.0
//
// Profile text -> ir::Policy, and back. The language stands in policy-compiler/LANGUAGE.md.
//
//   Diagnostics diagnostics("nginx.yaml");
//   ir::Policy policy = read_profile(text, diagnostics);
//   if (diagnostics.has_errors()) ...        // policy may be incomplete: fit for more checks, not for a back end
//
// Owned here: the YAML (or JSON) text itself, the shape of the document, every word and number that is not a pattern,
// and what can be said of the tree without asking what a pattern matches: labels, back edges, siblings with the same
// text. What a pattern means, and everything that needs automata, is asked by passes/.
//
// Whatever the input, these functions return: no exception leaves, memory is bounded by the limits below.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"
#include "policy-compiler/support/result.h"

namespace treeline::frontend {

constexpr size_t kMaxBytes = 32u << 20;   // of profile text: twice what 100,000 rules in twenty nodes take
constexpr size_t kMaxValues = 500'000;    // scalars, lists and mappings of a document
constexpr size_t kMaxDepth = 200;         // lists and mappings inside one another: about 95 steps of the tree
constexpr size_t kMaxRules = 1'000'000;   // rules of every kind after groups were copied into the nodes that use them
constexpr size_t kMaxPattern = 4096;      // bytes of a pattern's text
constexpr int kLanguage = 1;              // `treeline: 1`

// All mistakes go to `diagnostics` (which already knows the file's name). policy.file is that name.
ir::Policy read_profile(std::string_view text, Diagnostics& diagnostics);

// The same from a file; the Error says which file and why it could not be read. A file larger than kMaxBytes is an
// Error too.
Result<std::string> load_text(const std::string& path);

// The canonical text of a policy: what `learn` writes and what a bundle carries. Reading it gives the policy back
// (except for positions); equal policies give equal bytes. Groups are written out, rules keep their order.
std::string emit_profile(const ir::Policy& policy);

}  // namespace treeline::frontend
