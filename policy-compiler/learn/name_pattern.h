// SPDX-License-Identifier: Apache-2.0
//
// One component of a learned path: literal bytes with, at most, named classes between them. A subset of the profile's
// patterns: what learning may write. It never holds `*`, `?`, `**`.
//
//   NamePattern p = {literal("temp-"), {Piece::Kind::kDigits}, literal(".rdb")};
//   p.text()                 // temp-{digits}.rdb
//   p.matches("temp-21.rdb") // true
//   p.log2_names()           // 33.4: what the class lets through, in bits
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace treeline::learn {

struct Piece {
  enum class Kind : uint8_t {
    kLiteral,
    kUuid,      // {uuid}
    kHex,       // {hex:length}
    kUpperHex,  // [0-9A-F] length times: names such as PostgreSQL's log segments; the language's {hex:N} is lower case
    kAnyHex,    // [0-9A-Fa-f] length times: too long for a decimal counter, and no letter was seen yet
    kDigits,    // {digits}: 1 to 10
    kDigitsN,   // {digits:length}
    kLongDigits,  // {{digits:least},...,{digits:length}}: more than 10, of a generator whose numbers have not one length
    kRand,      // {rand:length}
    kDate,      // {date}
    kSameDate,  // {date}, of which only one was seen: the other classes of the name have to be believed without it
  };
  Kind kind = Kind::kLiteral;
  uint32_t length = 0;
  std::string bytes;   // kLiteral
  uint32_t least = 0;  // kLongDigits
  friend bool operator==(const Piece&, const Piece&) = default;
};

// Names (of one parent, node and word) that it takes before a class is believed: 2 where no static name looks so,
// else 3.
uint32_t names_needed(const Piece& piece);

class NamePattern {
 public:
  NamePattern() = default;
  explicit NamePattern(std::vector<Piece> pieces);
  static NamePattern exactly(std::string_view component);  // pseudo components too

  bool folded() const;  // holds a class
  bool matches(std::string_view component) const;
  std::string text() const;
  double log2_names() const;  // 0 for a literal
  uint32_t names_needed() const;
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  std::vector<Piece> pieces_;
};

using PathPattern = std::vector<NamePattern>;
bool matches(const PathPattern& pattern, const std::vector<std::string>& components);
std::string text_of(const PathPattern& pattern);
double log2_names(const PathPattern& pattern);
bool folded(const PathPattern& pattern);

}  // namespace treeline::learn
