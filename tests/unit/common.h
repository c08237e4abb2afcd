// SPDX-License-Identifier: Apache-2.0
//
// Where the unit tests find files of the checkout, and what they take from the environment. One object knows its path, so that all others are the same wherever they were compiled, and a
// compiler cache has them.
//
//   std::string text = slurp(in_sources("policy-compiler/LANGUAGE.md"));
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace treeline {

// The absolute name of what lies at `path` in the checkout.
std::string in_sources(std::string_view path);

// TREELINE_SEED and the like repeat a run or make it longer.
inline uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

}  // namespace treeline
