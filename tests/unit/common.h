// SPDX-License-Identifier: Apache-2.0
//
// Where the unit tests find files of the checkout. One object knows its path, so that all others are the same wherever they were compiled, and a
// compiler cache has them.
//
//   std::string text = slurp(in_sources("policy-compiler/LANGUAGE.md"));
#pragma once

#include <string>
#include <string_view>

namespace treeline {

// The absolute name of what lies at `path` in the checkout.
std::string in_sources(std::string_view path);

}  // namespace treeline
