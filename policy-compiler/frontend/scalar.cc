// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/frontend/scalar.h"

#include <algorithm>
#include <cstdio>

#include "policy-compiler/support/text.h"

namespace treeline::frontend {
namespace {

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool plain(std::string_view text, bool flow) {
  if (text.empty() || (!is_alnum(text[0]) && text[0] != '/' && text[0] != '_')) return false;
  if (text == "null" || text == "Null" || text == "NULL" || text == "true" || text == "false") return false;
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

std::string scalar(std::string_view text, bool flow) {
  if (plain(text, flow)) return std::string(text);
  if (!all_visible(text)) return double_quoted(text);
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

}  // namespace treeline::frontend
