// SPDX-License-Identifier: Apache-2.0
#include "enforcer/base/bytes.h"

#include <cstdint>

#include "bpf/lsm/abi.h"
#include "policy-compiler/support/text.h"

namespace treeline {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_hex(std::string& out, uint8_t b) {
  out += "\\x";
  out += kHex[b >> 4];
  out += kHex[b & 15];
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string escape_bytes(std::string_view bytes, std::string_view special) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    size_t n = text::utf8_length(bytes, 0);
    auto b = static_cast<uint8_t>(bytes[0]);
    // U+0080..U+009F are control characters too, and U+2028/2029 end lines for some readers of JSON.
    bool control = n == 2 && b == 0xc2 && static_cast<uint8_t>(bytes[1]) < 0xa0;
    bool separator = n == 3 && bytes.substr(0, 2) == "\xe2\x80" && (static_cast<uint8_t>(bytes[2]) & 0xfe) == 0xa8;
    if (n == 0 || (n == 1 && (b < 0x20 || b == 0x7f || b == '\\' || special.find(bytes[0]) != std::string_view::npos))) {
      append_hex(out, b);
      n = 1;
    } else if (control || separator) {
      for (size_t i = 0; i < n; ++i) append_hex(out, static_cast<uint8_t>(bytes[i]));
    } else {
      out.append(bytes.substr(0, n));
    }
    bytes.remove_prefix(n);
  }
  return out;
}

std::string unescape_bytes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x') {
      int high = hex_digit(text[i + 2]), low = hex_digit(text[i + 3]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 3;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string readable_path(std::string_view raw, bool pattern_safe) {
  const std::string_view special = pattern_safe ? "{}*?[]" : "{}";
  constexpr std::string_view kPseudo[] = {TL_PSEUDO_TMPFILE,  TL_PSEUDO_OWN,   TL_PSEUDO_DESCENDANT,
                                          TL_PSEUDO_WORKLOAD, TL_PSEUDO_OTHER, TL_PSEUDO_ABSTRACT};
  std::string out;
  size_t done = 0;
  while (done < raw.size()) {
    size_t at = raw.find("//", done);
    if (at == std::string_view::npos) at = raw.size();
    out += escape_bytes(raw.substr(done, at - done), special);
    done = at;
    if (at == raw.size()) break;
    bool known = false;
    for (std::string_view pseudo : kPseudo) {
      if (raw.substr(at, pseudo.size()) != pseudo) continue;
      size_t end = at + pseudo.size();
      if (end < raw.size() && raw[end] != '/') continue;
      if (pseudo != TL_PSEUDO_ABSTRACT) out += '/';
      out += '{';
      out += pseudo.substr(2);
      out += '}';
      done = end;
      known = true;
      break;
    }
    if (!known) {  // no kernel name is empty: only an abstract name can hold "//" itself
      out += "//";
      done = at + 2;
    }
  }
  return out;
}

}  // namespace treeline
