// SPDX-License-Identifier: Apache-2.0
//
// Named classes: the shapes of names that are born at run time. Each is exact; none matches what it does not look like.
//   {uuid}      8-4-4-4-12 lower-case hex digits           {hex:N}    N lower-case hex digits
//   {digits}    1 to 10 decimal digits                     {digits:N} exactly N
//   {rand:N}    N of [A-Za-z0-9_], as mkstemp writes       {date}     YYYY-MM-DD or YYYYMMDD, 1900..2099, months
//   01..12, days 01..31
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy-compiler/passes/pattern.h"

namespace treeline::passes {

// `text` is what stands between the braces. nullopt: `problem` and `remedy` say why.
std::optional<Sequence> named_class(std::string_view text, std::string& problem, std::string& remedy);

}  // namespace treeline::passes
