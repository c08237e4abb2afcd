// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/name_pattern.h"

#include <algorithm>
#include <cmath>

#include "policy-compiler/learn/object_name.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

bool in_class(Piece::Kind kind, char c) {
  switch (kind) {
    case Piece::Kind::kHex:
      return text::is_digit(c) || (c >= 'a' && c <= 'f');
    case Piece::Kind::kUpperHex:
      return text::is_digit(c) || (c >= 'A' && c <= 'F');
    case Piece::Kind::kAnyHex:
      return text::is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    case Piece::Kind::kRand:
      return text::is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    default:
      return text::is_digit(c);
  }
}

bool all(std::string_view text, Piece::Kind kind) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return in_class(kind, c); });
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < 36; i++) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !in_class(Piece::Kind::kHex, text[i])) return false;
  }
  return true;
}

// As {date} means it: 1900..2099, months 01..12, days 01..31 of any month; returns its length or 0.
size_t date_length(std::string_view text) {
  const bool dashes = text.size() >= 10 && text[4] == '-' && text[7] == '-';
  if (text.size() < 8) return 0;
  const auto number = [&](size_t at) {
    return text::is_digit(text[at]) && text::is_digit(text[at + 1]) ? (text[at] - '0') * 10 + (text[at + 1] - '0') : -1;
  };
  const int century = number(0), year = number(2), month = number(dashes ? 5 : 4), day = number(dashes ? 8 : 6);
  const bool good = (century == 19 || century == 20) && year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
  return !good ? 0 : dashes ? 10 : 8;
}

// Lengths that the piece may take at the front of `text`, from the one tried first.
std::vector<size_t> lengths(const Piece& piece, std::string_view text) {
  switch (piece.kind) {
    case Piece::Kind::kLiteral:
      return text.starts_with(piece.bytes) ? std::vector<size_t>{piece.bytes.size()} : std::vector<size_t>{};
    case Piece::Kind::kUuid:
      return is_uuid(text.substr(0, 36)) ? std::vector<size_t>{36} : std::vector<size_t>{};
    case Piece::Kind::kDate:
    case Piece::Kind::kSameDate: {
      const size_t length = date_length(text);
      return length == 0 ? std::vector<size_t>{} : std::vector<size_t>{length};
    }
    case Piece::Kind::kDigits:
    case Piece::Kind::kLongDigits: {
      const size_t least = std::max(piece.least, 1u), most = piece.kind == Piece::Kind::kDigits ? 10 : piece.length;
      std::vector<size_t> out;
      for (size_t n = 1; n <= std::min<size_t>(most, text.size()) && text::is_digit(text[n - 1]); n++)
        if (n >= least) out.push_back(n);
      std::reverse(out.begin(), out.end());
      return out;
    }
    default:
      if (text.size() < piece.length || !all(text.substr(0, piece.length), piece.kind)) return {};
      return {piece.length};
  }
}

bool match_from(const std::vector<Piece>& pieces, size_t at, std::string_view text) {
  if (at == pieces.size()) return text.empty();
  for (const size_t length : lengths(pieces[at], text)) {
    if (match_from(pieces, at + 1, text.substr(length))) return true;
  }
  return false;
}

std::string repeated(const char* set, uint32_t times) {
  std::string out;
  for (uint32_t i = 0; i < times; i++) out += set;
  return out;
}

}  // namespace

uint32_t names_needed(const Piece& piece) {
  if (piece.kind == Piece::Kind::kSameDate) return 1;
  if (piece.kind == Piece::Kind::kUuid) return 2;
  const bool hex = piece.kind == Piece::Kind::kHex;
  // Of a digest, or of what a directory of two digits (fan_out.h) leaves of it.
  for (const uint32_t digest : {32u, 40u, 64u, 96u, 128u, 38u, 62u}) {
    if (hex && piece.length == digest) return 2;
  }
  return 3;
}

