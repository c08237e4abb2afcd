// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "enforcer/oci/json_text.h"
#include "policy-compiler/support/text.h"

namespace treeline::oci::json {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Value> whole() {
    Value value;
    skip_space();
    if (parse_value(value, 0)) {
      skip_space();
      if (at_ < text_.size()) fail("something follows the end of the value");
    }
    if (!wrong_.empty()) return place(wrong_);
    return value;
  }

 private:
  bool fail(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
    return false;
  }

  Error place(const std::string& what) const {
    const std::string_view before = text_.substr(0, std::min(at_, text_.size()));
    const size_t newline = before.rfind('\n');
    return Error{"line " + std::to_string(1 + std::count(before.begin(), before.end(), '\n')) + ", column " +
                     std::to_string(before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1) + ": " +
                     what,
                 EINVAL};
  }

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }

  bool parse_value(Value& value, int depth) {
    if (depth >= kMaxDepth) return fail("nested deeper than " + std::to_string(kMaxDepth) + " levels");
    if (++values_ > kMaxValues) return fail("more than " + std::to_string(kMaxValues) + " values");
    value.begin = at_;
    if (!parse_kind(value, depth)) return false;
    value.end = at_;
    return true;
  }

  bool parse_kind(Value& value, int depth) {
    switch (peek()) {
      case '{':
        value.kind = Kind::kObject;
        return parse_object(value, depth);
      case '[':
        value.kind = Kind::kArray;
        return parse_array(value, depth);
      case '"':
        value.kind = Kind::kString;
        return parse_string(value.scalar);
      case 't':
        value.kind = Kind::kTrue;
        return word("true");
      case 'f':
        value.kind = Kind::kFalse;
        return word("false");
      case 'n':
        value.kind = Kind::kNull;
        return word("null");
      default:
        value.kind = Kind::kNumber;
        return parse_number(value.scalar);
    }
  }

  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return fail("no value: only true, false and null are words");
    at_ += expected.size();
    return true;
  }

  size_t digits() {
    const size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - begin;
  }

  bool parse_number(std::string& written) {
    const size_t begin = at_;
    take('-');
    if (at_ >= text_.size()) return fail("the text ends where a value belongs");
    if (!take('0') && digits() == 0) return fail("no value stands here");
    if (take('.') && digits() == 0) return fail("digits belong behind the point");
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('+')) take('-');
      if (digits() == 0) return fail("digits belong behind the exponent");
    }
    written = text_.substr(begin, at_ - begin);
    return true;
  }

  bool parse_array(Value& value, int depth) {
    ++at_;
    skip_space();
    if (take(']')) return true;
    do {
      skip_space();
      if (!parse_value(value.elements.emplace_back(), depth + 1)) return false;
      skip_space();
    } while (take(','));
    return take(']') || fail(at_ < text_.size() ? "',' or ']' belongs here" : "the text ends inside an array");
  }

  bool parse_object(Value& value, int depth) {
    ++at_;
    skip_space();
    if (take('}')) return true;
    do {
      skip_space();
      if (peek() != '"')
        return fail(at_ < text_.size() ? "a name in quotes belongs here" : "the text ends inside an object");
      auto& [name, member] = value.members.emplace_back();
      if (!parse_string(name)) return false;
      skip_space();
      if (!take(':')) return fail("':' belongs behind a name");
      skip_space();
      if (!parse_value(member, depth + 1)) return false;
      skip_space();
    } while (take(','));
    if (!take('}')) return fail(at_ < text_.size() ? "',' or '}' belongs here" : "the text ends inside an object");
    std::vector<std::string_view> names;
    for (const auto& [name, member] : value.members) names.push_back(name);
    std::sort(names.begin(), names.end());
    auto twice = std::adjacent_find(names.begin(), names.end());
    return twice == names.end() || fail("the object that ends here holds " + text::quoted(*twice) + " twice");
  }

  bool parse_string(std::string& decoded) {
    ++at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') return ++at_, true;
      if (c < 0x20) return fail("a control character in a string; it is written as \\u00xx");
      if (c == '\\') {
        if (!parse_escape(decoded)) return false;
        continue;
      }
      const size_t length = text::utf8_length(text_, at_);
      if (length == 0) return fail("a string is not valid UTF-8");
      decoded.append(text_, at_, length);
      at_ += length;
    }
    return fail("the text ends inside a string");
  }

  bool parse_escape(std::string& decoded) {
    ++at_;
    static constexpr std::string_view kNames = "\"\\/bfnrt", kBytes = "\"\\/\b\f\n\r\t";
    if (peek() == 'u') return parse_unicode(decoded);
    const size_t which = at_ < text_.size() ? kNames.find(text_[at_]) : std::string_view::npos;
    if (which == std::string_view::npos) return fail("no such escape in a string");
    decoded += kBytes[which];
    ++at_;
    return true;
  }

  // At the 'u'. Four digits; behind them when it is a high surrogate, "\u" and the low one.
  bool parse_unicode(std::string& decoded) {
    uint32_t code = 0;
    if (!hex4(code)) return false;
    if (code >= 0xdc00 && code < 0xe000) return fail("half a surrogate pair in a string");
    if (code >= 0xd800 && code < 0xdc00) {
      uint32_t low = 0;
      if (!take('\\') || peek() != 'u' || !hex4(low) || low < 0xdc00 || low >= 0xe000)
        return fail("half a surrogate pair in a string");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    const auto add = [&](uint32_t byte) { decoded += static_cast<char>(byte); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xc0 | code >> 6), add(0x80 | (code & 63));
    } else if (code < 0x10000) {
      add(0xe0 | code >> 12), add(0x80 | (code >> 6 & 63)), add(0x80 | (code & 63));
    } else {
      add(0xf0 | code >> 18), add(0x80 | (code >> 12 & 63)), add(0x80 | (code >> 6 & 63)), add(0x80 | (code & 63));
    }
    return true;
  }

  bool hex4(uint32_t& code) {
    ++at_;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      uint32_t digit = 0;
      if (c >= '0' && c <= '9')
        digit = static_cast<uint32_t>(c - '0');
      else if ((c | 32) >= 'a' && (c | 32) <= 'f')
        digit = static_cast<uint32_t>((c | 32) - 'a' + 10);
      else
        return fail("four hexadecimal digits belong behind \\u");
      code = code << 4 | digit;
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0, values_ = 0;
  std::string wrong_;
};

// ASCII letters, and the two other characters that fold to one.
std::string folded(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name.substr(i, 2) == "\u017f")
      out += 's', i += 1;
    else if (name.substr(i, 3) == "\u212a")
      out += 'k', i += 2;
    else
      out += static_cast<char>(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 32 : name[i]);
  }
  return out;
}

}  // namespace

Result<Value> parse(std::string_view text) { return Parser(text).whole(); }

const Value* Value::find(std::string_view name) const {
  for (const auto& [have, member] : members)
    if (have == name) return &member;
  return nullptr;
}

const Value* Value::at(std::initializer_list<std::string_view> path) const {
  const Value* value = this;
  for (std::string_view name : path)
    if (value) value = value->find(name);
  return value;
}

const std::string* lookalike(const Value& object, std::string_view name) {
  const std::string wanted = folded(name);
  for (const auto& [have, member] : object.members)
    if (have != name && folded(have) == wanted) return &have;
  return nullptr;
}

}  // namespace treeline::oci::json
