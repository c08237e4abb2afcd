// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/name_shape.h"

#include <algorithm>

#include "policy-compiler/learn/name_pattern.h"
#include "policy-compiler/learn/trace.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

bool is_lower_hex(char c) { return text::is_digit(c) || (c >= 'a' && c <= 'f'); }
bool is_upper_hex(char c) { return text::is_digit(c) || (c >= 'A' && c <= 'F'); }

size_t run(std::string_view text, size_t at, bool (*in)(char)) {
  size_t end = at;
  while (end < text.size() && in(text[end])) end++;
  return end - at;
}

size_t uuid_at(std::string_view name, size_t at) {
  static const NamePattern kUuid({{Piece::Kind::kUuid, 0, ""}});
  if (name.size() - at < 36 || (at > 0 && is_lower_hex(name[at - 1]))) return 0;
  if (name.size() > at + 36 && is_lower_hex(name[at + 36])) return 0;
  return kUuid.matches(name.substr(at, 36)) ? 36 : 0;
}

size_t date_at(std::string_view name, size_t at) {
  const size_t digits = run(name, at, text::is_digit);
  if (digits == 8 && day_of(name.substr(at, 8))) return 8;
  if (digits == 4 && name.size() - at >= 10 && day_of(name.substr(at, 10)) && run(name, at + 8, text::is_digit) == 2)
    return 10;
  return 0;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "d12345678" of "go-build12345678": a word's last letters and a decimal number.
bool ends_a_word(std::string_view name, size_t at) {
  if (at == 0 || !is_letter(name[at - 1])) return false;
  const size_t letters = run(name, at, is_letter), digits = run(name, at + letters, text::is_digit);
  return letters != 0 && digits != 0 && (at + letters + digits == name.size() || !is_letter(name[at + letters + digits]));
}

// A run of hex digits as a whole, not a piece of a longer word: at least 8, a decimal digit among them, one case.
size_t hex_at(std::string_view name, size_t at) {
  if (ends_a_word(name, at)) return 0;
  size_t longest = 0;
  for (const auto in : {is_lower_hex, is_upper_hex}) {
    const size_t length = at > 0 && in(name[at - 1]) ? 0 : run(name, at, in);
    if (length >= 8 && std::any_of(name.begin() + at, name.begin() + at + length, text::is_digit))
      longest = std::max(longest, length);
  }
  return longest;
}

}  // namespace

std::vector<Token> cut_name(std::string_view name, Cut cut) {
  std::vector<Token> out;
  for (size_t at = 0; at < name.size();) {
    const bool after_digit = at > 0 && text::is_digit(name[at - 1]);
    Token::Kind kind = Token::Kind::kText;
    size_t length = 0;
    if ((length = uuid_at(name, at)) != 0) {
      kind = Token::Kind::kUuid;
    } else if (cut == Cut::kWide && !after_digit && (length = date_at(name, at)) != 0) {
      kind = Token::Kind::kDate;
    } else if (cut == Cut::kWide && (length = hex_at(name, at)) != 0) {
      kind = Token::Kind::kHex;
    } else if ((length = run(name, at, text::is_digit)) != 0) {
      kind = Token::Kind::kDigits;
    }
    if (length == 0) {
      length = 1;
      if (!out.empty() && out.back().kind == Token::Kind::kText) {
        out.back().text += name[at++];
        continue;
      }
    }
    out.push_back({kind, std::string(name.substr(at, length))});
    at += length;
  }
  return out;
}

std::string shape_key(const std::vector<Token>& tokens) {
  std::string out;
  for (const Token& token : tokens) {
    out += '/';  // no name holds one
    switch (token.kind) {
      case Token::Kind::kText:
        out += token.text;
        break;
      case Token::Kind::kUuid:
        out += "/u";
        break;
      case Token::Kind::kDate:
        out += "/d" + std::to_string(token.text.size());
        break;
      case Token::Kind::kHex:
        out += "/h" + std::to_string(token.text.size());
        break;
      case Token::Kind::kDigits:
        out += "/n";
        break;
    }
  }
  return out;
}

}  // namespace treeline::learn