NamePattern::NamePattern(std::vector<Piece> pieces) {
  for (Piece& piece : pieces) {
    if (piece.kind == Piece::Kind::kLiteral && piece.bytes.empty()) continue;
    if (piece.kind == Piece::Kind::kLiteral && !pieces_.empty() && pieces_.back().kind == Piece::Kind::kLiteral) {
      pieces_.back().bytes += piece.bytes;
    } else {
      pieces_.push_back(std::move(piece));
    }
  }
}

NamePattern NamePattern::exactly(std::string_view component) {
  return NamePattern({{Piece::Kind::kLiteral, 0, std::string(component)}});
}

bool NamePattern::folded() const {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.kind != Piece::Kind::kLiteral; });
}

bool NamePattern::matches(std::string_view component) const { return match_from(pieces_, 0, component); }

std::string NamePattern::text() const {
  std::string out;
  for (const Piece& piece : pieces_) {
    const std::string length = std::to_string(piece.length);
    switch (piece.kind) {
      case Piece::Kind::kLiteral:
        out += pattern_component(piece.bytes);
        break;
      case Piece::Kind::kUuid:
        out += "{uuid}";
        break;
      case Piece::Kind::kHex:
        out += "{hex:" + length + "}";
        break;
      case Piece::Kind::kUpperHex:
        out += repeated("[0-9A-F]", piece.length);
        break;
      case Piece::Kind::kAnyHex:
        out += repeated("[0-9A-Fa-f]", piece.length);
        break;
      case Piece::Kind::kDigits:
        out += "{digits}";
        break;
      case Piece::Kind::kDigitsN:
        out += "{digits:" + length + "}";
        break;
      case Piece::Kind::kRand:
        out += "{rand:" + length + "}";
        break;
      case Piece::Kind::kLongDigits:
        out += "{";
        for (uint32_t n = piece.least; n <= piece.length; n++) out += (n == piece.least ? "{digits:" : ",{digits:") + std::to_string(n) + "}";
        out += "}";
        break;
      case Piece::Kind::kDate:
      case Piece::Kind::kSameDate:
        out += "{date}";
        break;
    }
  }
  return out;
}

double NamePattern::log2_names() const {
  double bits = 0;
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Piece::Kind::kLiteral:
        break;
      case Piece::Kind::kUuid:
        bits += 128;
        break;
      case Piece::Kind::kHex:
      case Piece::Kind::kUpperHex:
        bits += 4.0 * piece.length;
        break;
      case Piece::Kind::kAnyHex:
        bits += std::log2(22.0) * piece.length;
        break;
      case Piece::Kind::kDigits:
        bits += std::log2(11111111110.0);
        break;
      case Piece::Kind::kDigitsN:
      case Piece::Kind::kLongDigits:
        bits += std::log2(10.0) * piece.length;
        break;
      case Piece::Kind::kRand:
        bits += std::log2(63.0) * piece.length;
        break;
      case Piece::Kind::kDate:
      case Piece::Kind::kSameDate:
        bits += std::log2(2 * 200 * 12 * 31.0);
        break;
    }
  }
  return bits;
}

uint32_t NamePattern::names_needed() const {
  uint32_t needed = 1;
  for (const Piece& piece : pieces_) {
    if (piece.kind != Piece::Kind::kLiteral) needed = std::max(needed, learn::names_needed(piece));
  }
  return needed;
}

bool matches(const PathPattern& pattern, const std::vector<std::string>& components) {
  if (pattern.size() != components.size()) return false;
  for (size_t i = 0; i < pattern.size(); i++) {
    if (!pattern[i].matches(components[i])) return false;
  }
  return true;
}

std::string text_of(const PathPattern& pattern) {
  std::string out;
  for (const NamePattern& name : pattern) out += "/" + name.text();
  return out.empty() ? "/" : out;
}

double log2_names(const PathPattern& pattern) {
  double bits = 0;
  for (const NamePattern& name : pattern) bits += name.log2_names();
  return bits;
}

bool folded(const PathPattern& pattern) {
  return std::any_of(pattern.begin(), pattern.end(), [](const NamePattern& name) { return name.folded(); });
}

}  // namespace treeline::learn
