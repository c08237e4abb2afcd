// SPDX-License-Identifier: Apache-2.0
//
// Text as a scalar of YAML: without quotes where no reader could see anything else in it (those of YAML 1.1 see a truth
// value in `no`, a date in 2027-01-31), in quotes otherwise.
#pragma once

#include <string>
#include <string_view>

namespace treeline::frontend {

constexpr size_t kSimpleKey = 1000;  // YAML 1.2, 7.4.2: an implicit key has at most 1024 characters

// Is it more than text for a reader of YAML 1.1 or 1.2: a truth value, nothing, a number, a date?
bool is_typed(std::string_view text);

// `bare`: it stood without quotes, so that what else a reader sees in it is meant. `flow`: within [ ] or { }.
// Characters that a profile may not hold (control, zero-width, directional) are written as escapes of double quotes.
// `text` is UTF-8.
std::string scalar(std::string_view text, bool flow = false, bool bare = false);

}  // namespace treeline::frontend
