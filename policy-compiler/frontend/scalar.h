// SPDX-License-Identifier: Apache-2.0
//
// Text as a scalar of YAML: without quotes where no reader could see anything else in it, in quotes otherwise.
#pragma once

#include <string>
#include <string_view>

namespace treeline::frontend {

constexpr size_t kSimpleKey = 1000;  // YAML 1.2, 7.4.2: an implicit key has at most 1024 characters

// `flow`: within [ ] or { }. Characters that a profile may not hold (control, zero-width, directional) are written as
// escapes of double quotes. `text` is UTF-8.
std::string scalar(std::string_view text, bool flow = false);

}  // namespace treeline::frontend
