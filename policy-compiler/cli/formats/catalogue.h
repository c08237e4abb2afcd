// SPDX-License-Identifier: Apache-2.0
//
// Every code that a diagnostic can have: what it means, and how grave a policy with it is. SARIF's rules and
// policy-compiler/DIAGNOSTICS.md are made of it; a test holds it against the sources, so that no code is without an
// entry and no entry without a code.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "policy-compiler/support/diagnostics.h"

namespace treeline::cli::formats {

// The stages of LANGUAGE.md, in the order in which a profile passes them.
enum class Stage : uint8_t { kText, kShape, kRules, kTree, kProofs, kGrades, kTraces, kImports, kCommands };
std::string_view stage_name(Stage stage);

struct Entry {
  std::string_view code;
  Stage stage = Stage::kShape;
  Severity severity = Severity::kError;  // where nothing else is asked for (--strict)
  // Of 10, as GitHub reads it (0.1 low, 4.0 medium, 7.0 high, 9.0 critical): how much an attacker gains by a policy
  // that has this and is taken all the same. "" where a mistake opens nothing.
  std::string_view risk;
  std::string_view meaning;  // one or two sentences: what it is, and why it is said
};

// By stage, then by code.
std::span<const Entry> catalogue();
// nullptr: not a code of this version.
const Entry* find_entry(std::string_view code);

// Where a person reads about a code: an absolute URI. The build sets where DIAGNOSTICS.md is published
// (TREELINE_DIAGNOSTICS_URI); by default it is where `install` puts it.
std::string help_uri(std::string_view code);

// policy-compiler/DIAGNOSTICS.md.
std::string catalogue_markdown();

}  // namespace treeline::cli::formats
