// SPDX-License-Identifier: Apache-2.0
//
// One way to lay out a profile, with the comments that a person wrote: `treelinec fmt`.
//
//   std::optional<std::string> text = format_profile(before, diagnostics);
//   if (!text) ...        // mistakes, in `diagnostics`
//
// Two spaces a level; keys in the order of the language, access words in the order of their bits, lists on one line
// where they fit into kFormatWidth, longer ones of words on as many as they take, one empty line at most. Order that a person chose (of rules, nodes, list items)
// stays. Formatting is idempotent and changes no meaning: both are looked at each time, so that what is returned is the
// same profile. Work is linear in the text but for long lines of characters beyond ASCII.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy-compiler/support/diagnostics.h"

namespace treeline::frontend {

constexpr size_t kFormatWidth = 100;  // characters of a line that a list on one line may reach

std::optional<std::string> format_profile(std::string_view text, Diagnostics& diagnostics);
// A profile that was made, as `fmt` leaves it; what is none stays as it is.
std::string laid_out(std::string text);

}  // namespace treeline::frontend
