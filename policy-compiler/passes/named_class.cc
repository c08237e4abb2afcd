// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/named_class.h"

#include <charconv>

namespace treeline::passes {
namespace {

constexpr uint32_t kLongest = 255;  // NAME_MAX

Element bytes(std::string text) {
  Element element;
  element.bytes = std::move(text);
  return element;
}

Element set(const ByteSet& set, uint32_t min, uint32_t max) {
  Element element;
  element.kind = Element::Kind::kSet;
  element.set = set;
  element.min = min;
  element.max = max;
  return element;
}

Element either(std::vector<Sequence> branches) {
  Element element;
  element.kind = Element::Kind::kAlternatives;
  element.branches = std::move(branches);
  return element;
}

ByteSet digits() { return ByteSet::range('0', '9'); }

ByteSet hex() {
  ByteSet set = digits();
  set.add('a', 'f');
  return set;
}

ByteSet word() {
  ByteSet set = digits();
  set.add('a', 'z');
  set.add('A', 'Z');
  set.add('_');
  return set;
}

Sequence uuid() {
  return {set(hex(), 8, 8), bytes("-"),       set(hex(), 4, 4), bytes("-"),        set(hex(), 4, 4),
          bytes("-"),       set(hex(), 4, 4), bytes("-"),       set(hex(), 12, 12)};
}

Sequence date_with(const std::string& separator) {
  Sequence date = {either({{bytes("19")}, {bytes("20")}}), set(digits(), 2, 2)};
  const auto separate = [&] {
    if (!separator.empty()) date.push_back(bytes(separator));
  };
  separate();
  date.push_back(
      either({{bytes("0"), set(ByteSet::range('1', '9'), 1, 1)}, {bytes("1"), set(ByteSet::range('0', '2'), 1, 1)}}));
  separate();
  date.push_back(either({{bytes("0"), set(ByteSet::range('1', '9'), 1, 1)},
                         {set(ByteSet::range('1', '2'), 1, 1), set(digits(), 1, 1)},
                         {bytes("3"), set(ByteSet::range('0', '1'), 1, 1)}}));
  return date;
}

}  // namespace

std::optional<Sequence> named_class(std::string_view text, std::string& problem, std::string& remedy) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const bool counted = name == "hex" || name == "rand" || name == "digits";
  if (!counted && name != "uuid" && name != "date") {
    problem = "\"{" + std::string(text) + "}\" is not a named class";
    remedy =
        "named classes are {uuid} {hex:N} {digits} {digits:N} {rand:N} {date}; alternatives need a comma: {a,b}; a "
        "literal "
        "brace is \\{";
    return std::nullopt;
  }
  uint32_t count = 0;
  if (colon != std::string_view::npos) {
    const std::string_view number = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
    if (!counted || error != std::errc() || end != number.data() + number.size() || count == 0 ||
        count > kLongest) {
      problem = "\"{" + std::string(text) + "}\" has a length that cannot be";
      remedy =
          counted ? "write {" + std::string(name) + ":N} with N from 1 to 255" : "write {" + std::string(name) + "}";
      return std::nullopt;
    }
  }
  if (name == "uuid") return uuid();
  if (name == "date") return Sequence{either({date_with("-"), date_with("")})};
  if (name == "digits") return Sequence{count ? set(digits(), count, count) : set(digits(), 1, 10)};
  if (count == 0) {
    problem = "\"{" + std::string(text) + "}\" needs a length";
    remedy = name == "hex" ? "write {hex:64} for 64 hex digits" : "write {rand:6} for six random characters";
    return std::nullopt;
  }
  return Sequence{set(name == "hex" ? hex() : word(), count, count)};
}

}  // namespace treeline::passes
