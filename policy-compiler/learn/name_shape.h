// SPDX-License-Identifier: Apache-2.0
//
// A name cut into what may vary (digits, hex digits, a UUID, a date) and the text between.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace treeline::learn {

struct Token {
  enum class Kind { kText, kUuid, kDate, kHex, kDigits };
  Kind kind = Kind::kText;
  std::string text;
};

enum class Cut {
  kWide,    // a UUID, a date, at least 8 hex digits with a decimal one among them, else digits
  kDigits,  // a UUID, else digits: for names whose hex digits turned out to be decimal, whose date to be none
};
std::vector<Token> cut_name(std::string_view name, Cut cut);

// Equal for names of one shape: the texts, and kind (with hex digits also length) of what varies.
std::string shape_key(const std::vector<Token>& tokens);

}  // namespace treeline::learn
