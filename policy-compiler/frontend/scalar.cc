// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/scalar.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// All of it digits and '_', at least one of them a digit.
bool digits(std::string_view text, std::string_view which) {
  return text.find_first_not_of("_") != std::string_view::npos && std::all_of(text.begin(), text.end(), [&](char c) {
           return c == '_' || which.find(c) != std::string_view::npos;
         });
}

// Integers in four bases, floats, and what YAML 1.1 counts by sixties: 1:30.
bool is_number(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF" || text == ".nan" || text == ".NaN" || text == ".NAN")
    return true;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b'))
    return digits(text.substr(2), "0123456789abcdefABCDEF");
  if (const size_t at = text.find_first_of("eE"); at != std::string_view::npos) {
    std::string_view exponent = text.substr(at + 1);
    if (!exponent.empty() && (exponent[0] == '+' || exponent[0] == '-')) exponent.remove_prefix(1);
    if (!digits(exponent, "0123456789")) return false;
    text = text.substr(0, at);
  }
  const size_t point = std::min(text.find('.'), text.size());
  std::string whole(text.substr(0, point)), rest(text.substr(std::min(point + 1, text.size())));
  std::erase(whole, ':');
  return digits(whole + rest, "0123456789") && (text.empty() || text[0] != ':');
}

bool is_date(std::string_view text) {
  const auto number = [&](size_t at, size_t count) {
    return text.size() >= at + count && digits(text.substr(at, count), "0123456789");
  };
  return number(0, 4) && text.size() > 4 && text[4] == '-' && number(5, 1) &&
         text.find('-', 5) != std::string_view::npos && text.find('-', 5) <= 7 && number(text.find('-', 5) + 1, 1);
}

bool is_null(std::string_view text) { return text == "null" || text == "Null" || text == "NULL" || text == "~"; }

bool plain(std::string_view text, bool flow, bool bare) {
  if (text.empty() || (!is_alnum(text[0]) && text[0] != '/' && text[0] != '_')) return false;
  if (is_null(text) || (!bare && is_typed(text))) return false;
  if (text.back() == ':') return false;
  constexpr std::string_view kAlways = "/._+@%~=*?$^()<>;-\\";
  constexpr std::string_view kBlock = "{}[],:!&|";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alnum(c) || kAlways.find(c) != std::string_view::npos ||
           (!flow && kBlock.find(c) != std::string_view::npos);
  });
}

// The character of UTF-8 that these bytes are.
uint32_t code_point(std::string_view bytes) {
  const auto first = static_cast<uint8_t>(bytes[0]);
  if (bytes.size() == 1) return first;
  uint32_t out = first & (0xffu >> (bytes.size() + 1));
  for (const char c : bytes.substr(1)) out = out << 6 | (static_cast<uint8_t>(c) & 0x3fu);
  return out;
}

std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const size_t length = std::max<size_t>(text::utf8_length(text, at), 1);
    const std::string_view character = text.substr(at, length);
    if (text::visible_length(text, at) == 0) {
      char escape[16];
      std::snprintf(escape, sizeof escape, "\\U%08X", code_point(character));
      out += escape;
    } else {
      if (character == "\"" || character == "\\") out += '\\';
      out += character;
    }
    at += length;
  }
  return out + "\"";
}

bool all_visible(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = text::visible_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

bool is_typed(std::string_view text) {
  constexpr std::string_view kTruth[] = {"y", "yes", "n", "no", "true", "false", "on", "off"};
  std::string lower;
  for (const char c : text.substr(0, 6)) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return is_null(text) || std::find(std::begin(kTruth), std::end(kTruth), lower) != std::end(kTruth) ||
         is_number(text) || is_date(text);
}

std::string scalar(std::string_view text, bool flow, bool bare) {
  if (plain(text, flow, bare)) return std::string(text);
  if (!all_visible(text)) return double_quoted(text);
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

}  // namespace treeline::frontend
