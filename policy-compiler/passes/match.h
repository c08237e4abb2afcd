// SPDX-License-Identifier: Apache-2.0
//
// Does a pattern match a path: the slow, obvious answer, straight from the pattern's tree. It shares nothing with the
// automaton, which is held against it.
//
//   matches(*parse_pattern("/proc/{own}/status", errors), "/proc//own/status")  == true
//
// `path` is what the hooks' walk feeds (abi.h, "Pseudo components"): names joined by '/', "//own" and the like for
// pseudo components, "/" for the root directory. Quadratic in the path for each component pattern; no exponential case.
#pragma once

#include <string_view>

#include "policy-compiler/passes/pattern.h"

namespace treeline::passes {

// False for a pattern that names an object without a path, and for a text that no walk produces ("", "a", "/a/",
// "//nothing").
bool matches(const Pattern& pattern, std::string_view path);

}  // namespace treeline::passes
