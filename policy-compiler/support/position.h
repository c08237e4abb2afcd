// SPDX-License-Identifier: Apache-2.0
//
// A place in a text that a person wrote. Lines and columns count from 1; a column is a character (UTF-8 continuation
// bytes do not count), as editors show it. Line 0 means "no place": a value that a test or a pass made.
#pragma once

#include <compare>
#include <cstdint>

namespace treeline {

struct Position {
  uint32_t line = 0;
  uint32_t column = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

}  // namespace treeline
