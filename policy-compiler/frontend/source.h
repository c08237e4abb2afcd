// SPDX-License-Identifier: Apache-2.0
//
// The text of a profile as lines: places for diagnostics, and the line itself for the caret below it.
#pragma once

#include <string_view>
#include <vector>

#include "policy-compiler/support/diagnostics.h"

namespace treeline::frontend {

class Source {
 public:
  explicit Source(std::string_view text);

  // Size, UTF-8, control characters. False: reported, not to be parsed.
  bool check(Diagnostics& diagnostics) const;

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
