// SPDX-License-Identifier: Apache-2.0
//
// The text of a profile as lines: places for diagnostics, and the line itself for the caret below it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/support/diagnostics.h"

namespace treeline::frontend {

class Source {
 public:
  explicit Source(std::string_view text);

  // False: reported, not to be parsed.
  bool check_size(Diagnostics& diagnostics) const;

  // Bytes that are not UTF-8 and characters that cannot be seen are reported, the first kMostUnseen places of them one
  // by one. The text with kMask in place of each such byte, so that the other mistakes can be said as well; nullopt:
  // there are none. (No character of a text that is right, nor one that means something in YAML, as '?' would.)
  static constexpr size_t kMostUnseen = 100;
  static constexpr char kMask = '\x1a';
  std::optional<std::string> masked(Diagnostics& diagnostics) const;

  // From a line and a byte within it, both counted from 0, to what people count: from 1, in characters.
  Position position(size_t line, size_t byte) const;

  // Text of a line counted from 1, without its end; "" beyond the text.
  std::string_view line(size_t number) const;

 private:
  std::string_view text_;
  std::vector<size_t> starts_;
  bool ascii_ = true;
  // Values come in the order of the text, so counting goes on where it stopped: a profile on one line stays linear.
  mutable size_t last_line_ = 0, last_byte_ = 0, last_column_ = 0;
};

}  // namespace treeline::frontend
